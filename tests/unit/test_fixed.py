"""Fixed width: columns are where the contract says that they stand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledgerlake.errors import RejectedError
from tables.contract import Column, Contract, Kind, Trailer
from tests.shapes import AMOUNT, ID, NAME, a_contract, column, messages, reasons
from validation.container import as_stream
from validation.formats import fixed
from validation.header import check_header
from validation.validate import check_conservation, judge, validate, verdict

POSITIONS = (("id", 1, 3), ("name", 4, 8), ("amount", 9, 14))
DATA = """HEADING OF THE FILE
001Ann    1.50
002Zoë  -12.00

x  Bob    3.25
004Eve
005Eve    1.00 more
END 5
""".encode()


def _contract(**file: Any) -> Contract:
    stated = {"name": "fixed", "positions": POSITIONS, "header": 1, **file}
    return a_contract((ID, NAME, AMOUNT), **stated)


def test_columns_are_cut_at_their_positions() -> None:
    found = validate(DATA, _contract(trailers=(Trailer("END ([0-9]+)", "count"),)))
    assert [tuple(row.values()) for row in found.accepted.to_pylist()] == [
        (1, "Ann", Decimal("1.50"), 2),
        (2, "Zoë", Decimal("-12.00"), 3),
    ]
    assert reasons(found) == [(5, "type", "id"), (6, "columns", None), (7, "columns", None)]
    assert "the row has 6 characters, its columns end at 14" in messages(found)
    assert (found.held, found.totals.rows) == ((), 5)
    check_conservation(found)


def test_short_rows_are_filled_and_long_ones_cut_where_the_contract_says_so() -> None:
    found = validate(DATA, _contract(ragged_rows="fill", unknown_columns="ignore"))
    assert column(found, "id") == [1, 2, 4, 5]
    assert column(found, "amount")[2:] == [None, Decimal("1.00")]


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16"])
def test_positions_count_characters_not_bytes(encoding: str) -> None:
    found = validate(DATA.decode().encode(encoding), _contract(encodings=("utf-8", encoding)))
    assert column(found, "name") == ["Ann", "Zoë"]


def test_the_positions_must_suit_the_contract() -> None:
    wanted = a_contract((ID, Column("day", Kind.DATE, required=True)), name="fixed", positions=(("id", 1, 3),))
    for judged in (lambda: check_header(b"001\n", wanted, True), lambda: validate(b"001\n", wanted)):
        with pytest.raises(RejectedError, match="column 'day' is missing"):
            judged()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["001Ann    1.50", "", "x", "é" * 14, "END 3", "\0"]), max_size=12), st.integers(1, 40))
def test_a_file_is_judged_alike_however_it_is_cut(lines: list[str], size: int) -> None:
    data, contract = "\n".join(lines).encode(), _contract(header=0)
    whole = validate(data, contract)
    pieces = verdict(judge(fixed.split(as_stream(data), contract, size, 1), contract), contract)
    check_conservation(whole)
    assert pieces.accepted.equals(whole.accepted)
    assert pieces.quarantined.equals(whole.quarantined)
    assert whole.totals.rows == sum(1 for line in lines if line.strip())
