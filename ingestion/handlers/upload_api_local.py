"""The upload API on a laptop: ASGI in front of the very application that runs in Lambda, refused rows included.

Each request becomes the event that API Gateway would send, with the claims that the composition root vouches for. No
token is checked: a client may name somebody whom the composition root knows.
Powertools has an ASGI resolver of its own; with validation on, 3.37 stops for ever under 20 requests at once, because
each holds two threads of one small pool. Requests are served one at a time here, as in one Lambda environment.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from aws_lambda_powertools.utilities.typing import LambdaContext

from ingestion.client import PERSON
from ingestion.handlers.quarantine_api import build
from ingestion.problems import MEDIA_TYPE, problem
from ledgerlake.aws import Aws
from ledgerlake.clock import Clock, utc_now
from ledgerlake.settings import Settings
from monitoring.publish import Emit

MORE_USERS = "name more in LEDGERLAKE_LOCAL_USERS, then start the API again (`ledgerlake down`, `ledgerlake up`)"

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Claims = Mapping[str, str]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]


def asgi(  # noqa: PLR0913, PLR0917  # dependencies, and who may ask
    settings: Settings,
    aws: Aws,
    claims: Claims,
    others: Mapping[str, Claims] | None = None,
    clock: Clock = utc_now,
    emit: Emit = print,
) -> Asgi:
    """An ASGI application for uvicorn; a request is made by the one who has these `claims`, or by a known other."""
    api = build(settings, aws, clock, emit)
    turn = asyncio.Lock()

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            body, person = await _body(receive), _person(scope)
            known = (others or {}).get(person) if person else claims
            if known is None:
                await _answer(send, _unknown(person, others or {}))
                return
            async with turn:
                answer = await asyncio.to_thread(api.resolve, _event(scope, body, known), LambdaContext())
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


def _person(scope: Scope) -> str:
    named = PERSON.lower().encode()
    return next((str(value, "latin-1") for name, value in scope["headers"] if name.lower() == named), "")


def _unknown(name: str, known: Iterable[str]) -> dict[str, Any]:
    listed = ", ".join(known) or "none"
    answer = problem(HTTPStatus.UNAUTHORIZED, f"Nobody here is called {name!r}; known are {listed}: {MORE_USERS}.")
    return {"statusCode": answer.status_code, "headers": {"content-type": MEDIA_TYPE}, "body": answer.body}


def _event(scope: Scope, body: bytes, claims: Claims) -> dict[str, Any]:
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
