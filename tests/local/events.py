"""Events as AWS hands them to the functions of ingestion, beyond those that the pump makes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

CLAIMS = {"sub": "alice", "custom:tenant": "acme"}


def api_event(
    method: str, path: str, body: Any = None, query: Mapping[str, str] | None = None, scope: str = ""
) -> dict[str, Any]:
    """A request that API Gateway passes on (HTTP API, payload 2.0), of somebody whose token it has checked."""
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "queryStringParameters": dict(query or {}),
        "headers": {"content-type": "application/json"},
        "body": json.dumps(body) if body is not None else "",
        "isBase64Encoded": False,
        "requestContext": {
            "stage": "$default",
            "http": {"method": method, "path": path, "sourceIp": "192.0.2.7"},
            "authorizer": {"jwt": {"claims": {**CLAIMS, "scope": scope}}},
        },
    }
