"""A real S3 behind a door that shuts: after so many writes every further request is refused, as if power failed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

WRITES = {"PUT", "POST", "DELETE"}


@dataclass
class Door:
    """`endpoint` is where clients go; `left` is how many writes still pass."""

    endpoint: str
    left: int
    shut: bool = False

    def passes(self, method: str) -> bool:
        """Counts a request; from the first write too many on, nothing passes."""
        if method in WRITES and not self.shut:
            self.left -= 1
            self.shut = self.left < 0
        return not self.shut


@contextmanager
def failing_after(writes: int, s3_endpoint: str) -> Iterator[Door]:
    """A door that lets `writes` writes through, on a free port of 127.0.0.1."""
    parts = urlsplit(s3_endpoint)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if not door.passes(self.command):
                self._answer(403, [("Content-Length", "0")], b"")
                return
            upstream = HTTPConnection(parts.hostname or "", parts.port)
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in {"connection", "expect"}:
                    upstream.putheader(name, value)
            upstream.endheaders(body)
            reply = upstream.getresponse()
            data = reply.read()
            headers = [
                (name, value)
                for name, value in reply.getheaders()
                if name.lower() not in {"connection", "transfer-encoding", "content-length", "date", "server"}
            ]
            length = (reply.getheader("Content-Length") or "0") if self.command == "HEAD" else str(len(data))
            self._answer(reply.status, [*headers, ("Content-Length", length)], data)
            upstream.close()

        def _answer(self, status: int, headers: list[tuple[str, str]], data: bytes) -> None:
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _serve  # noqa: N815  # names that http.server looks for

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        door = Door(f"http://127.0.0.1:{server.server_address[1]}", writes)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield door
        server.shutdown()
