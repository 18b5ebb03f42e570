"""Of every installation, in AWS or on a laptop: what an upload goes through answers, and nothing is stuck."""

from __future__ import annotations

from datetime import timedelta
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from cli.checks.finding import Check, Finding
from cli.resources import dead_letter_url
from cli.services import API_URL
from cli.shell import Shell
from ingestion.ledger import Ledger
from ledgerlake.clock import utc_now
from ledgerlake.layout import table_uri
from tables.contract_store import ContractStore
from tables.delta import open_table
from tables.system_tables import SYSTEM_TABLES

STUCK = timedelta(minutes=10)
"""An accepted upload that no table has applied for so long waits for somebody."""

UNAUTHORIZED = 401


def contracts(shell: Shell) -> Finding:
    """There are contracts, and all of them are good."""
    store = ContractStore(shell.settings, shell.aws)
    names = store.names()
    for name in names:
        store.current(name)
    return Finding("contracts", bool(names), ", ".join(names) or "none", f"put one into {shell.settings.contracts}")


def buckets(shell: Shell) -> Finding:
    """The three buckets are there and open to us."""
    settings = shell.settings
    for bucket in (settings.landing_bucket, settings.raw_bucket, settings.tables_bucket):
        shell.aws.s3.head_bucket(Bucket=bucket)
    return Finding("buckets", good=True, found=settings.s3_endpoint_url or settings.endpoint_url or "AWS")


def ledger(shell: Shell) -> Finding:
    """The ledger is there."""
    shown = shell.aws.dynamodb.describe_table(TableName=shell.settings.ledger_table)["Table"]["TableStatus"]
    return Finding("ledger", shown == "ACTIVE", f"{shell.settings.ledger_table} {shown}", "wait until it is ACTIVE")


def events(shell: Shell) -> Finding:
    """What announces uploads to the stream is there."""
    settings = shell.settings
    if settings.source == "sqs":
        waiting = _messages(shell, settings.events_queue_url or "")
        return Finding("upload events", good=True, found=f"{waiting} wait in the queue")
    summary = shell.aws.kinesis.describe_stream_summary(StreamName=settings.stream_name)["StreamDescriptionSummary"]
    found = f"{settings.stream_name} {summary['StreamStatus']}"
    return Finding("upload events", summary["StreamStatus"] == "ACTIVE", found, "wait until it is ACTIVE")


def dead_letters(shell: Shell) -> Finding:
    """No notice was given up."""
    count = _messages(shell, dead_letter_url(shell.settings.landing_queue_url))
    fix = "find the cause in the log of the admission and mend it; the sweeper then admits the files"
    return Finding("dead letters", count == 0, f"{count} messages", fix)


def tables(shell: Shell) -> Finding:
    """Every contract has its table."""
    names, bucket = ContractStore(shell.settings, shell.aws).names(), shell.settings.tables_bucket
    missing = [name for name in names if open_table(table_uri(bucket, name), shell.settings) is None]
    found = f"missing: {', '.join(missing)}" if missing else f"{len(names)} datasets"
    return Finding("tables", not missing, found, "ledgerlake tables apply")


def catalog(shell: Shell) -> Finding:
    """Every table is registered where it lies."""
    names = (*ContractStore(shell.settings, shell.aws).names(), *SYSTEM_TABLES)
    database = shell.settings.database
    shown = shell.aws.glue.get_paginator("get_tables").paginate(DatabaseName=database)
    places = {each["Name"]: each["StorageDescriptor"]["Location"] for page in shown for each in page["TableList"]}
    wrong = [name for name in names if places.get(name) != table_uri(shell.settings.tables_bucket, name)]
    found = f"not, or elsewhere: {', '.join(wrong)}" if wrong else f"{len(names)} tables in {database}"
    return Finding("catalog", not wrong, found, "ledgerlake tables apply")


def waiting(shell: Shell) -> Finding:
    """The stream applies what is accepted."""
    book, since = Ledger(shell.aws, shell.settings), utc_now() - STUCK
    stuck = {
        name: len([row for row in book.pending(name) if row.manifest and row.manifest.accepted_at < since])
        for name in ContractStore(shell.settings, shell.aws).names()
    }
    found = ", ".join(f"{name} {count}" for name, count in stuck.items() if count)
    said = f"longer than {STUCK.total_seconds() / 60:.0f} min: {found}" if found else "nothing is stuck"
    return Finding(
        "waiting uploads", not found, said, "read the stream's log; a table may be missing, or held by a gap"
    )


def api(shell: Shell) -> Finding:
    """The upload API answers; in AWS nobody gets in without a token."""
    url = f"{shell.api_url}/v1/datasets"
    try:
        with urlopen(url, timeout=10) as answer:  # noqa: S310  # an address of the operator's own environment
            status = answer.status
    except HTTPError as error:
        status = error.code
    except URLError as error:
        return Finding("upload API", good=False, found=f"{url}: {error.reason}", fix=f"start it, or set {API_URL}")
    local = shell.settings.endpoint_url is not None
    good = status == 200 if local else status == UNAUTHORIZED  # noqa: PLR2004  # HTTP's "OK"
    said = {200: "answers", UNAUTHORIZED: "asks for a token"}.get(status, f"answers with {status}")
    fix = "give every route its authorizer again: make deploy" if status == 200 else "read the log of the API"  # noqa: PLR2004  # as above
    return Finding("upload API", good, f"{shell.api_url} {said}", fix)


def _messages(shell: Shell, url: str) -> int:
    asked = {"QueueUrl": url, "AttributeNames": ["ApproximateNumberOfMessages"]}
    return int(shell.aws.sqs.get_queue_attributes(**asked)["Attributes"]["ApproximateNumberOfMessages"])


CHECKS: tuple[Check, ...] = (contracts, buckets, ledger, events, dead_letters, tables, catalog, waiting, api)
