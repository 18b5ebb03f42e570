"""Parquet: typed columns. What has another type than the contract's is read as text: one grammar judges all formats."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ledgerlake.errors import RejectedError
from tables.contract import Contract
from validation.columns import CHECK, Columns, match
from validation.container import Caps, too_large
from validation.formats.block import Block, Format, beside
from validation.moments import written

MAGIC = b"PAR1"
ROWS = 64 * 1024
PIECE = 64 * 1024**2  # bytes that one block has at most, as far as its rows are alike
CAPS = Caps(grace=PIECE)
"""A value that is written once may stand in millions of rows."""
_DAMAGE = (pa.ArrowException, OSError, UnicodeDecodeError)


def sniff(prefix: bytes) -> bool:
    """Starts with Parquet's magic."""
    return prefix.startswith(MAGIC)


def check_header(prefix: bytes, contract: Contract, complete: bool) -> None:  # noqa: FBT001  # the shape of a Format
    """The schema stands at the end of the file: it is compared only when all of it is there."""
    if complete:
        _columns(_open(pa.BufferReader(prefix)), contract)


def split(stream: BinaryIO, contract: Contract, piece: int = PIECE) -> Iterator[Callable[[], Block]]:
    """As `Format.split`; `piece` is a size in bytes.

    The packed file is held in memory: its schema stands at its end.
    """
    data = stream.read()
    file = _open(pa.BufferReader(data))
    columns, unpacked, row = _columns(file, contract), 0, 1
    batches = file.iter_batches(batch_size=_rows_at_once(file, columns, len(data), piece), use_threads=False)
    while True:
        try:
            batch = next(batches, None)
            size = sum(map(_size, batch.columns)) if batch is not None else 0
        except _DAMAGE as error:
            raise _damaged(error) from error
        if batch is None:
            return
        unpacked += size
        if unpacked > CAPS.limit(len(data)):
            raise too_large(len(data), CAPS)
        step = max(1, batch.num_rows * piece // max(size, piece))
        for at in range(0, batch.num_rows, step):
            yield partial(read, batch.slice(at, step), row + at, columns, contract)
        row += batch.num_rows


FORMAT = Format("parquet", sniff, check_header, split, text=False)


def read(batch: pa.RecordBatch, first_row: int, columns: Columns, contract: Contract) -> Block:
    """One block."""
    cells = {
        fed: _cell(batch.column(at), contract.column(fed).arrow, first_row) for at, fed in enumerate(columns.fed) if fed
    }
    others = [(name, _cell(batch.column(at), pa.string(), first_row)) for at, name in columns.others.items()]
    rows = np.arange(first_row, first_row + batch.num_rows)
    return Block(rows, cells, partial(_raw, batch), others=beside(others, batch.num_rows))


def _rows_at_once(file: pq.ParquetFile, columns: Columns, packed: int, piece: int) -> int:
    """As many rows as are no more than a block, by what the file says of its groups of rows.

    Raises:
        RejectedError: a group unpacks beyond the caps.
    """
    rows = ROWS // (1 + len(columns.others))
    for number in range(file.num_row_groups):
        group = file.metadata.row_group(number)
        if group.total_byte_size > CAPS.limit(packed):
            raise too_large(packed, CAPS)
        rows = min(rows, group.num_rows * piece // max(group.total_byte_size, 1))
    return max(1, rows)


def _size(values: pa.Array) -> int:
    """Bytes of a column when each row has its own; raises `ArrowException` where a row has a text that is not there."""
    if not pa.types.is_dictionary(values.type) or not _is_text(values.type.value_type):
        return int(values.nbytes)
    return pc.sum(pc.binary_length(values.dictionary).take(values.indices)).as_py() or 0


def _is_text(kind: pa.DataType) -> bool:
    return kind in {pa.string(), pa.large_string(), pa.string_view()}


def _open(source: pa.NativeFile) -> pq.ParquetFile:
    """Texts are read as the file has them: each that is written once, once."""
    try:
        schema = pq.read_schema(source)
        texts = [field.name for field in schema if _is_text(field.type)]
        return pq.ParquetFile(source, read_dictionary=texts)
    except _DAMAGE as error:
        raise _damaged(error) from error


def _damaged(error: Exception) -> RejectedError:
    return RejectedError("records", f"the Parquet file is damaged: {error}")


def _columns(file: pq.ParquetFile, contract: Contract) -> Columns:
    schema = file.schema_arrow
    columns = match(schema.names, contract, "Parquet schema")
    read = [field for at, field in enumerate(schema) if columns.fed[at] or at in columns.others]
    odd = [field.name for field in read if not _has_text(field.type)]
    if odd:
        msg = f"Parquet schema: {', '.join(map(repr, odd))} holds bytes or nested values; plain columns are accepted"
        raise RejectedError(CHECK, msg)
    return columns


def _has_text(kind: pa.DataType) -> bool:
    """Whether a value of this type can be written as text."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return False
    try:
        pc.cast(pa.array([], kind), pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return False
    return True


def _cell(values: pa.Array, wanted: pa.DataType, first_row: int) -> pa.Array:
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        _check_text(values, first_row)
    if values.type == wanted:
        return values
    if pa.types.is_date64(values.type) and pa.types.is_date32(wanted):
        return pc.cast(values, wanted)
    if pa.types.is_timestamp(values.type) and values.type.tz:
        return _in_utc(values, wanted)
    return pc.cast(values, pa.string())


def _check_text(values: pa.Array, first_row: int) -> None:
    """Arrow takes the bytes of a text from Parquet as they are."""
    try:
        values.validate(full=True)
    except pa.ArrowInvalid as error:
        msg = f"a text in the {len(values)} rows from row {first_row} is not UTF-8: {error}"
        raise RejectedError("encoding", msg) from error


def _in_utc(values: pa.TimestampArray, wanted: pa.DataType) -> pa.Array:
    """Moments of another unit or zone: as they are where nothing is lost, else as text for the parser to refuse."""
    if not (pa.types.is_timestamp(wanted) or pa.types.is_date(wanted)):
        return written(values)
    values = pc.cast(values, pa.timestamp(values.type.unit, "UTC"))  # of another zone, a day would be local
    found = pc.cast(values, wanted, safe=False)
    same = pc.equal(pc.cast(found, values.type, safe=False), values)
    if pc.all(same, min_count=0).as_py():
        return found
    return pc.if_else(same, written(found), written(values))


def _raw(batch: pa.RecordBatch, positions: Sequence[int]) -> list[str]:
    try:
        return [_json(row) for row in batch.take(pa.array(positions, pa.int64())).to_pylist()]
    except Exception:  # noqa: BLE001  # Python has no such value, and each type says so in its own way
        return [_json(dict(zip(batch.schema.names, map(_value, batch.slice(at, 1)), strict=True))) for at in positions]


def _json(value: object) -> str:
    return json.dumps(value, default=str, ensure_ascii=False)


def _value(cell: pa.Array) -> object:
    """The value for JSON; what Python cannot hold is as Arrow writes it."""
    if pa.types.is_dictionary(cell.type):
        cell = cell.dictionary_decode()
    try:
        (value,) = cell.to_pylist()
        _json(value)
    except Exception:  # noqa: BLE001  # as above
        return cell.to_string(indent=0, skip_new_lines=True)[1:-1]
    return value
