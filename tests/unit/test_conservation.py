"""Conservation is exact arithmetic, and a violation says which sum differs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledgerlake.errors import ConservationError
from ledgerlake.events import Outcome
from streaming_jobs.conservation import add, check, exact_sum, money_text, tally_quarantined
from streaming_jobs.tallies import Tally, sums
from validation.verdict import QUARANTINED

AMOUNTS = st.builds(
    lambda digits, places: Decimal(f"{digits}e-{places}"),
    st.integers(-(10**43), 10**43),
    st.integers(0, 5),
)


TALLIES = st.builds(Tally, st.integers(0, 9), st.fixed_dictionaries({"fee": AMOUNTS}))


@settings(deadline=None)
@given(
    parts=st.lists(TALLIES, min_size=1, max_size=4),
)
def test_parts_that_add_up_pass_and_a_cent_or_a_row_more_does_not(parts: list[Tally]) -> None:
    file = add(parts, ["fee"])
    named = {str(index): part for index, part in enumerate(parts)}
    check("books 1", file, named)
    with pytest.raises(ConservationError, match=r"books 1: .*rows: file"):
        check("books 1", Tally(file.rows + 1, file.money), named)
    with pytest.raises(ConservationError, match="fee: file"):
        check("books 1", Tally(file.rows, {"fee": exact_sum([file.money["fee"], Decimal("0.00001")])}), named)


def test_refused_cells_count_with_all_their_digits() -> None:
    cells = pa.array(
        [[("fee", "9" * 38)], [("fee", "0." + "1" * 38)], [], [("fee", None)]],
        QUARANTINED.field("money").type,
    )
    assert tally_quarantined(cells, ["fee", "tax"]) == Tally(
        4,
        {"fee": Decimal("9" * 38 + "." + "1" * 38), "tax": Decimal(0)},
    )


@settings(deadline=None)
@given(value=AMOUNTS, scale=st.integers(0, 6))
def test_an_amount_has_one_text_whatever_its_exponent(value: Decimal, scale: int) -> None:
    text = money_text(value, scale)
    assert Decimal(text) == value
    assert "E" not in text
    assert len(text.partition(".")[2]) >= scale
    assert money_text(Decimal(text + ("0" if "." in text else ".0")), scale) == text


def test_zero_has_no_sign() -> None:
    assert money_text(Decimal("-0.00"), 2) == "0.00"


def test_sums_beyond_38_digits_do_not_wrap_around() -> None:
    highest = Decimal("9" * 38)
    assert sums(pa.table({"x": pa.array([highest] * 11, pa.decimal128(38, 0))})) == {
        "x": Decimal("10" + "9" * 36 + "89"),
    }


def test_an_outcome_says_what_is_in_no_part_of_its_file() -> None:
    parts = {"file": "10.10", "merged": "10.00", "superseded": "0.00", "duplicate": "0.00", "quarantined": "0.10"}
    said: tuple[Any, ...] = (
        "books",
        1,
        "id",
        "applied",
        2,
        1,
        0,
        0,
        1,
        {"amount": parts},
        [],
        "0" * 64,
        "1.0.0",
        datetime.now(UTC),
    )
    assert Outcome(*said).unexplained == {"rows": "0", "amount": "0.00"}
    lost = replace(Outcome(*said), merged=0, money={"amount": {**parts, "merged": "9" * 36 + ".99"}})
    assert lost.unexplained == {"rows": "1", "amount": "-" + "9" * 34 + "89.99"}
    assert replace(lost, state="held").unexplained == {}
