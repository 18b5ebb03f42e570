"""A relay in front of S3 that can do to a commit what networks do: hold it back, or lose the reply to it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

CHUNK = 1 << 16


@dataclass
class Relay:
    """What happens to PUTs whose key holds `key`; every other byte passes unchanged."""

    upstream: tuple[str, int]
    key: bytes
    delay: float = 0.0
    """Seconds that a PUT waits before it reaches S3."""
    lost_replies: int = 0
    """So many of the next PUTs are carried out, but the connection ends before the reply."""
    then_dead: bool = False
    """After a lost reply S3 cannot be reached any more."""
    endpoint: str = ""
    swallowed: list[bytes] = field(default_factory=list)
    """The first lines of the PUTs whose reply was lost."""
    dead: bool = False

    def serve(self, server: socket.socket) -> None:
        """Accepts connections until the server socket is closed."""
        with suppress(OSError):
            while True:
                client, _ = server.accept()
                threading.Thread(target=self.relay, args=(client,), daemon=True).start()

    def relay(self, client: socket.socket) -> None:
        """Carries one connection, requests in this thread and replies in another."""
        if self.dead:
            client.close()
            return
        s3 = socket.create_connection(self.upstream)
        doomed = threading.Event()
        threading.Thread(target=self.carry_replies, args=(s3, client, doomed), daemon=True).start()
        with suppress(OSError):
            while data := client.recv(CHUNK):
                first = data.partition(b"\r\n")[0]
                if first.startswith(b"PUT ") and self.key in first:
                    time.sleep(self.delay)
                    if self.lost_replies:
                        self.lost_replies -= 1
                        self.swallowed.append(first)
                        doomed.set()
                s3.sendall(data)
        hang_up(client, s3)

    def carry_replies(self, s3: socket.socket, client: socket.socket, doomed: threading.Event) -> None:
        """Carries replies; a doomed connection loses the final one, "100 Continue" still passes."""
        with suppress(OSError):
            while data := s3.recv(CHUNK):
                if doomed.is_set() and b"HTTP/1.1 200" in data:
                    self.dead = self.then_dead
                    break
                client.sendall(data)
        hang_up(client, s3)


def hang_up(*ends: socket.socket) -> None:
    """Ends both directions of each socket, so that whoever reads or writes it stops."""
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()


@contextmanager
def relaying(s3_endpoint: str, key: str, *, delay: float = 0.0) -> Iterator[Relay]:
    """A relay on a free port of 127.0.0.1 for the length of a block."""
    parts = urlsplit(s3_endpoint)
    relay = Relay((parts.hostname or "127.0.0.1", parts.port or 80), key.encode(), delay)
    with socket.create_server(("127.0.0.1", 0)) as server:
        relay.endpoint = f"http://127.0.0.1:{server.getsockname()[1]}"
        threading.Thread(target=relay.serve, args=(server,), daemon=True).start()
        yield relay
