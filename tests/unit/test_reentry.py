"""A line that enters again says in its new file what it said in the old one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerlake.errors import RejectedError
from tables.contract import Column, Contract, FileFormat, Kind, Trailer, Unpivot
from validation.reentry import encoded, header_of, judge_again, obstacle, text_of
from validation.validate import validate

CONTRACT = Contract(
    dataset="fees",
    version="1.0.0",
    sha256="0" * 64,
    columns=(
        Column("id", Kind.STRING, required=True),
        Column("amount", Kind.DECIMAL, 18, 2, required=True, money=True),
    ),
    file=FileFormat(header=2, encodings=("utf-8", "cp1252"), trailers=(Trailer(r"END,(\d+)", "count"),)),
)
texts = st.text(st.characters(codec="cp1252", exclude_characters="\0"), min_size=1, max_size=6).filter(str.strip)
amounts = st.sampled_from(["1.00", "2,00", "", "many", "3.005", '"4.00"', "-5.10"])


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


@given(st.lists(st.tuples(texts, amounts), max_size=6), st.sampled_from(["utf-8", "cp1252"]))
def test_refused_lines_alone_are_refused_for_the_same_reasons(rows: list[tuple[str, str]], encoding: str) -> None:
    body = "".join(f"{quoted(key)},{amount}\n" for key, amount in rows)
    data = f"Fees of März\nid,amount\n{body}END,{len(rows)}\n".encode(encoding)
    before = validate(data, CONTRACT)
    raw = before.quarantined["raw"].to_pylist()
    again = judge_again(encoded(text_of(header_of(data, CONTRACT), raw), CONTRACT), CONTRACT, len(raw))
    assert again.accepted == [False] * len(raw)
    assert again.verdict.quarantined["reasons"].to_pylist() == before.quarantined["reasons"].to_pylist()
    assert again.verdict.quarantined["money"].to_pylist() == before.quarantined["money"].to_pylist()
    assert again.verdict.held == ()


def test_each_row_is_told_apart_in_the_order_of_the_file() -> None:
    again = judge_again(b"x\nid,amount\na,1\nb,x\nc,3\n", CONTRACT, 3)
    assert again.accepted == [True, False, True]
    with pytest.raises(RejectedError, match="3 rows are in the file, 2 are to be replaced: write one row for each"):
        judge_again(b"x\nid,amount\na,1\nb,x\nc,3\n", CONTRACT, 2)


def test_a_text_that_no_declared_encoding_can_write_is_refused() -> None:
    latin = replace(CONTRACT, file=FileFormat(encodings=("cp1252",)))
    assert encoded("ö", latin) == b"\xf6"
    with pytest.raises(RejectedError, match="'Ω' cannot be written in cp1252; replace it"):
        encoded("Ω", latin)


def test_what_is_no_line_of_text_cannot_enter_again() -> None:
    assert obstacle(CONTRACT) is None
    assert obstacle(replace(CONTRACT, mode="snapshot"))
    parquet = replace(CONTRACT, file=FileFormat("parquet"))
    assert str(obstacle(parquet)).endswith(
        "which supersedes this upload (`ledgerlake upload FILE --supersedes UPLOAD_ID`)"
    )
    assert obstacle(replace(CONTRACT, file=FileFormat(unpivot=Unpivot("currency", "rate"))))
    assert header_of(b'{"id": 1}', replace(CONTRACT, file=FileFormat("jsonl"))) == ""
