"""SQS, Kinesis, DynamoDB, Glue and CloudWatch of the laptop: moto's server, `python -m cli.emulator PORT`.

moto runs requests of different clients at the same time, and its TransactWriteItems is not safe against that: numbers
it has confirmed are lost. Here DynamoDB's requests are served one after the other (ADR 5; `test_emulator_counter.py`).
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any

from moto.server import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import run_simple

ACCOUNT = "123456789012"
"""moto's account; part of queue URLs."""

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def one_at_a_time(app: Wsgi) -> Wsgi:
    """The same application, with every DynamoDB request behind one lock."""
    lock = threading.Lock()

    def serve(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not environ.get("HTTP_X_AMZ_TARGET", "").startswith("DynamoDB"):
            return app(environ, start_response)
        with lock:
            return list(app(environ, start_response))

    return serve


def main(port: int) -> None:
    """Serves on 127.0.0.1 until a signal ends it."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app = one_at_a_time(DomainDispatcherApplication(create_backend_app))
    run_simple("127.0.0.1", port, app, threaded=True, request_handler=MotoRequestHandler)


if __name__ == "__main__":
    main(int(sys.argv[1]))
