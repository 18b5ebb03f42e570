"""A dataset's contract as a value: what a file looks like, what a row must be, how the table changes.

`tables/odcs.py` makes it from an ODCS 3.2 YAML text; everything else only reads it.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

import pyarrow as pa


class Kind(StrEnum):
    """Logical types a column can have."""

    STRING = "string"
    INTEGER = "integer"
    DECIMAL = "decimal"
    DATE = "date"
    TIMESTAMP = "timestamp"
    BOOLEAN = "boolean"


class Severity(StrEnum):
    """What becomes of a row that breaks a rule: it is quarantined; it is kept and counted; its whole file is held."""

    ERROR = "error"
    WARNING = "warning"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class RuleUse:
    """A rule of `validation.rules.RULES`, bound to its parameters. Those that are columns are stated by their names."""

    name: str
    params: tuple[tuple[str, Any], ...] = ()
    severity: Severity = Severity.ERROR


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `precision` and `scale` belong to decimals; `formats` are strptime patterns tried in order.

    `aliases` are further header names (compared trimmed, case-folded) that a file may use for it. `money` columns
    take part in conservation and totals. What is not `stored` is read and judged, but no column of the table.
    """

    name: str
    kind: Kind
    precision: int = 38
    scale: int = 0
    required: bool = False
    aliases: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    rules: tuple[RuleUse, ...] = ()
    money: bool = False
    stored: bool = True
    description: str = ""

    @property
    def arrow(self) -> pa.DataType:
        """The one exact Arrow type, fed to both commit engines: times in UTC with zone, money as decimal128."""
        match self.kind:
            case Kind.STRING:
                return pa.string()
            case Kind.INTEGER:
                return pa.int64()
            case Kind.DECIMAL:
                return pa.decimal128(self.precision, self.scale)
            case Kind.DATE:
                return pa.date32()
            case Kind.TIMESTAMP:
                return pa.timestamp("us", tz="UTC")
            case Kind.BOOLEAN:
                return pa.bool_()


@dataclass(frozen=True, slots=True)
class Trailer:
    """A line after the data that declares a total: group 1 of `pattern` (RE2, whole line) is that total.

    `total` is one of `tables.known_names.TOTAL_NAMES`, or `none` for a footer that declares nothing. A file without a
    trailer that is not `optional` is held.
    """

    pattern: str
    total: str
    column: str | None = None
    optional: bool = False


@dataclass(frozen=True, slots=True)
class ControlTotal:
    """A total of a column that is computed of every file: `total` is one of `tables.known_names.TOTAL_NAMES`."""

    total: str
    column: str

    @property
    def name(self) -> str:
        """The name under which it is declared: the column's own for a sum, else as in `hash(account)`."""
        return self.column if self.total == "sum" else f"{self.total}({self.column})"


@dataclass(frozen=True, slots=True)
class Unpivot:
    """A wide file: each cell of `columns` is a row, `name` its column's header, `value` the cell.

    Without `columns` these are all that feed no other column of the contract. A cell without a value is no row, unless
    `keep_nulls`.
    """

    name: str
    value: str
    columns: tuple[str, ...] = ()
    keep_nulls: bool = False


@dataclass(frozen=True, slots=True)
class FileFormat:
    """How a dataset's files are written.

    `name` is a key of `validation.formats.FORMATS`. `header` is the 1-based line of the header (lines before it are
    preamble); None if it is found by its names. `skip_rows` are kinds of rows that are no data: `blank`, `header`.
    `encodings` are tried in order. Numbers have `decimal_mark` for their point, and may have one of `units` before
    or behind them; `negatives` are further ways to write a minus: `parentheses`, `trailing`. `unknown_columns` is
    `reject`, `ignore` or `rescue` (kept as JSON text in `_rescued`). `ragged_rows`, of another width than the
    header's, are refused (`refuse`), or what they lack at their end is null (`fill`). A trailer line is never a
    row.
    """

    name: str = "csv"
    delimiter: str = ","
    quote: str | None = '"'
    encodings: tuple[str, ...] = ("utf-8",)
    header: int | None = 1
    skip_rows: tuple[str, ...] = ()
    trim: bool = True
    null_tokens: tuple[str, ...] = ("",)
    thousands: str | None = None
    decimal_mark: str = "."
    negatives: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    trailers: tuple[Trailer, ...] = ()
    control_totals: tuple[ControlTotal, ...] = ()
    positions: tuple[tuple[str, int, int], ...] = ()
    path: tuple[str, ...] = ()
    sheet: str | None = None
    unknown_columns: str = "reject"
    unpivot: Unpivot | None = None
    ragged_rows: str = "refuse"


@dataclass(frozen=True, slots=True)
class Deletes:
    """Which rows delete their key: those whose `column` has one of `values`; without `values`, has any value."""

    column: str
    values: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Contract:
    """A dataset, pinned: `sha256` is of the text it was read from.

    `mode` is a key of `tables.modes.MODES`. `sequence_by` orders rows of one key by business meaning (ties: upload
    sequence, then row). `engine` pins the table to `driver` or `spark`; None lets the size decide. Of the options of
    the modes, `dedupe` keeps the first row of each key, `ignore_nulls` lets a null mean "unchanged", `untracked`
    columns make no version in a history, `keep_history` gives a snapshot one, and a full state with fewer rows than
    `1 - max_shrink` of the state before is held. `rules` are those of the whole row; with `keep_warnings` each row says
    which rules it breaks that only warn.

    `when_held` says whether later files `continue` or `wait` while one is held, `four_eyes` that its release takes a
    second person. A file is held if more of its rows are refused than `quarantine_budget`: a number of rows, or below
    1 a share of them.
    """

    dataset: str
    version: str
    sha256: str
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...] = ()
    mode: str = "append"
    sequence_by: str | None = None
    deletes: Deletes | None = None
    dedupe: bool = False
    ignore_nulls: bool = False
    untracked: tuple[str, ...] = ()
    keep_history: bool = False
    max_shrink: Decimal = Decimal("0.5")
    when_held: str = "continue"
    four_eyes: bool = False
    quarantine_budget: Decimal | None = None
    partition_by: tuple[str, ...] = ()
    file: FileFormat = FileFormat()
    latency_seconds: int = 60
    audit_days: int = 3650
    engine: str | None = None
    description: str = ""
    owner: str = ""
    text: str = ""
    rules: tuple[RuleUse, ...] = ()
    keep_warnings: bool = False

    @property
    def uses(self) -> tuple[tuple[Column | None, RuleUse], ...]:
        """Every rule with the column it stands at; None for those of the whole row."""
        return (
            *((column, use) for column in self.columns for use in column.rules),
            *((None, use) for use in self.rules),
        )

    @property
    def waits(self) -> bool:
        """Whether nothing later is applied while a file is held."""
        return self.when_held == WAIT

    @property
    def money(self) -> tuple[str, ...]:
        """Names of the money columns, in order."""
        return tuple(column.name for column in self.columns if column.money)

    @property
    def control_totals(self) -> tuple[ControlTotal, ...]:
        """The totals that every file is counted for: of money, of what trailers declare, and further ones."""
        of_trailers = [
            ControlTotal(each.total, each.column) for each in self.file.trailers if each.column and each.total != "none"
        ]
        sums = [ControlTotal("sum", name) for name in self.money]
        return tuple(dict.fromkeys([*sums, *of_trailers, *self.file.control_totals]))

    @property
    def declarable(self) -> tuple[str, ...]:
        """The names of the totals that an upload may declare: also the balances before and after a money column."""
        balances = [f"{balance}({name})" for name in self.money for balance in ("opening", "closing")]
        return (*(each.name for each in self.control_totals), *balances)

    def column(self, name: str) -> Column:
        """The column of that name.

        Raises:
            KeyError: there is none.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    @property
    def schema(self) -> pa.Schema:
        """Schema of a parsed row: the contract's columns, then its line number in the file.

        A row that deletes has to have its key and order only, so that nothing else is sure to have a value.
        """
        sure = {*self.primary_key, self.sequence_by} if self.deletes else {each.name for each in self.columns}
        fields = [
            pa.field(each.name, each.arrow, nullable=not (each.required and each.name in sure)) for each in self.columns
        ]
        return pa.schema([*fields, *self._beside, ROW])

    @property
    def row_schema(self) -> pa.Schema:
        """Schema of an accepted row: a parsed row with its lineage."""
        return pa.schema([*[each for each in self.schema if each != ROW], *LINEAGE])

    @property
    def stored_schema(self) -> pa.Schema:
        """Schema of what the Delta table has of a row: its stored columns and lineage."""
        fields = [pa.field(each.name, each.arrow, nullable=not each.required) for each in self.columns if each.stored]
        return pa.schema([*fields, *self._beside, *LINEAGE])

    @property
    def _beside(self) -> tuple[pa.Field, ...]:
        rescued = (RESCUED,) if self.file.unknown_columns == "rescue" else ()
        return (*rescued, *((WARNINGS,) if self.keep_warnings else ()))


CONTINUE, WAIT = "continue", "wait"

ROW = pa.field("_row", pa.int64(), nullable=False)
"""1-based line of the file on which the row starts (rows of binary formats count from 1)."""

RESCUED = pa.field("_rescued", pa.string())
"""JSON object of the cells of columns that the contract does not know; null where there were none."""

WARNINGS = pa.field("_warnings", pa.string())
"""JSON list of the rules that the row breaks and that only warn, as `column.rule`; null if there are none."""

LINEAGE = (pa.field("_upload_id", pa.string(), nullable=False), pa.field("_seq", pa.int64(), nullable=False), ROW)
"""The columns that tie a table row to its upload and line; they start with `_`, contract columns never do."""
