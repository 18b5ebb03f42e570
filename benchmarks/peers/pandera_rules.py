"""The twenty rules as a pandera schema; lazy, so that all are judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pandas as pd
import pandera.pandas as pa
from frames import frames, has_check_digit
from given import Given, answer


def schema(given: Given) -> pa.DataFrameSchema:
    """The rules; each failure is called by the number of its rule."""
    check, days = pa.Check, pd.to_datetime(given.open_days)
    return pa.DataFrameSchema(
        {
            "settlement_date": pa.Column(
                nullable=False,
                checks=[
                    check.ge(pd.Timestamp("2004-01-01"), error="r2"),
                    check.le(pd.Timestamp(given.today), error="r3"),
                    check.isin(days, error="r4"),
                ],
            ),
            "cusip": pa.Column(
                nullable=False,
                checks=[
                    check.str_matches(r"^[0-9A-Z*@#]{9}$", error="r6"),
                    check.str_length(9, 9, error="r7"),
                    check(has_check_digit, error="r8"),
                    check.isin(given.known, error="r11"),
                ],
            ),
            "symbol": pa.Column(
                nullable=True,
                checks=[check.str_matches(r"^[A-Z0-9.]{1,10}$", error="r9"), check.str_length(0, 10, error="r10")],
            ),
            "quantity": pa.Column(nullable=False, checks=[check.in_range(1, 10_000_000, error="r13")]),
            "description": pa.Column(
                nullable=True,
                checks=[check.str_length(0, 60, error="r14"), check.str_matches(r"^[ -~]+$", error="r15")],
            ),
            "price": pa.Column(
                nullable=True,
                checks=[
                    check.in_range(0, 5000, error="r17"),
                    check(lambda price: (price * 100).round() / 100 == price, error="r18"),
                    check.in_range(0.01, 3000, error="r20"),
                ],
            ),
        },
        checks=[
            check(lambda frame: frame["description"].notna() | frame["symbol"].isna(), error="r16"),
            check(lambda frame: frame["price"].notna() | frame["symbol"].isna(), error="r19", ignore_na=False),
        ],
    )


def prepare(given: Given) -> Callable[[], dict[str, int]]:
    """Counts the rows that break each rule, from the failure cases that pandera lists."""
    rules = schema(given)

    def check() -> dict[str, int]:
        broken: Counter[str] = Counter()
        for frame in frames(given):
            try:
                rules.validate(frame, lazy=True)
            except pa.errors.SchemaErrors as error:
                cases = error.failure_cases.drop_duplicates(["check", "index"])
                broken.update(cases["check"].astype(str).value_counts().to_dict())
        return dict(broken)

    return check


if __name__ == "__main__":
    answer(prepare)
