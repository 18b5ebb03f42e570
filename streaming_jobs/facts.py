"""What the rules of a contract must know of tables: read once for a run, at versions that are said in its outcomes.

A run that was cut short after its refused rows were written is judged again by the same versions of other tables, so
that nobody is told two stories: the commit of those rows says which.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from ledgerlake.errors import ConfigurationError
from ledgerlake.events import Manifest
from ledgerlake.layout import app_id, table_uri
from streaming_jobs.lake import Lake
from streaming_jobs.lookup import OPEN
from streaming_jobs.open_tables import Handle, newest
from streaming_jobs.runs import Run
from tables import delta, sql
from tables.contract import Column, Contract, RuleUse
from tables.superseding import of_uploads
from validation.known import Known
from validation.rules import Ask, asking
from validation.rules.keys import Keys, key_of
from validation.rules.lake import History

SCHEMA = "ledgerlake.quarantine/1"
ABOUT_TABLES = (Ask.LAKE, Ask.TABLE)


@dataclass(frozen=True)
class Facts:
    """What each use of a rule asked for, and the versions of the tables it comes from, by table."""

    values: Mapping[RuleUse, Any] = field(default_factory=dict)
    versions: Mapping[str, int] = field(default_factory=dict)

    def known(self, manifest: Manifest) -> Known:
        """What an upload of the run is judged against."""
        return Known(manifest.accepted_at, self.values)

    def metadata(self, run: Run) -> str | None:
        """What the commit of the run's refused rows says; None if no table had a part in it."""
        said = {"schema": SCHEMA, "dataset": run.dataset, "seq": run.last, "versions": dict(self.versions)}
        return json.dumps(said, sort_keys=True, separators=(",", ":")) if self.versions else None


def facts_of(lake: Lake, run: Run, data: Handle) -> Facts:
    """The facts of a run that is to be applied to its table `data`, which is at the version before it.

    Raises:
        ConfigurationError: a table or column that a rule names does not exist.
        HistoryError: the version that refused rows were judged by is not kept any more.
        TransientError: the storage cannot be reached.
    """
    if not asking(run.contract, *ABOUT_TABLES):
        return Facts()
    versions = _promised(lake, run)

    def opened(table: str) -> Handle:
        if table == run.dataset:
            return data
        return _at(lake, table, versions[table]) if table in versions else newest(lake, run.dataset, table)

    return _facts(run.contract, opened, run.supersedes)


def facts_at(lake: Lake, contract: Contract, versions: Mapping[str, int], supersedes: Sequence[str] = ()) -> Facts:
    """The facts as they were when an upload was judged: by the `reference_versions` of its outcome; as `facts_of`.

    What the upload `supersedes` is not among them. A contract that asks for tables which that judgement did not know is
    told what they have now.
    """
    return _facts(contract, lambda table: _at(lake, table, versions.get(table)), supersedes)


def _facts(contract: Contract, opened: Callable[[str], Handle], supersedes: Sequence[str]) -> Facts:
    """Of the dataset's own table, what the upload takes the place of counts as gone."""
    values, used = {}, {}
    for use in asking(contract, *ABOUT_TABLES):
        table = dict(use.params).get("dataset", contract.dataset)
        handle = opened(table)
        used[table] = handle.version()
        gone = supersedes if table == contract.dataset else ()
        values[use] = _READ[use.name](_Told(handle, table, gone), use, contract)
    return Facts(values, used)


def _at(lake: Lake, table: str, version: int | None) -> Handle:
    uri = table_uri(lake.settings.tables_bucket, table)
    handle = delta.open_table(uri, lake.settings, version)
    if handle is None:
        raise ConfigurationError(f"a rule names {table!r}, and there is no table {uri}: run `ledgerlake tables apply`")
    return handle


def _promised(lake: Lake, run: Run) -> Mapping[str, int]:
    """The versions by which rows of this very run were refused already, if its commit was not reached then."""
    quarantine = newest(lake, run.dataset, "quarantine")
    if delta.applied(quarantine, app_id(run.dataset)) < run.last:
        return {}
    limit = 16
    while True:
        entries = quarantine.history(limit)
        for entry in entries:
            said = _read_metadata(entry.get("userMetadata"))
            if (said.get("dataset"), said.get("seq")) == (run.dataset, run.last):
                versions: dict[str, int] = said["versions"]
                return versions
        if len(entries) < limit:
            return {}
        limit *= 4


def _read_metadata(text: str | None) -> dict[str, Any]:
    try:
        said = json.loads(text or "null")
    except json.JSONDecodeError:
        return {}
    return said if isinstance(said, dict) and said.get("schema") == SCHEMA else {}


# What rules ask for


@dataclass(frozen=True)
class _Told:
    """A table that a rule asks, and the uploads whose rows do not count."""

    handle: Handle
    name: str
    gone: Sequence[str]

    @property
    def current(self) -> str:
        """SQL: the row counts and, where the table keeps history, holds now."""
        stays = f"NOT {of_uploads(self.gone)}" if self.gone else "TRUE"
        return f"{stays} AND {OPEN} IS NULL" if OPEN in delta.schema(self.handle).names else stays


def _keys_there(told: _Told, use: RuleUse, contract: Contract) -> Keys:
    """The values of a column of another table, in the type of the column that refers to it."""
    column = next(column for column, each in contract.uses if each == use and column is not None)
    (keys,) = _distinct(told, (str(dict(use.params)["column"]),), (column,))
    return Keys(keys)


def _keys_before(told: _Told, use: RuleUse, contract: Contract) -> Keys:
    """The keys that rows of earlier files have."""
    names: tuple[str, ...] = dict(use.params)["columns"]
    return Keys(key_of(_distinct(told, names, tuple(contract.column(name) for name in names))))


def _history(told: _Told, use: RuleUse, contract: Contract) -> History:
    """How the values of a column are spread so far; quartiles are approximate, as they are not kept in memory."""
    column = next(column for column, each in contract.uses if each == use and column is not None)
    _check_columns(told, (column.name,))
    value = f"CAST({sql.identifier(column.name)} AS DOUBLE)"
    spread = f"avg({value}) AS mean, stddev_pop({value}) AS deviation"
    quartiles = ", ".join(
        f"approx_percentile_cont({value}, {share}) AS {name}" for name, share in (("lower", 0.25), ("upper", 0.75))
    )
    only = f"{sql.identifier(column.name)} IS NOT NULL AND {told.current}"
    statement = f"SELECT count(*) AS count, {spread}, {quartiles} FROM t WHERE {only}"  # noqa: S608  # identifiers only
    (found,) = delta.select(told.handle, statement).to_pylist()
    return History(**found) if found["count"] else History(0)


_READ: dict[str, Callable[[_Told, RuleUse, Contract], Any]] = {
    "foreign_key": _keys_there,
    "new_to_table": _keys_before,
    "outlier": _history,
}


def _distinct(told: _Told, names: tuple[str, ...], columns: tuple[Column, ...]) -> list[pa.Array]:
    """Every combination of values that current rows have, in the types of these columns."""
    _check_columns(told, names)
    listed = ", ".join(sql.identifier(name) for name in names)
    statement = f"SELECT DISTINCT {listed} FROM t WHERE {told.current}"  # noqa: S608  # identifiers only
    found = delta.select(told.handle, statement)
    try:
        return [found[name].combine_chunks().cast(own.arrow) for name, own in zip(names, columns, strict=True)]
    except pa.ArrowInvalid as error:
        kinds = ", ".join(f"{name} is {found[name].type}" for name in names)
        raise ConfigurationError(f"the values of {told.name} do not fit the contract: {kinds}: {error}") from error


def _check_columns(told: _Told, names: tuple[str, ...]) -> None:
    missing = [name for name in names if name not in delta.schema(told.handle).names]
    if missing:
        raise ConfigurationError(
            f"a rule names column {missing[0]!r}, which the table of {told.name!r} does not have: mend the contract, "
            "or run `ledgerlake tables apply`"
        )
