"""A grant binds size, type, hash and no-overwrite: the real S3 server refuses everything else."""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace

import httpx
import pytest

from ingestion.grant import grant_upload
from ingestion.presign import complete_multipart
from ingestion.request import InvalidRequestError
from ledgerlake.layout import LANDING_PREFIX
from tests.conftest import Cloud
from tests.local.clients import CALLER, a_file, a_request, an_intake, land, objects, send


def test_exactly_the_granted_bytes_are_taken(fresh_cloud: Cloud) -> None:
    intake, data = an_intake(fresh_cloud), a_file()
    landed = land(intake, data)
    assert objects(intake, intake.settings.landing_bucket, LANDING_PREFIX) == {landed.notice.key: data}


def test_other_bytes_of_the_same_size_are_refused(fresh_cloud: Cloud) -> None:
    intake, data = an_intake(fresh_cloud), a_file()
    granted = grant_upload(intake, a_request(data), CALLER)
    (answer,) = send(granted, data.replace(b"EUR", b"USD"))
    assert answer.status_code == httpx.codes.BAD_REQUEST, answer.text
    assert not objects(intake, intake.settings.landing_bucket, LANDING_PREFIX)


@pytest.mark.parametrize(
    ("header", "text"),
    [
        ("Content_Type", "application/zip"),
        ("If_None_Match", "x"),
        ("Content_Length", "10"),
        ("x_amz_checksum_sha256", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
    ],
)
def test_an_altered_header_breaks_the_signature(fresh_cloud: Cloud, header: str, text: str) -> None:
    intake, data = an_intake(fresh_cloud), a_file()
    granted = grant_upload(intake, a_request(data), CALLER)
    (answer,) = send(granted, data[:10] if header == "Content_Length" else data, **{header: text})
    assert answer.status_code == httpx.codes.FORBIDDEN, answer.text
    assert not objects(intake, intake.settings.landing_bucket, LANDING_PREFIX)


@pytest.mark.parametrize("bound", ["If-None-Match", "x-amz-checksum-sha256", "Content-Type"])
def test_a_bound_header_cannot_be_left_out(fresh_cloud: Cloud, bound: str) -> None:
    intake, data = an_intake(fresh_cloud), a_file()
    (step,) = grant_upload(intake, a_request(data), CALLER).steps
    headers = {name: text for name, text in step.headers.items() if name != bound}
    answer = httpx.put(step.url, content=data, headers=headers)
    assert answer.status_code in {httpx.codes.FORBIDDEN, httpx.codes.BAD_REQUEST}, answer.text
    assert not objects(intake, intake.settings.landing_bucket, LANDING_PREFIX)


def test_an_altered_url_is_refused(fresh_cloud: Cloud) -> None:
    intake, data = an_intake(fresh_cloud), a_file()
    granted = grant_upload(intake, a_request(data), CALLER)
    (step,) = granted.steps
    other = replace(step, url=step.url.replace("landing/payments", "landing/accounts"))
    (answer,) = send(replace(granted, steps=(other,)), data)
    assert answer.status_code == httpx.codes.FORBIDDEN, answer.text


def test_an_expired_url_is_refused(fresh_cloud: Cloud) -> None:
    intake, data = an_intake(fresh_cloud, grant_seconds=1), a_file()
    granted = grant_upload(intake, a_request(data), CALLER)
    time.sleep(2.1)
    (answer,) = send(granted, data)
    assert answer.status_code == httpx.codes.FORBIDDEN, answer.text


def test_a_second_put_never_overwrites(fresh_cloud: Cloud) -> None:
    intake, data = an_intake(fresh_cloud), a_file()
    landed = land(intake, data)
    (answer,) = send(landed.granted, data)
    assert answer.status_code == httpx.codes.PRECONDITION_FAILED, answer.text


def test_a_large_file_goes_in_parts_that_are_joined_once_all_are_there(fresh_cloud: Cloud) -> None:
    part = 5 * 1024**2
    intake, data = an_intake(fresh_cloud, multipart_bytes=part), bytes(range(256)) * (2 * part // 256) + b"the last"
    granted = grant_upload(intake, a_request(data), CALLER)
    assert [step.size for step in granted.steps] == [part, part, 8]
    send(replace(granted, steps=granted.steps[:2]), data)
    with pytest.raises(InvalidRequestError, match="part 3 is missing or has not 8 bytes"):
        complete_multipart(intake, granted.grant)
    send(replace(granted, steps=granted.steps[2:]), data)
    complete_multipart(intake, granted.grant)
    complete_multipart(intake, granted.grant)
    (joined,) = objects(intake, intake.settings.landing_bucket, LANDING_PREFIX).values()
    assert hashlib.sha256(joined).hexdigest() == granted.grant.sha256


def test_a_part_of_another_size_is_refused(fresh_cloud: Cloud) -> None:
    part = 5 * 1024**2
    intake, data = an_intake(fresh_cloud, multipart_bytes=part), bytes(part + 8)
    last = grant_upload(intake, a_request(data), CALLER).steps[1]
    answer = httpx.put(last.url, content=b"too much for it", headers={"Content-Length": "15"})
    assert answer.status_code == httpx.codes.FORBIDDEN, answer.text
