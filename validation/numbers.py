"""Numbers as a contract says that they are written, in the one form that is parsed: minus sign, digits, point.

What is not written so is marked, so that it is refused and never read as another number.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache

import pyarrow as pa
import pyarrow.compute as pc

from tables.contract import FileFormat

_WRONG = "?"  # no number has it
_READABLE = re.compile(r"[+-]?(?=\.?[0-9])0*[0-9]{0,38}(?:\.[0-9]{0,38}0*)?", re.ASCII)


def has_notation(file: FileFormat) -> bool:
    """Whether numbers have another point, another minus, or a unit. Thousands alone are no such notation."""
    return bool(file.units or file.negatives or file.decimal_mark != ".")


def plain_numbers(text: pa.StringArray, file: FileFormat) -> pa.StringArray:
    """Every number in the parsed form; other texts are marked as none. Nulls stay."""
    result = pc.binary_join_element_wise(pa.scalar(_WRONG), text, "")
    for form, written in _forms(file):
        pattern = rf"\A(?:{form})\z"
        matched = pc.match_substring_regex(text, pattern)
        if pc.any(matched, min_count=0).as_py():
            result = pc.if_else(matched, pc.replace_substring_regex(text, pattern, written), result)
    if file.thousands:
        result = pc.replace_substring(result, file.thousands, "")
    return pc.replace_substring(result, file.decimal_mark, ".")


def readable_number(text: str | None, file: FileFormat) -> Decimal | None:
    """The number in a cell, even one that its column cannot hold: up to 38 digits on either side of its point."""
    if text is None:
        return None
    cell = text.strip() if file.trim else text
    for form, written in _forms(file):
        found = re.fullmatch(form, cell)
        if found:
            ungrouped = found.expand(written).replace(file.thousands, "") if file.thousands else found.expand(written)
            plain = ungrouped.replace(file.decimal_mark, ".")
            return Decimal(plain) if _READABLE.fullmatch(plain) else None
    return None


@cache
def _forms(file: FileFormat) -> tuple[tuple[str, str], ...]:
    """Patterns for RE2 and `re` alike, each with what writes the sign and digits of its number."""
    mark = re.escape(file.decimal_mark)
    groups = f"|[0-9]{{1,3}}(?:{re.escape(file.thousands)}[0-9]{{3}})+" if file.thousands else ""
    digits = rf"((?:[0-9]+{groups})(?:{mark}[0-9]*)?|{mark}[0-9]+)"
    unit = rf"(?: ?(?:{'|'.join(map(re.escape, file.units))}) ?)?" if file.units else ""
    forms = [(rf"([+-]?){unit}{digits}{unit}", r"\1\2")]
    if file.units:
        forms.append((rf"{unit}([+-]){digits}{unit}", r"\1\2"))
    if "parentheses" in file.negatives:
        forms.append((rf"{unit}\({unit}{digits}{unit}\){unit}", r"-\1"))
    if "trailing" in file.negatives:
        forms.append((rf"{unit}{digits}{unit}-{unit}", r"-\1"))
    return tuple(forms)
