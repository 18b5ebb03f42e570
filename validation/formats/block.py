"""What every format reads a file into: blocks of cells, and rows that never became cells."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from tables.contract import Contract
from validation.verdict import TrailerLine


@dataclass(frozen=True, slots=True)
class Broken:
    """A row refused before it had cells. `raw` is its text; `rule` names what it breaks, of the row as a whole."""

    row: int
    rule: str
    message: str
    raw: str


@dataclass(frozen=True, slots=True)
class Others:
    """Cells of columns that feed none of the contract's, in the order of the file.

    `at` is the position of a cell's row in its block, `names` the name of its column (`""` where it has none).
    """

    at: np.ndarray
    names: pa.StringArray
    cells: pa.StringArray


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows of a file.

    `rows` numbers them, ascending; `cells` holds, for each contract column that the file has, text, a dictionary of
    texts, or values that have the column's type already; `raw` gives the text of the rows at some positions. `broken`
    rows stand between them.
    `others` are the cells kept beside (`validation.columns`). `notes` say what had to be decided to read the rows, by
    subject. `unbalanced` says which of the file's own totals differ; `closing` are its balances that no opening balance
    of its own leads to.
    """

    rows: np.ndarray
    cells: dict[str, pa.Array]
    raw: Callable[[Sequence[int]], list[str]]
    broken: tuple[Broken, ...] = ()
    trailers: tuple[TrailerLine, ...] = ()
    others: Others | None = None
    notes: dict[str, str] = field(default_factory=dict)
    unbalanced: tuple[str, ...] = ()
    closing: tuple[Decimal, ...] = ()


def beside(named: Sequence[tuple[str, pa.StringArray]], rows: int) -> Others | None:
    """Whole columns, each with its name, as `Others`."""
    if not named:
        return None
    by_row = np.arange(rows * len(named)).reshape(len(named), rows).T.ravel()
    names = pa.array([name for name, _ in named], pa.string()).take(pa.array(np.tile(np.arange(len(named)), rows)))
    cells = pa.concat_arrays([cells for _, cells in named]).take(pa.array(by_row))
    return Others(np.repeat(np.arange(rows), len(named)), names, cells)


@dataclass(frozen=True, slots=True)
class Format:
    """A file format.

    `sniff` says whether a file's first bytes can be of this format. `check_header` refuses a header that does not suit
    the contract, from the first bytes of a file (`complete`: from all of it). `split` cuts a stream into tasks that
    each read one block, on any thread; what it holds in memory does not grow with the file. All raise `RejectedError`.
    A file that is `text` is in one of the contract's encodings.
    """

    name: str
    sniff: Callable[[bytes], bool]
    check_header: Callable[[bytes, Contract, bool], None]
    split: Callable[[BinaryIO, Contract], Iterator[Callable[[], Block]]]
    text: bool = True


def noted(task: Callable[[], Block], notes: dict[str, str]) -> Block:
    """A block with what was decided of its file before it."""
    block = task()
    return replace(block, notes=notes | block.notes) if notes else block


def read_fully(stream: BinaryIO, size: int) -> bytes:
    """`size` bytes, or fewer at the end of the stream only."""
    data = stream.read(size)
    while data and len(data) < size:
        more = stream.read(size - len(data))
        if not more:
            break
        data += more
    return data


@dataclass
class Lookahead:
    """What comes next in a stream. A file in memory is not copied."""

    stream: BinaryIO
    rest: memoryview = field(default_factory=lambda: memoryview(b""), init=False)
    ended: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        if isinstance(self.stream, pa.BufferReader):
            self.rest, self.ended = memoryview(self.stream.read_buffer()), True

    def window(self, size: int) -> memoryview:
        """The next `size` bytes, or fewer at the end only."""
        if len(self.rest) < size and not self.ended:
            more = read_fully(self.stream, size - len(self.rest))
            self.ended = len(more) < size - len(self.rest)
            self.rest = memoryview(bytes(self.rest) + more)
        return self.rest[:size]

    def is_all(self, size: int) -> bool:
        """Whether the window of that size reaches the end of the stream."""
        return self.ended and len(self.rest) <= size

    def skip(self, size: int) -> None:
        """Leaves the next bytes behind."""
        self.rest = self.rest[size:]
