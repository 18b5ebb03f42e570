"""A sidecar says what must be in a file; what it does not say clearly is refused, never guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.main import main
from cli.shell import Exit
from cli.sidecar import Sidecar, read_sidecar
from ledgerlake.errors import ConfigurationError

TOTALS = {"amount": "-1234.50", "hash(account)": "0012345678"}


@pytest.mark.parametrize(
    "text",
    [
        "# of March\nrows = 100\n\namount = -1,234.50\nhash(account) = 0012345678\n",
        "Count:100\namount:-1234.50\nhash(account):0012345678",
        "rows;100\r\namount;-1234.50\r\nhash(account);0012345678\r\n",
        "records\t100\namount\t-1234.50\nhash(account)\t0012345678\n",
        "rows,100\namount,-1,234.50\nhash(account),0012345678\n",
        '\ufeff{"rows": 100, "amount": -1234.50, "hash(account)": "0012345678"}',
    ],
)
def test_what_a_sidecar_declares_is_read(tmp_path: Path, text: str) -> None:
    path = tmp_path / "march.ctl"
    path.write_text(text, "utf-8")
    assert read_sidecar(path) == Sidecar(100, TOTALS)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "declares nothing; write lines such as"),
        ("amount\n", "march.ctl:1: 'amount' declares nothing"),
        ("rows = 1\namount = a lot\n", "march.ctl:2: 'a lot' is no number"),
        ("rows = 1.5\n", "march.ctl:1: '1.5' is no number of rows"),
        ("rows = 1\ncount = 1\n", "march.ctl:2: 'count' is declared twice"),
        ("amount = 1\namount = 2\n", "march.ctl:2: 'amount' is declared twice"),
        ("amount = 1e5\n", "'1e5' is no number"),
        ('{"amount": [1]}', "is no number"),
        ('{"amount": ', "is no JSON object"),
        ("{" * 60_000, "is no JSON object"),
    ],
)
def test_what_is_not_clear_is_refused_with_its_place(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "march.ctl"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        read_sidecar(path)
    assert why in str(caught.value)


def test_a_sidecar_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_sidecar(tmp_path / "none.ctl")


def test_what_is_stated_on_the_command_line_wins() -> None:
    found = Sidecar(100, {"amount": "1", "fee": "2"})
    assert found.overruled(None, {"amount": "3"}) == Sidecar(100, {"amount": "3", "fee": "2"})
    assert found.overruled(0, {}) == Sidecar(0, found.totals)


def test_one_sidecar_is_not_for_many_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.csv", "b.csv", "a.ctl"):
        (tmp_path / name).write_text("rows = 1\n")
    files = [str(tmp_path / "a.csv"), str(tmp_path / "b.csv")]
    asked = ["upload", *files, "--dataset", "x", "--totals", str(tmp_path / "a.ctl"), "--state", str(tmp_path)]
    assert main(asked, {}) == Exit.CONFIGURATION
    assert "--totals describes one file" in capsys.readouterr().err
