"""The files as pandas reads them, for the peers that check data frames."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import pyarrow as pa
from given import Given, is_cusip
from pyarrow import csv

NAMES = ["settlement_date", "cusip", "symbol", "quantity", "description", "price"]


def frames(given: Given) -> Iterator[pd.DataFrame]:
    """One frame a file, by the parser of Arrow, and with its types."""
    texts = dict.fromkeys(("cusip", "symbol", "description"), pa.string())
    numbers = {"quantity": pa.int64(), "price": pa.float64()}
    convert = csv.ConvertOptions(
        column_types={"settlement_date": pa.timestamp("s"), **texts, **numbers},
        timestamp_parsers=["%Y%m%d"],
        null_values=["", "."],
        strings_can_be_null=True,
    )
    for path in given.files:
        read = csv.read_csv(
            path,
            read_options=csv.ReadOptions(column_names=NAMES, skip_rows=1),
            parse_options=csv.ParseOptions(delimiter="|", quote_char=False),
            convert_options=convert,
        )
        yield read.to_pandas(types_mapper=pd.ArrowDtype)


def has_check_digit(cusips: pd.Series) -> pd.Series:
    """Whether each is a CUSIP; each distinct text is looked at once."""
    return cusips.map({text: is_cusip(text) for text in cusips.dropna().unique()})
