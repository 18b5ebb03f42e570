"""Writes `docs/settings.md` from `Settings`: `python -m cli.settings_page`. A test checks that nobody forgot to."""

from __future__ import annotations

from dataclasses import MISSING, fields
from pathlib import Path

from ledgerlake.settings import Settings

PAGE = Path(__file__).resolve().parents[1] / "docs" / "settings.md"

HEAD = """# Settings

Every setting is an environment variable; in Glue, a job argument of the same name (`--LEDGERLAKE_RAW_BUCKET name`). All
problems are reported at once. `ledgerlake up` writes those of the local cloud to `.ledgerlake/env`, which every command
reads unless the environment names an installation (`LEDGERLAKE_RAW_BUCKET`); else single settings of the environment
overrule it. This page is made from `ledgerlake/settings.py`: `python -m cli.settings_page`.

| name | meaning | default |
|---|---|---|
"""

TAIL = """
The command line reads `LEDGERLAKE_API_URL` too; `LEDGERLAKE_API_TOKEN`, the bearer token that an API in AWS asks for
(sent over TLS only, written nowhere); and `LEDGERLAKE_STATE`, the folder of the embedded cloud (`.ledgerlake`). AWS
credentials are found as by every AWS program: environment, profile, role.

`ledgerlake doctor` reads `LEDGERLAKE_GLUE_JOB`, the name of the stream's job in AWS, and looks then at what templates
promise; `make deploy` ends with it and with every setting of an installation.
"""


def page() -> str:
    """The whole page."""
    return HEAD + "".join(f"| `{name}` | {doc} | {default} |\n" for name, doc, default in _rows()) + TAIL


def _rows() -> list[tuple[str, str, str]]:
    return [(each.metadata["name"], each.metadata["doc"], _default(each.default)) for each in fields(Settings)]


def _default(value: object) -> str:
    if value is MISSING:
        return "(required)"
    return "(none)" if value is None or value == "" else f"`{value}`"


if __name__ == "__main__":
    PAGE.write_text(page())
