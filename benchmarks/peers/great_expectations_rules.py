"""The twenty rules as a suite of Great Expectations; in the cheapest format that counts the rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import great_expectations as gx
import pandas as pd
from frames import frames, has_check_digit
from given import Given, answer

e = gx.expectations


def rules(given: Given) -> list[Any]:
    """The rules; where no expectation says it, a column of truths is expected to be true."""
    days = list(pd.to_datetime(given.open_days))
    return [
        e.ExpectColumnValuesToNotBeNull(column="settlement_date", meta={"rule": "r1"}),
        e.ExpectColumnValuesToBeBetween(
            column="settlement_date", min_value=pd.Timestamp("2004-01-01"), meta={"rule": "r2"}
        ),
        e.ExpectColumnValuesToBeBetween(
            column="settlement_date", max_value=pd.Timestamp(given.today), meta={"rule": "r3"}
        ),
        e.ExpectColumnValuesToBeInSet(column="settlement_date", value_set=days, meta={"rule": "r4"}),
        e.ExpectColumnValuesToNotBeNull(column="cusip", meta={"rule": "r5"}),
        e.ExpectColumnValuesToMatchRegex(column="cusip", regex=r"^[0-9A-Z*@#]{9}$", meta={"rule": "r6"}),
        e.ExpectColumnValueLengthsToEqual(column="cusip", value=9, meta={"rule": "r7"}),
        e.ExpectColumnValuesToBeInSet(column="has_check_digit", value_set=[True], meta={"rule": "r8"}),
        e.ExpectColumnValuesToMatchRegex(column="symbol", regex=r"^[A-Z0-9.]{1,10}$", meta={"rule": "r9"}),
        e.ExpectColumnValueLengthsToBeBetween(column="symbol", max_value=10, meta={"rule": "r10"}),
        e.ExpectColumnValuesToBeInSet(column="is_known", value_set=[True], meta={"rule": "r11"}),
        e.ExpectColumnValuesToNotBeNull(column="quantity", meta={"rule": "r12"}),
        e.ExpectColumnValuesToBeBetween(column="quantity", min_value=1, max_value=10_000_000, meta={"rule": "r13"}),
        e.ExpectColumnValueLengthsToBeBetween(column="description", max_value=60, meta={"rule": "r14"}),
        e.ExpectColumnValuesToMatchRegex(column="description", regex=r"^[ -~]+$", meta={"rule": "r15"}),
        e.ExpectColumnValuesToBeInSet(column="is_described", value_set=[True], meta={"rule": "r16"}),
        e.ExpectColumnValuesToBeBetween(column="price", min_value=0, max_value=5000, meta={"rule": "r17"}),
        e.ExpectColumnValuesToBeInSet(column="is_in_cents", value_set=[True], meta={"rule": "r18"}),
        e.ExpectColumnValuesToBeInSet(column="is_priced", value_set=[True], meta={"rule": "r19"}),
        e.ExpectColumnValuesToBeBetween(column="price", min_value=0.01, max_value=3000, meta={"rule": "r20"}),
    ]


def prepare(given: Given) -> Callable[[], dict[str, int]]:
    """Counts the rows that break each rule."""
    context = gx.get_context(mode="ephemeral")
    source = context.data_sources.add_pandas("files").add_dataframe_asset("file")
    batches = source.add_batch_definition_whole_dataframe("all")
    suite = gx.ExpectationSuite(name="rules", expectations=rules(given))
    known = set(given.known)

    def check() -> dict[str, int]:
        broken: Counter[str] = Counter()
        for frame in frames(given):
            frame["has_check_digit"] = has_check_digit(frame["cusip"])
            frame["is_known"] = frame["cusip"].isin(known)
            frame["is_described"] = frame["description"].notna() | frame["symbol"].isna()
            frame["is_priced"] = frame["price"].notna() | frame["symbol"].isna()
            frame["is_in_cents"] = frame["price"].isna() | ((frame["price"] * 100).round() / 100 == frame["price"])
            found = batches.get_batch(batch_parameters={"dataframe": frame}).validate(suite, result_format="BASIC")
            for result in found.results:
                broken[result.expectation_config.meta["rule"]] += result.result["unexpected_count"]
        return dict(broken)

    return check


if __name__ == "__main__":
    answer(prepare)
