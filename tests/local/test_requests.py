"""How often one file makes a service do something: what the cost model multiplies with prices."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import httpx

from cli.costs import PER_FILE, PER_SWEEP
from cli.prepare import contracts, prepare
from ingestion.handlers import admit, upload_api
from ingestion.triggers import LandedObject
from ledgerlake.layout import landing_key
from streaming_jobs.lake import Lake
from streaming_jobs.microbatch import catch_up
from tables.contract_store import ContractStore
from tests.conftest import Cloud
from tests.local.calls import Call, recorded
from tests.local.clients import CONTEXT, DATASET, a_file, an_intake, s3_event, sqs_event
from tests.local.events import api_event
from tests.local.test_upload_api import a_body

BILLED = {
    "s3:PutObject": "s3_put",
    "s3:ListBucket": "s3_put",
    "s3:GetObject": "s3_get",
    "dynamodb:PutItem": "dynamodb_write",
    "dynamodb:UpdateItem": "dynamodb_write",
    "dynamodb:GetItem": "dynamodb_read",
    "dynamodb:BatchGetItem": "dynamodb_read",
    "dynamodb:Query": "dynamodb_read",
}


def test_the_cost_model_knows_how_often_a_file_makes_a_service_do_something(fresh_cloud: Cloud) -> None:
    settings = an_intake(fresh_cloud).settings
    operator = replace(fresh_cloud.aws, settings=settings)
    prepare(settings, operator, contracts(settings, operator))
    counted: list[Call] = []
    for warm in (False, True):  # the second file is what every further one costs
        with recorded(fresh_cloud, settings) as (aws, recorder):
            data = a_file(first=1 + 100 * warm)
            api = upload_api.build(aws.settings, aws, emit=lambda _: None)
            granted = json.loads(api.resolve(api_event("POST", "/v1/uploads", a_body(data)), CONTEXT)["body"])
            (step,) = granted["steps"]
            assert httpx.put(step["url"], headers=step["headers"], content=data).status_code == 200
            key = landing_key(DATASET, granted["upload_id"])
            event = sqs_event(s3_event(LandedObject(settings.landing_bucket, key)))
            assert admit.build(aws.settings, aws, emit=lambda _: None)(event, CONTEXT) == {"batchItemFailures": []}
            api.resolve(api_event("GET", f"/v1/uploads/{granted['upload_id']}"), CONTEXT)
            catch_up(Lake(aws.settings, aws, ContractStore(aws.settings, aws)))
        counted = recorder.calls
    for name, count in units(counted).items():
        assert count <= PER_FILE[name] <= 2 * count, f"{name}: {count} counted, the model has {PER_FILE[name]}"


def test_the_cost_model_knows_what_the_stream_asks_for_while_nothing_happens(fresh_cloud: Cloud) -> None:
    settings = an_intake(fresh_cloud).settings
    operator = replace(fresh_cloud.aws, settings=settings)
    prepare(settings, operator, contracts(settings, operator))
    with recorded(fresh_cloud, settings) as (aws, recorder):
        lake = Lake(aws.settings, aws, ContractStore(aws.settings, aws))
        catch_up(lake)
        recorder.calls.clear()
        catch_up(lake)
    for name, count in units(recorder.calls).items():
        modelled = PER_SWEEP[name] * len(lake.contracts.names())
        assert count <= modelled <= 3 * count, f"{name}: {count} counted, the model has {modelled}"


def units(calls: list[Call]) -> Counter[str]:
    """How many requests of each price."""
    return Counter(BILLED[call.action] for call in calls if call.action in BILLED)
