"""Changed rows of one commit in pieces that fit in memory, both sides of an update always in the same piece.

More than `PIECE_ROWS` are first written to the machine's temporary folder, in buckets by key.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

PIECE_ROWS = 200_000
BUCKETS = 64


def pieces(batches: Iterator[pa.Table], key: Sequence[str], limit: int = PIECE_ROWS) -> Iterator[pa.Table]:
    """The rows of `batches`; all of one key are in one piece, which is larger than `limit` where a bucket is."""
    head: list[pa.Table] = []
    for batch in batches:
        head.append(batch)
        if sum(each.num_rows for each in head) > limit:
            yield from _spilled(chain(head, batches), key)
            return
    if head:
        yield pa.concat_tables(head)


def _spilled(batches: Iterator[pa.Table], key: Sequence[str]) -> Iterator[pa.Table]:
    with TemporaryDirectory(prefix="ledgerlake-") as folder:
        writers: dict[int, pa.ipc.RecordBatchStreamWriter] = {}
        for batch in batches:
            numbers = _buckets(batch, key)
            for number in np.unique(numbers):
                if number not in writers:
                    writers[number] = pa.ipc.new_stream(_path(folder, number), batch.schema)
                writers[number].write_table(batch.filter(pa.array(numbers == number)))
        for writer in writers.values():
            writer.close()
        for number in sorted(writers):
            with pa.memory_map(_path(folder, number)) as stream:
                yield pa.ipc.open_stream(stream).read_all()


def _path(folder: str, number: int) -> str:
    return str(Path(folder, str(number)))


def _buckets(rows: pa.Table, key: Sequence[str]) -> npt.NDArray[np.int64]:
    texts = [_text(rows[name]) for name in key]
    joined = pc.binary_join_element_wise(*texts, "\x1f", null_handling="replace", null_replacement="\x1e")
    return np.array([zlib.crc32(text.encode()) % BUCKETS for text in joined.to_pylist()], dtype=np.int64)


def _text(values: pa.ChunkedArray) -> pa.ChunkedArray:
    numbers = values.cast(pa.int64()) if pa.types.is_timestamp(values.type) else values
    return numbers.cast(pa.string())
