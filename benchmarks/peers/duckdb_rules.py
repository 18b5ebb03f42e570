"""The twenty rules as one SQL statement over all files."""

from __future__ import annotations

from collections.abc import Callable

import duckdb
from given import ALPHABET, Given, answer

NAMES = ["settlement_date", "cusip", "symbol", "quantity", "description", "price"]
DIGITS = [f"((strpos('{ALPHABET}', cusip[{at + 1}]) - 1) * {1 + at % 2})" for at in range(8)]
CHECKSUM = f"({' + '.join(f'{each} // 10 + {each} % 10' for each in DIGITS)} + cusip[9]::INT) % 10 = 0"
RULES = {
    "r1": "settlement_date IS NULL",
    "r2": "settlement_date < DATE '2004-01-01'",
    "r3": "settlement_date > today",
    "r4": "settlement_date NOT IN (SELECT day FROM open_days)",
    "r5": "cusip IS NULL",
    "r6": "NOT regexp_full_match(cusip, '[0-9A-Z*@#]{9}')",
    "r7": "length(cusip) <> 9",
    "r8": f"NOT ({CHECKSUM})",
    "r9": "NOT regexp_full_match(symbol, '[A-Z0-9.]{1,10}')",
    "r10": "length(symbol) > 10",
    "r11": "cusip NOT IN (SELECT cusip FROM known)",
    "r12": "quantity IS NULL",
    "r13": "quantity NOT BETWEEN 1 AND 10000000",
    "r14": "length(description) > 60",
    "r15": "NOT regexp_full_match(description, '[ -~]+')",
    "r16": "description IS NULL AND symbol IS NOT NULL",
    "r17": "price NOT BETWEEN 0 AND 5000",
    "r18": "round(price, 2) <> price",
    "r19": "price IS NULL AND symbol IS NOT NULL",
    "r20": "price NOT BETWEEN 0.01 AND 3000",
}


def prepare(given: Given) -> Callable[[], dict[str, int]]:
    """Counts the rows that break each rule; which rows, and why, is not asked."""
    connection = duckdb.connect()
    connection.execute("CREATE TABLE known AS SELECT unnest(?) AS cusip", [given.known])
    connection.execute("CREATE TABLE open_days AS SELECT unnest(?)::DATE AS day", [given.open_days])
    types = ["DATE", "VARCHAR", "VARCHAR", "DECIMAL(18,0)", "VARCHAR", "DECIMAL(18,4)"]
    rows = (
        "read_csv(?, delim='|', quote='', header=true, nullstr=['', '.'], dateformat='%Y%m%d', "
        f"columns={dict(zip(NAMES, types, strict=True))})"
    )
    counts = ", ".join(f"count(*) FILTER ({rule}) AS {name}" for name, rule in RULES.items())
    statement = f"SELECT {counts} FROM (SELECT *, ?::DATE AS today FROM {rows})"  # noqa: S608  # our own rules

    def check() -> dict[str, int]:
        found = connection.execute(statement, [given.today, given.files]).fetchone()
        assert found is not None
        return dict(zip(RULES, found, strict=True))

    return check


if __name__ == "__main__":
    answer(prepare)
