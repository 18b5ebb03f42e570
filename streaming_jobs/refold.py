"""Superseding where rows have keys: some are folded again, as if the corrected file had come in the earlier's place.

In mode `upsert` a row of the earlier file may have overwritten one of another file, and a later file may have said the
same again. The table tells neither. So the keys concerned are folded from the version before the earlier file: with
every upload since but those that were superseded, and each superseding one in the place of what it superseded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ledgerlake.events import Manifest, Outcome
from ledgerlake.layout import table_uri
from streaming_jobs.driver_path import judging, with_lineage
from streaming_jobs.lake import Lake
from streaming_jobs.lookup import key_range, stored_contract
from streaming_jobs.open_tables import Handle
from streaming_jobs.outcomes import committed
from streaming_jobs.rejudge import judge_again
from streaming_jobs.runs import Run, manifests
from tables import delta, sql
from tables.contract import Contract
from tables.mode import DELETE, OP, RESTORE, UPSERT, Fold, Mode, content
from tables.modes import change_schema
from tables.order import codes
from tables.superseding import of_uploads
from tables.widening import stored_rows

WINDOW = 16
"""Uploads looked back at first for those that are superseded; four times as many the next time."""


@dataclass(frozen=True)
class _Since:
    """Uploads from number `first` on, with which version `version + 1` began: those that count, and their `places`.

    That version has the earliest upload that is superseded; `gone` are all that are.
    """

    version: int
    first: int
    live: tuple[tuple[Manifest, Outcome], ...]
    gone: frozenset[str]
    places: Mapping[str, int]


def too_much(lake: Lake, data: Handle, run: Run) -> tuple[str, ...]:
    """Why a superseding file has to be held: all since what it supersedes is judged again, and may be too large.

    Raises:
        TransientError: raw or the storage cannot be reached.
    """
    since = _since(lake, data, run)
    size = run.size + sum(each.size for each, _ in since.live)
    allowed = lake.settings.small_batch_bytes
    if size <= allowed:
        return ()
    reason = (
        f"supersedes: upload {run.supersedes[0]} is so old that {len(since.live) + 1} files of {size:,} bytes would be "
        f"judged again, and LEDGERLAKE_SMALL_BATCH_BYTES is {allowed:,}: reject this file and send its rows as an "
        "upload, or raise that and release it"
    )
    return (reason,)


def fold(lake: Lake, data: Handle, rows: pa.Table, run: Run, mode: Mode) -> Fold:
    """The fates of the accepted `rows` of a superseding upload, and the changes that it makes to its table `data`.

    `run.contract` is that of the table by now.

    Raises:
        HistoryError: the version before the superseded upload is not kept any more.
        TransientError: raw or the storage cannot be reached.
    """
    since, contract = _since(lake, data, run), run.contract
    base = delta.open_table(table_uri(lake.settings.tables_bucket, run.dataset), lake.settings, since.version)
    rows = _shaped(rows, contract.row_schema)
    keys = _keys(data, rows, since.gone, contract)
    before, there = (_of_keys(each, keys, contract) for each in (base, data))
    others = [_among(each, keys, contract) for each in _judged_again(lake, data, since, contract)]
    placed = _numbered(pa.concat_tables([rows, *others]), since.places)
    folded = _folded(placed, before, run, mode)
    seqs = {run.uploads[0].upload_id: run.last, **{each.upload_id: each.seq for each, _ in since.live}}
    wanted = _numbered(_after(before, folded.changes, contract), seqs)
    return Fold(folded.fates[: rows.num_rows], _changes(wanted, there, contract))


def _folded(rows: pa.Table, before: pa.Table, run: Run, mode: Mode) -> Fold:
    if not rows.num_rows:
        return Fold(np.zeros(0, dtype=np.int8), change_schema(run.contract).empty_table())
    memory = mode.memory(run.contract)
    past = before.select(memory.columns).append_column(OP, pa.repeat(UPSERT, before.num_rows)) if memory else None
    return mode.fold(rows, past, run.contract, run.turn)


def _since(lake: Lake, data: Handle, run: Run) -> _Since:
    """Looks back until every upload that is superseded is found, and what those took the place of."""
    applied, window = run.last - 1, WINDOW
    while True:
        after = max(0, applied - window)
        said = {each.seq: each for each in committed(data, run.dataset, after)}
        found = list(islice(manifests(lake, run.dataset, after + 1, applied - after), applied - after))
        since = _closed(run, found, said, data.version())
        whole = since.first > after + 1 and since.gone <= {each.upload_id for each in found}
        if whole or after == 0:
            break
        window *= 4
    return since


def _closed(run: Run, found: list[Manifest], said: Mapping[int, Outcome], newest: int) -> _Since:
    """As far as `found` goes; `newest` is the table's version."""
    gone = frozenset(run.supersedes)
    while True:
        version = min((said[each.seq].version or 0 for each in found if each.upload_id in gone), default=newest + 1)
        first = min((seq for seq, each in said.items() if each.version == version), default=run.last)
        later = [each for each in found if each.seq >= first and said[each.seq].state == "applied"]
        more = gone.union(*(each.supersedes for each in later))
        if more == gone:
            break
        gone = more
    places = _places([*(each for each in found if each.seq >= first), run.uploads[0]])
    live = tuple((each, said[each.seq]) for each in later if each.upload_id not in gone)
    return _Since(version - 1, first, live, gone, places)


def _places(uploads: list[Manifest]) -> dict[str, int]:
    """Of each upload its number, or the place of the first that it superseded."""
    places: dict[str, int] = {}
    for each in uploads:
        places[each.upload_id] = min((places[name] for name in each.supersedes if name in places), default=each.seq)
    return places


def _judged_again(lake: Lake, data: Handle, since: _Since, contract: Contract) -> Iterator[pa.Table]:
    """The accepted rows of each upload that counts, as the table has them."""
    for manifest, outcome in since.live:
        own = lake.contracts.pinned(manifest.dataset, manifest.contract_sha256)
        verdict = judge_again(lake, manifest, outcome, judging(own, manifest))
        rows = stored_rows(with_lineage(verdict.accepted, manifest, own), own, stored_contract(lake, own, data))
        yield _shaped(rows, contract.row_schema)


def _keys(data: Handle, rows: pa.Table, gone: frozenset[str], contract: Contract) -> pa.Table:
    """Keys of what leaves, and of what comes."""
    names = list(contract.primary_key)
    listed = ", ".join(map(sql.identifier, names))
    statement = f"SELECT {listed} FROM t WHERE {of_uploads(sorted(gone))}"  # noqa: S608  # identifiers and literals
    come = rows.select(names)
    leave = _shaped(delta.select(data, statement), come.schema)
    return pa.concat_tables([come, leave])


def _of_keys(table: Handle, keys: pa.Table, contract: Contract) -> pa.Table:
    """The table's rows of these keys, as the contract has them now."""
    first, shape = contract.primary_key[0], contract.stored_schema
    statement = f"SELECT * FROM t WHERE {key_range(first, keys[first].combine_chunks())}"  # noqa: S608  # as above
    found = [_among(_shaped(each, shape), keys, contract) for each in delta.stream(table, statement)]
    return pa.concat_tables([_shaped(shape.empty_table(), shape), *found])


def _among(rows: pa.Table, keys: pa.Table, contract: Contract) -> pa.Table:
    names = list(contract.primary_key)
    code = codes(pa.concat_tables([_shaped(rows, keys.schema).select(names), keys]))
    return rows.filter(pa.array(np.isin(code[: rows.num_rows], code[rows.num_rows :])))


def _shaped(rows: pa.Table, shape: pa.Schema) -> pa.Table:
    """With exactly these columns, null where there are none."""
    columns = [
        rows[each.name].cast(each.type) if each.name in rows.column_names else pa.nulls(rows.num_rows, each.type)
        for each in shape
    ]
    return pa.table(columns, schema=pa.schema([each.with_nullable(True) for each in shape]))  # its name says it


def _numbered(rows: pa.Table, numbers: Mapping[str, int]) -> pa.Table:
    """The rows with the number of their upload by this mapping; others keep theirs."""
    pairs: list[Any] = list(zip(rows["_upload_id"].to_pylist(), rows["_seq"].to_pylist(), strict=True))
    found = pa.array([numbers.get(upload_id, seq) for upload_id, seq in pairs], pa.int64())
    at = rows.schema.get_field_index("_seq")
    return rows.set_column(at, rows.schema.field(at), found)


def _after(before: pa.Table, changes: pa.Table, contract: Contract) -> pa.Table:
    """What the keys say after the changes; a row that says what was there leaves it as it was."""
    shaped, said = _shaped(changes, before.schema), list(content(contract))
    both = codes(pa.concat_tables([shaped.select(said), before.select(said)]))
    known = np.isin(both[: shaped.num_rows], both[shaped.num_rows :])
    put = shaped.filter(pa.array(~known | pc.equal(changes[OP.name], RESTORE).to_numpy()))
    key = list(contract.primary_key)
    code = codes(pa.concat_tables([before.select(key), put.select(key)]))
    return pa.concat_tables([before.filter(pa.array(~np.isin(code[: before.num_rows], code[before.num_rows :]))), put])


def _changes(wanted: pa.Table, there: pa.Table, contract: Contract) -> pa.Table:
    """What makes of the rows that are there those that are wanted, lineage included."""
    whole = codes(pa.concat_tables([wanted, there]))
    put = wanted.filter(pa.array(~np.isin(whole[: wanted.num_rows], whole[wanted.num_rows :])))
    key = list(contract.primary_key)
    code = codes(pa.concat_tables([there.select(key), wanted.select(key)]))
    over = there.filter(pa.array(~np.isin(code[: there.num_rows], code[there.num_rows :])))
    return pa.concat_tables([_told(put, RESTORE), _told(over, DELETE)])


def _told(rows: pa.Table, op: str) -> pa.Table:
    return rows.append_column(OP.with_nullable(True), pa.repeat(op, rows.num_rows))  # the name of the method says it
