"""What AWS would bill for recorded requests, in the units of `cli.prices.PRICES`.

Sources: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/capacity-unit-calculations.html,
https://aws.amazon.com/s3/pricing/ (a DELETE is free), https://aws.amazon.com/xray/pricing/ (traces, not segments)
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from tests.local.calls import Recorder, asked_of
from tests.local.proxy import Request

KB = 1024
Item = Mapping[str, Any]


def billed(recorder: Recorder, ledger: Sequence[Item]) -> Counter[str]:
    """Units by price; `ledger` has every item as it was afterwards: items are billed by their size, and only grow."""
    sizes = {_key(item): size(item) for item in ledger}
    found: Counter[str] = Counter()
    for request in recorder.to_s3:
        found[_of_s3(request)] += 1
    for request in recorder.to_others:
        if request.path != "/TraceSegments":
            for price, units in _of_other(request, sizes):
                found[price] += units
    found["trace"] = len({trace for request in recorder.to_others for trace in _traces(request)})
    del found["free"]
    return found


def _of_s3(request: Request) -> str:
    parts = urlsplit(request.path)
    if request.method == "DELETE" or (request.method == "POST" and parts.query.startswith("delete")):
        return "free"
    lists = request.method == "GET" and "/" not in parts.path.strip("/")
    return "s3_get" if request.method in {"GET", "HEAD"} and not lists else "s3_put"


def _of_other(request: Request, sizes: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    service, operation, body = asked_of(request)
    if operation == "PutMetricData":
        yield "metric_put", 1
    if not service.startswith("DynamoDB"):
        return
    if operation == "TransactWriteItems":
        for each in body["TransactItems"]:
            (write,) = each.values()
            yield "dynamodb_write", 2 * _units(sizes, write.get("Key") or write["Item"], KB)
    elif operation in {"PutItem", "UpdateItem", "DeleteItem"}:
        yield "dynamodb_write", _units(sizes, body.get("Key") or body["Item"], KB)
    else:
        assert operation == "GetItem", operation
        assert body["ConsistentRead"] is True  # half as dear without
        yield "dynamodb_read", _units(sizes, body["Key"], 4 * KB)


def _units(sizes: Mapping[str, int], key: Item, step: int) -> int:
    """One unit at least, also of an item that is not there."""
    return max(1, -(-sizes.get(_key(key), 0) // step))


def _key(item: Item) -> str:
    return f"{item['pk']['S']} {item['sk']['S']}"


def size(item: Item) -> int:
    """Bytes of an item: names and values in UTF-8; what types add is left out, as DynamoDB's own rule is rougher."""
    return sum(len(name.encode()) + _value(value) for name, value in item.items())


def _value(value: Mapping[str, Any]) -> int:
    ((kind, inner),) = value.items()
    return size(inner) if kind == "M" else len(str(inner).encode())


def _traces(request: Request) -> Iterator[str]:
    if request.path == "/TraceSegments":
        for segment in json.loads(request.body)["TraceSegmentDocuments"]:
            yield json.loads(segment)["trace_id"]
