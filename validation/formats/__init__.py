"""The file formats that a contract can name. To add one: a module with a `FORMAT`, and its line here."""

from __future__ import annotations

from validation.formats import bai, camt053, delimited, fixed, json_document, json_lines, mt940, ofx, parquet, xlsx
from validation.formats.block import Format

FORMATS: dict[str, Format] = {
    form.name: form
    for form in (
        delimited.FORMAT,
        fixed.FORMAT,
        json_document.FORMAT,
        json_lines.FORMAT,
        xlsx.FORMAT,
        parquet.FORMAT,
        mt940.FORMAT,
        bai.FORMAT,
        ofx.FORMAT,
        camt053.FORMAT,
    )
}
