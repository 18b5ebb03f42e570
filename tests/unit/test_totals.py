"""Control totals are compared exactly; a difference holds the file and shows itself."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tables.contract import Column, ControlTotal, Kind, Trailer
from tests.shapes import AMOUNT, ID, a_contract
from validation.totals import TOTALS, Declared, add, exact_sum
from validation.validate import check_conservation, validate

TRADES = a_contract((ID, AMOUNT))
DATA = b"id,amount\n1,10.10\n2,5\nx,0.05\n4,1.239\n5,n/a\n"


@pytest.mark.parametrize(
    ("declared", "held"),
    [
        (Declared(), ()),
        (Declared(5, {"amount": Decimal("16.389")}), ()),
        (Declared(4), ("the upload declares 4 rows, the file has 5: a difference of -1",)),
        (
            Declared(5, {"amount": Decimal("1016.39")}),
            ("the upload declares 1,016.39 amount in all, the file has 16.389: a difference of 1,000.001",),
        ),
        (
            Declared(totals={"fee": Decimal(1)}),
            ("the upload declares a total of 'fee', which is no money column of trades",),
        ),
    ],
)
def test_declared_totals_cover_every_readable_cell_of_the_file(declared: Declared, held: tuple[str, ...]) -> None:
    found = validate(DATA, TRADES, declared)
    assert found.held == held
    assert (found.accepted.num_rows, found.quarantined.num_rows) == (2, 3)
    assert found.totals.money == {"amount": Decimal("16.389")}
    check_conservation(found)


def test_quarantined_money_is_kept_as_it_can_be_read() -> None:
    found = validate(DATA, TRADES)
    assert [dict(row) for row in found.quarantined.column("money").to_pylist()] == [
        {"amount": "0.05"},
        {"amount": "1.239"},
        {},
    ]


def test_a_trailer_may_declare_the_sum_of_a_column_that_is_no_money() -> None:
    trailer = Trailer("SUM ([0-9]+)", "sum", "id")
    found = validate(b"id,amount\n1,1\n2,2\nSUM 4\n", a_contract((ID, AMOUNT), trailers=(trailer,)))
    assert found.held == ("the trailer on line 4 declares 4 id in all, the file has 3: a difference of 1",)
    assert (found.totals.money, found.totals.checked) == ({"amount": Decimal(3)}, {"id": Decimal(3)})


def test_conservation_notices_a_cent_and_a_row() -> None:
    found = validate(DATA, TRADES)
    cent = replace(found, totals=replace(found.totals, money={"amount": Decimal("16.399")}))
    with pytest.raises(RuntimeError, match=r"amount: file 16\.399, parts 16\.389"):
        check_conservation(cent)
    with pytest.raises(RuntimeError, match="rows: file 6, parts 5"):
        check_conservation(replace(found, totals=replace(found.totals, rows=6)))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(-(10**38) + 1, 10**38 - 1), max_size=5))
def test_sums_of_38_digits_are_exact(digits: list[int]) -> None:
    values = pa.array([Decimal(number) for number in digits], pa.decimal128(38, 0))
    assert exact_sum(values) == sum(digits)


def test_sums_of_integers_do_not_overflow() -> None:
    assert exact_sum(pa.array([2**63 - 1, 2**63 - 1, None])) == 2**64 - 2
    assert add(Decimal("9" * 38), Decimal("0." + "1" * 38)) == Decimal("9" * 38 + "." + "1" * 38)


def test_money_may_be_counted_in_whole_numbers() -> None:
    shares = Column("shares", Kind.INTEGER, money=True)
    found = validate(b"id,shares\n1,2\n2,1.5\n", a_contract((ID, shares)))
    assert found.totals.money == {"shares": Decimal("3.5")}
    check_conservation(found)


ACCOUNT = Column("account", Kind.STRING)
HASHED = (ControlTotal("absolute", "amount"), ControlTotal("hash", "account"))
MOVEMENTS = b"id,amount,account\n1,10.10,DE12 34\n2,-5.05,\n3,n/a,9-9\n4,1.239,none\n"


@pytest.mark.parametrize(
    ("totals", "held"),
    [
        ({"absolute(amount)": "16.389", "hash(account)": "1333"}, ()),
        (
            {"absolute(amount)": "16.38"},
            ("the upload declares 16.38 absolute(amount) in all, the file has 16.389: a difference of -0.009",),
        ),
        (
            {"hash(account)": "1334"},
            ("the upload declares 1,334 hash(account) in all, the file has 1,333: a difference of 1",),
        ),
        ({"opening(amount)": "100", "closing(amount)": "106.289"}, ()),
        (
            {"opening(amount)": "100", "closing(amount)": "106.30"},
            ("amount goes from 100 to 106.289, its closing balance is 106.30: a difference of 0.011",),
        ),
        ({"opening(amount)": "0"}, ("the upload declares one balance of amount: declare closing(amount) too",)),
    ],
)
def test_further_totals_are_declared_by_their_names(totals: dict[str, str], held: tuple[str, ...]) -> None:
    contract = a_contract((ID, AMOUNT, ACCOUNT), control_totals=HASHED)
    found = validate(MOVEMENTS, contract, Declared(totals={name: Decimal(text) for name, text in totals.items()}))
    assert found.held == held
    assert set(totals) <= set(contract.declarable)
    check_conservation(found)


def test_a_trailer_may_declare_a_hash_of_which_the_last_ten_digits_count() -> None:
    trailer = Trailer("HASH ([0-9]+)", "hash", "account")
    contract = a_contract((ID, ACCOUNT), trailers=(trailer,))
    rows = b"id,account\n1,9999999999\n2,2\n3,%s\n" % (b"0" * 40 + b"5")
    assert validate(rows + b"HASH 0000000006\n", contract).held == ()
    assert validate(rows + b"HASH 10000000006\n", contract).held == ()
    (why,) = validate(rows + b"HASH 0000000007\n", contract).held
    assert why.endswith("declares 7 hash(account) in all, the file has 6: a difference of 1")


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(alphabet="0123456789- X", max_size=45), max_size=6))
def test_a_hash_total_is_the_sum_of_the_digits_read_as_numbers(identifiers: list[str]) -> None:
    digits = ["".join(filter(str.isdigit, each)) for each in identifiers]
    assert TOTALS["hash"](pa.array(identifiers, pa.string()), ()) == sum(int(each[-28:]) for each in digits if each)


def test_totals_of_any_size_are_exact() -> None:
    large, contract = "-" + "7" * 38 + "." + "3" * 38, a_contract((ID, AMOUNT, ACCOUNT), control_totals=HASHED)
    found = validate(f"id,amount,account\n1,{large},1\n2,0.01,2\n".encode(), contract)
    assert found.totals.checked["absolute(amount)"] == add(Decimal(large).copy_abs(), Decimal("0.01"))
    many = "9" * 28
    rows = "".join(f"{at},1,{many}\n" for at in range(200))
    held = validate(
        f"id,amount,account\n{rows}".encode(), contract, Declared(totals={"hash(account)": Decimal(1)})
    ).held
    assert f"the file has {200 * int(many) % 10**10:,}:" in held[0]
