"""What had to be decided to read a file is said, with its reason, whatever its format."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.hostile import contract_for
from tests.statements import BAI2, MT940, OFX
from validation.validate import validate

ENCODINGS = ("utf-8", "cp1252", "utf-16")
TEXTS = {
    "csv": (b"account,day,amount\na,,1\ncaf\xe9,,2\n", 3),
    "fixed": (b"0001                   1\ncaf\xe9                   2\n", 2),
    "jsonl": (b'{"account":"a","amount":1}\n{"account":"caf\xe9","amount":2}\n', 2),
    "mt940": (MT940.replace(b"Rent of", b"caf\xe9"), 8),
    "bai2": (BAI2.replace(b"Rent", b"caf\xe9"), 5),
    "ofx": (OFX.replace(b"<MEMO>of", b"<MEMO>caf\xe9"), 8),
}


@pytest.mark.parametrize("form", TEXTS)
def test_the_first_line_of_another_encoding_is_noted(form: str) -> None:
    contract, (content, line) = contract_for(form), TEXTS[form]
    contract = replace(contract, file=replace(contract.file, encodings=ENCODINGS))
    found = validate(content, contract)
    assert found.totals.notes == {"cp1252": f"line {line} is read as cp1252: byte 0xe9 cannot be read as utf-8"}
    assert "caf\u00e9" in str(found.accepted.to_pylist() + found.quarantined.to_pylist())
    assert validate(content.replace(b"\xe9", b"e"), contract).totals.notes == {}


@pytest.mark.parametrize("form", [*TEXTS, "json"])
def test_a_byte_order_mark_of_another_encoding_is_noted(form: str) -> None:
    contract, (content, _) = contract_for(form), TEXTS.get(form, (b'{"rows":[{"account":"caf\xe9","amount":2}]}', 1))
    contract = replace(contract, file=replace(contract.file, encodings=ENCODINGS))
    found = validate(content.decode("cp1252").encode("utf-16"), contract)
    assert found.totals.notes == {"utf-16": "the file is read as utf-16: it begins with the byte order mark of that"}
    assert "caf\u00e9" in str(found.accepted.to_pylist() + found.quarantined.to_pylist())
