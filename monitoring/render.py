"""Writes all that is made from the catalogue: `python -m monitoring.render`. A test checks that nobody forgot to."""

from __future__ import annotations

from pathlib import Path

from monitoring import grafana_boards, metrics_page, stack
from monitoring.boards import BOARDS

ROOT = Path(__file__).resolve().parents[1]
DASHBOARDS = ROOT / "monitoring" / "grafana" / "dashboards"


def rendered() -> dict[Path, str]:
    """Every file and its text."""
    boards = {DASHBOARDS / f"{board.name}.json": grafana_boards.render(board) for board in BOARDS.values()}
    pages = {ROOT / "docs" / "metrics.md": metrics_page.render(), ROOT / "infra" / "monitoring.yaml": stack.render()}
    return boards | pages


if __name__ == "__main__":
    for path, text in rendered().items():
        path.write_text(text, encoding="utf-8")
