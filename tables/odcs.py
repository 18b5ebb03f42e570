"""An ODCS 3.2 YAML text becomes a `Contract`, or a `ContractError` with everything wrong with it, each in its place.

The keys are those of the standard; what it has no place for stands in `customProperties`. See `docs/contracts.md`.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal

from ledgerlake.errors import ContractError, Problem
from ledgerlake.layout import DATASET, EVENTS_SUFFIX, RESERVED_DATASETS
from tables.contract import Column, Contract, Kind
from tables.known_names import ENGINES
from tables.modes import MODES
from tables.odcs_columns import column
from tables.odcs_file import check_positions, check_totals, check_unpivot, file_format
from tables.odcs_holds import HOLDS, holds
from tables.odcs_options import OPTIONS, check_mode, options
from tables.odcs_rules import checked, of_table
from tables.odcs_schema import schema_problems, suggest
from tables.place import Place
from tables.rule_names import RULE_NAMES, Signature
from tables.yaml_source import read_yaml

CUSTOM = {"mode", "sequenceBy", "engine", "fileFormat", "keepWarnings", *OPTIONS, *HOLDS}
"""Custom properties of a table."""
_SECONDS = {
    "s": 1,
    "sec": 1,
    "second": 1,
    "seconds": 1,
    "m": 60,
    "min": 60,
    "minute": 60,
    "minutes": 60,
    "h": 3600,
    "hour": 3600,
    "hours": 3600,
    "d": 86400,
    "day": 86400,
    "days": 86400,
    "y": 31_622_400,
    "yr": 31_622_400,
    "year": 31_622_400,
    "years": 31_622_400,
}
"""A year has 366 days here: what must be kept for ten years is kept for no day less."""
_LONGEST = 100 * _SECONDS["year"]
_PARTITIONS = {Kind.STRING, Kind.INTEGER, Kind.DATE}


def load(text: str, where: str, rules: Mapping[str, Signature] = RULE_NAMES) -> Contract:
    """The contract that `text` states; `where` is the file named in problems.

    Raises:
        ContractError: every problem with file:line:column and what to write instead, in the order of the text.
    """
    source = read_yaml(text, where)
    root = Place(source, (), source.value, schema_problems(source))
    contract = _contract(root, text, rules)
    if root.problems:
        raise ContractError(_ordered(root.problems))
    return contract


def _contract(root: Place, text: str, rules: Mapping[str, Signature]) -> Contract:
    if root.child("apiVersion").value not in (None, "v3.2.0"):
        root.child("apiVersion").refuse(f"{root.child('apiVersion').value} is not read here", "Write v3.2.0.")
    table = _only_table(root)
    properties = table.child("properties").each()
    plain = tuple(column(each) for each in properties)
    columns = tuple(checked(place, each, plain, rules) for place, each in zip(properties, plain, strict=True))
    _check_names(properties, columns)
    own = table.custom(CUSTOM)
    contract = Contract(
        dataset=_dataset(table),
        version=root.child("version").text(),
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        columns=columns,
        primary_key=_positioned(properties, "primaryKey", "primaryKeyPosition"),
        mode=own["mode"].choice(MODES, "append") if "mode" in own else "append",
        sequence_by=own["sequenceBy"].text() if "sequenceBy" in own else None,
        **options(own, columns),
        **holds(own),
        partition_by=_positioned(properties, "partitioned", "partitionKeyPosition"),
        file=file_format(own.get("fileFormat")),
        latency_seconds=_agreed(root, "latency", 1, 60),
        audit_days=_agreed(root, "retention", 86400, 3650),
        engine=own["engine"].choice(ENGINES, "driver") if "engine" in own else None,
        description=root.child("description").child("purpose").text(),
        owner=_owner(root),
        text=text,
        rules=of_table(table, columns, rules),
        keep_warnings=own["keepWarnings"].flag() if "keepWarnings" in own else False,
    )
    _check_table(table, contract)
    check_mode(table, own, contract)
    if "fileFormat" in own:
        check_totals(own["fileFormat"], contract)
        check_positions(own["fileFormat"], contract)
        check_unpivot(own["fileFormat"], contract)
    return contract


def _only_table(root: Place) -> Place:
    schema = root.child("schema")
    if schema.value is None:
        root.refuse("the contract has no schema", "Add `schema:` with one table and its `properties:`.")
        return schema
    tables = schema.each()
    if len(tables) != 1:
        schema.refuse(
            f"a contract describes one table, found {len(tables)}",
            "Write one contract for each dataset.",
            key=True,
        )
    first = tables[0] if tables else schema
    if not first.child("properties").value and tables:
        first.refuse("the table has no columns", "Add `properties:`.")
    return first


def _dataset(table: Place) -> str:
    place = table.child("name")
    name = place.text()
    if name in RESERVED_DATASETS:
        place.refuse(f"{name!r} is a table of the product itself", "Choose another name.")
    elif name.endswith(EVENTS_SUFFIX):
        place.refuse(f"{name!r} ends as the tables do that merge modes keep beside", "Choose another name.")
    elif name and not DATASET.fullmatch(name):
        place.refuse(f"{name!r} is no dataset name", "Use small letters, digits and '_', at most 63, a letter first.")
    return name


def _check_names(properties: list[Place], columns: tuple[Column, ...]) -> None:
    """No two columns may claim the same header; names are compared as headers are: trimmed and case-folded."""
    headers = [{name.strip().casefold() for name in (each.name, *each.aliases)} for each in columns]
    claims = Counter(header for claimed in headers for header in claimed)
    for place, claimed in zip(properties, headers, strict=True):
        for header in sorted(claimed):
            if claims[header] > 1 and header:
                place.refuse(f"two columns are called {header!r} in files", "Rename one, or remove the alias from one.")


def _positioned(properties: list[Place], flag: str, position: str) -> tuple[str, ...]:
    """Names of the flagged columns, by stated position, else in order of the text."""
    chosen = [place for place in properties if place.child(flag).value is True]
    for place in properties:
        if place.child(position).value is not None and place not in chosen:
            place.child(position).refuse(f"{position} without {flag}", f"Add `{flag}: true`.", key=True)
    stated = [place.child(position).whole() for place in chosen]
    if sorted(stated) == [*range(1, len(chosen) + 1)]:
        chosen.sort(key=lambda place: place.child(position).whole())
    elif any(stated):
        chosen[0].refuse(f"{position} of the {len(chosen)} columns is {stated}", f"Number them 1..{len(chosen)}.")
    return tuple(place.child("name").text() for place in chosen)


def _agreed(root: Place, name: str, unit_seconds: int, default: int) -> int:
    """A time of `slaProperties`, in units of so many seconds, rounded up."""
    for entry in root.child("slaProperties").each():
        if entry.child("property").value != name:
            continue
        value, unit = entry.child("value"), entry.child("unit")
        number, seconds = value.value, _SECONDS.get(str(unit.value))
        if seconds is None:
            unit.refuse(f"{name} in {unit.value!r}", suggest(str(unit.value), _SECONDS))
        elif isinstance(number, bool) or not isinstance(number, int | Decimal) or not 0 < number * seconds <= _LONGEST:
            value.refuse(f"{name} must be above 0 and at most 100 years", "Write for example `value: 60`, `unit: s`.")
        else:
            return -int(-(Decimal(number) * seconds) // unit_seconds)
    return default


def _owner(root: Place) -> str:
    team = root.child("team")
    return team.child("name").text() if isinstance(team.value, dict) else ""


def _check_table(table: Place, contract: Contract) -> None:
    for place, each in zip(table.child("properties").each(), contract.columns, strict=True):
        if place.child("partitioned").value is True and each.kind not in _PARTITIONS:
            place.child("partitioned").refuse(
                f"a {each.kind} column cannot partition a table",
                "Partition by a date, a string or an integer.",
            )
        if place.child("primaryKey").value is True and place.child("required").value is False:
            place.child("required").refuse("a column of the primary key is always required", "Write `required: true`.")


def _ordered(problems: list[Problem]) -> tuple[Problem, ...]:
    """In order of the text, each once."""

    def position(problem: Problem) -> tuple[int, int]:
        line, column = problem.where.rsplit(":", 2)[1:]
        return int(line), int(column)

    return tuple(sorted(dict.fromkeys(problems), key=position))
