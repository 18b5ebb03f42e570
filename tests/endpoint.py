"""A real HTTP endpoint on this machine that answers as a test says, and keeps what it was sent."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer


@dataclass(frozen=True)
class Sent:
    """One request: its path, its `Authorization` and its body."""

    path: str
    authorization: str | None
    body: bytes


@contextmanager
def endpoint(*statuses: int, body: bytes = b"", **headers: str) -> Iterator[tuple[str, list[Sent]]]:
    """Its address, and what arrives there; they are answered with these statuses, one each, this body and headers."""
    received: list[Sent] = []
    answers = iter(statuses)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers["Content-Length"] or 0))
            received.append(Sent(self.path, self.headers["Authorization"], sent))
            self.send_response(next(answers))
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST  # noqa: N815  # a name that http.server looks for

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
