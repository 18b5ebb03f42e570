"""An HTTP door in front of a server: it sees every request, and says which of them pass."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Request:
    """One request as it came; names of headers are written small."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@contextmanager
def proxied(upstream: str, passes: Callable[[Request], bool]) -> Iterator[str]:
    """An endpoint on a free port of 127.0.0.1; what does not pass is answered with 403."""
    parts = urlsplit(upstream)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            if not passes(Request(self.command, self.path, headers, body)):
                self._answer(403, [("Content-Length", "0")], b"")
                return
            server = HTTPConnection(parts.hostname or "", parts.port)
            server.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in {"connection", "expect"}:
                    server.putheader(name, value)
            server.endheaders(body)
            reply = server.getresponse()
            data = reply.read()
            kept = [
                (name, value)
                for name, value in reply.getheaders()
                if name.lower() not in {"connection", "transfer-encoding", "content-length", "date", "server"}
            ]
            length = (reply.getheader("Content-Length") or "0") if self.command == "HEAD" else str(len(data))
            self._answer(reply.status, [*kept, ("Content-Length", length)], data)
            server.close()

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
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
