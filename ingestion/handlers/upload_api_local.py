"""The upload API on a laptop: ASGI in front of the very application that runs in Lambda, refused rows included.

Each request becomes the event that API Gateway would send, with the claims that the composition root vouches for.
Powertools has an ASGI resolver of its own; with validation on, 3.37 stops for ever under 20 requests at once, because
each holds two threads of one small pool. Requests are served one at a time here, as in one Lambda environment.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

from aws_lambda_powertools.utilities.typing import LambdaContext

from ingestion.access import Emit
from ingestion.handlers.quarantine_api import build
from ledgerlake.aws import Aws
from ledgerlake.clock import Clock, utc_now
from ledgerlake.settings import Settings

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]


def asgi(settings: Settings, aws: Aws, claims: Mapping[str, str], clock: Clock = utc_now, emit: Emit = print) -> Asgi:
    """An ASGI application for uvicorn; every request is made by the one who has these claims."""
    api = build(settings, aws, clock, emit)
    turn = asyncio.Lock()

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            event = _event(scope, await _body(receive), claims)
            async with turn:
                answer = await asyncio.to_thread(api.resolve, event, LambdaContext())
            await _answer(send, answer)

    return serve


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def _event(scope: Scope, body: bytes, claims: Mapping[str, str]) -> dict[str, Any]:
    """An HTTP API event of payload format 2.0.

    Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
    """
    path, query = scope["path"], scope.get("query_string", b"").decode("latin-1")
    http = {
        "method": scope["method"],
        "path": path,
        "protocol": f"HTTP/{scope.get('http_version', '1.1')}",
        "sourceIp": (scope.get("client") or ("",))[0],
        "userAgent": "",
    }
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]},
        "queryStringParameters": _parameters(query),
        "isBase64Encoded": True,
        "body": base64.b64encode(body).decode(),
        "requestContext": {"stage": "$default", "http": http, "authorizer": {"jwt": {"claims": dict(claims)}}},
    }


def _parameters(query: str) -> dict[str, str]:
    """Repeated parameters are joined by commas, as API Gateway does."""
    joined: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


async def _answer(send: Send, answer: Mapping[str, Any]) -> None:
    body = answer.get("body") or ""
    headers = [
        (name.lower().encode("latin-1"), str(value).encode("latin-1"))
        for name, value in answer.get("headers", {}).items()
    ]
    await send({"type": "http.response.start", "status": answer["statusCode"], "headers": headers})
    await send(
        {
            "type": "http.response.body",
            "body": base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode(),
        },
    )
