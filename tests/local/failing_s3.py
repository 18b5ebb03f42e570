"""A real S3 behind a door that shuts: after so many writes every further request is refused, as if power failed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.local.proxy import Request, proxied

WRITES = {"PUT", "POST", "DELETE"}


@dataclass
class Door:
    """`endpoint` is where clients go; `left` is how many writes still pass."""

    left: int
    endpoint: str = ""
    shut: bool = False

    def passes(self, request: Request) -> bool:
        """Counts a request; from the first write too many on, nothing passes."""
        if request.method in WRITES and not self.shut:
            self.left -= 1
            self.shut = self.left < 0
        return not self.shut


@contextmanager
def failing_after(writes: int, s3_endpoint: str) -> Iterator[Door]:
    """A door that lets `writes` writes through, on a free port of 127.0.0.1."""
    door = Door(writes)
    with proxied(s3_endpoint, door.passes) as door.endpoint:
        yield door
