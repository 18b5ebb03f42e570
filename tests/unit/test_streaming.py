"""A reader takes what it needs and no more: even a file without end gives its first rows."""

from __future__ import annotations

import io
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO, cast

import pytest

from benchmarks.memory import FORMATS, contract_for
from validation.formats import FORMATS as READERS
from validation.validate import judge


@dataclass
class Endless(io.RawIOBase):
    """The head of a file, and then a piece of it again and again."""

    head: bytes
    piece: bytes
    taken: int = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        assert size >= 0, "all of it is wanted"
        data = (self.head + self.piece * (1 + size // len(self.piece)))[:size]
        self.head = (self.head + self.piece * (1 + size // len(self.piece)))[size:]
        self.taken += size
        return data


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_without_end_gives_its_first_rows(form: str) -> None:
    head, rows, _ = FORMATS[form]
    contract = contract_for(form)
    endless = Endless(head, rows(range(500)))
    parts = islice(judge(READERS[form].split(cast("BinaryIO", endless), contract), contract), 2)
    assert all(part.accepted.num_rows > 1000 for part in parts)
    assert endless.taken < 16 * 1024**2
