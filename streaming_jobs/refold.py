"""Superseding where rows have keys: some are folded again, as if the corrected file had come in the earlier's place.

A row of the earlier file may have overwritten one of another file, or kept it out, and a later file may have said the
same again. The table tells none of it. So the keys concerned are folded from the version before the earlier file: with
every upload since but those that were superseded, and each superseding one in the place of what it superseded. Where
all events of a key are remembered, they are folded instead, and no file is judged again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

import pyarrow as pa

from ledgerlake.clock import to_text
from ledgerlake.errors import HistoryError
from ledgerlake.events import Manifest
from ledgerlake.layout import app_id, events_table, table_uri
from streaming_jobs.driver_path import judging, with_lineage
from streaming_jobs.lake import Lake
from streaming_jobs.lookback import Since, replaced, since
from streaming_jobs.lookup import key_range, stored_contract
from streaming_jobs.open_tables import Handle, newest
from streaming_jobs.rejudge import judge_again
from streaming_jobs.runs import Run
from tables import delta, sql
from tables.contract import Contract
from tables.mode import Fold, Mode, event_schema
from tables.modes import MODES, table_schema
from tables.refold import Chain, Keys, among, refold, remembers_all, shaped
from tables.superseding import of_uploads
from tables.widening import stored_rows


def too_much(lake: Lake, data: Handle, run: Run) -> tuple[str, ...]:
    """Why a superseding file has to be held: what is folded again with it may be too large, or not be there any more.

    No file is held whose events are remembered already: a crash came before its rows, and they must follow.

    Raises:
        TransientError: raw or the storage cannot be reached.
    """
    mode, events = MODES[run.contract.mode], events_table(run.dataset)
    if (
        mode.remembers(run.contract)
        and delta.applied(newest(lake, run.dataset, events), app_id(run.dataset)) >= run.last
    ):
        return ()
    if remembers_all(mode, run.contract):
        return _too_large(lake, run, replaced(lake, run), "folded at once")
    try:
        found = since(lake, data, run)
    except HistoryError as error:
        return _too_old(run, str(error))
    days = run.contract.audit_days
    if found.begun < lake.clock() - timedelta(days=days):
        return _too_old(run, f"it was applied at {to_text(found.begun)}, and versions are kept for {days} days")
    return _too_large(lake, run, [each for each, _ in found.applied], "judged again")


def _too_large(lake: Lake, run: Run, others: Sequence[Manifest], done: str) -> tuple[str, ...]:
    size, allowed = run.size + sum(each.size for each in others), lake.settings.small_batch_bytes
    if size <= allowed:
        return ()
    reason = (
        f"supersedes: for upload {run.supersedes[0]}, {len(others) + 1} files of {size:,} bytes would be {done}, and "
        f"LEDGERLAKE_SMALL_BATCH_BYTES is {allowed:,}: reject this file and send its rows as an upload, or raise that "
        "and release it"
    )
    return (reason,)


def _too_old(run: Run, why: str) -> tuple[str, ...]:
    reason = (
        f"supersedes: the table as it was before upload {run.supersedes[0]} is not kept any more: {why}; reject this "
        "file and send its rows as an upload"
    )
    return (reason,)


def fold(lake: Lake, data: Handle, rows: pa.Table, run: Run, mode: Mode) -> Fold:
    """The fates of the accepted `rows` of a superseding upload, and what it changes in its table `data` and in memory.

    `run.contract` is that of the table by now.

    Raises:
        HistoryError: the version before the superseded upload is not kept any more.
        TransientError: raw or the storage cannot be reached.
    """
    contract = run.contract
    own = shaped(rows, contract.row_schema)
    if remembers_all(mode, contract):
        places = {run.uploads[0].upload_id: min(each.seq for each in replaced(lake, run))}
        chain = Chain(frozenset(run.supersedes), places)
        keys = _said(lake, data, run, _concerned([own, _remembered(lake, run)], contract), None)
        return refold(own, own.slice(0, 0), keys, mode, contract, run.turn, chain)
    found = since(lake, data, run)
    judged = {each.upload_id: again for each, again in _judged_again(lake, data, found, contract)}
    leaving = [again for name, again in judged.items() if name in run.supersedes]
    concerned = _concerned([own, *leaving], contract)
    others = pa.concat_tables([own.slice(0, 0), *judged.values()])
    others = others.filter(pa.array(among(others, concerned)))
    keys = _said(lake, data, run, concerned, found)
    return refold(own, others, keys, mode, contract, run.turn, Chain(found.gone, found.places))


def _judged_again(lake: Lake, data: Handle, found: Since, contract: Contract) -> Iterable[tuple[Manifest, pa.Table]]:
    """The accepted rows of each upload since, as the table has them."""
    for manifest, outcome in found.applied:
        own = lake.contracts.pinned(manifest.dataset, manifest.contract_sha256)
        verdict = judge_again(lake, manifest, outcome, judging(own, manifest))
        rows = stored_rows(with_lineage(verdict.accepted, manifest, own), own, stored_contract(lake, own, data))
        yield manifest, shaped(rows, contract.row_schema)


def _remembered(lake: Lake, run: Run) -> pa.Table:
    """The keys of the events of what is superseded."""
    events = newest(lake, run.dataset, events_table(run.dataset))
    listed = ", ".join(map(sql.identifier, run.contract.primary_key))
    where = f"{of_uploads(run.supersedes)} AND _seq < {run.last:d}"
    return delta.select(events, f"SELECT {listed} FROM t WHERE {where}")  # noqa: S608  # identifiers and literals


def _concerned(rows: Iterable[pa.Table], contract: Contract) -> pa.Table:
    names = list(contract.primary_key)
    shape = pa.schema([contract.row_schema.field(name) for name in names])
    return pa.concat_tables([shaped(each.select(names), shape) for each in rows])


def _said(lake: Lake, data: Handle, run: Run, keys: pa.Table, found: Since | None) -> Keys:
    """All that is said of the keys; without `found` nothing was before."""
    contract, shape = run.contract, table_schema(run.contract)
    before = shaped(shape.empty_table(), shape)
    if found is not None:
        uri = table_uri(lake.settings.tables_bucket, run.dataset)
        before = _of_keys(delta.open_table(uri, lake.settings, found.version), keys, shape)
    events = None
    if MODES[contract.mode].remembers(contract):
        remembered = newest(lake, run.dataset, events_table(run.dataset))
        events = _of_keys(remembered, keys, event_schema(contract), f"_seq < {run.last:d}")
    return Keys(before, _of_keys(data, keys, shape), events, found.first - 1 if found else 0)


def _of_keys(table: Handle, keys: pa.Table, shape: pa.Schema, only: str = "TRUE") -> pa.Table:
    """The table's rows of these keys, in that shape."""
    first = keys.column_names[0]
    where = f"{key_range(first, keys[first].combine_chunks())} AND {only}"
    found = (shaped(each, shape) for each in delta.stream(table, f"SELECT * FROM t WHERE {where}"))  # noqa: S608  # as above
    kept = [each.filter(pa.array(among(each, keys))) for each in found]
    return pa.concat_tables([shaped(shape.empty_table(), shape), *kept])
