"""The page of charts is well-formed, complete in itself, and shows every point once."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cli.charts import Line, page
from monitoring.metrics import METRICS

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
MOMENT = datetime(2026, 3, 31, 12, tzinfo=UTC)
LINES = st.lists(
    st.builds(
        Line,
        st.sampled_from(sorted(METRICS)),
        st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=20),
        st.dictionaries(
            st.integers(0, 1440).map(lambda minutes: MOMENT + timedelta(minutes=minutes)),
            st.floats(0, 1e12),
            max_size=5,
        ),
    ),
    max_size=6,
)


def _parsed(text: str) -> ET.Element:
    head, _, body = text.partition("<body>")
    assert head.startswith("<!doctype html>")
    return ET.fromstring("<body>" + body.replace("</html>", ""))  # noqa: S314  # our own page


@given(LINES)
@example([Line("freshness_seconds", "payments", {MOMENT: 5e-324})])
def test_whatever_was_measured_every_point_is_inside_its_chart_once(lines: list[Line]) -> None:
    drawn = _parsed(page(lines, "What <was> measured"))
    dots = list(drawn.iter("circle"))
    shown = {METRICS[line.metric].panel for line in lines if any(line.points.values())}
    assert len(dots) == sum(len(line.points) for line in lines if METRICS[line.metric].panel in shown)
    assert all(0 <= float(dot.attrib["cx"]) <= 460 and 0 <= float(dot.attrib["cy"]) <= 170 for dot in dots)
    assert {each.attrib["aria-label"] for each in drawn.iter("svg")} == shown
    quiet = {METRICS[line.metric].panel for line in lines if line.points} - shown
    said = " ".join(text for each in drawn.iter("p") for text in each.itertext())
    assert {panel for panel in quiet if panel in said} == quiet


def test_metrics_of_one_panel_share_a_chart_with_a_legend() -> None:
    merged = Line("rows_merged", "payments", {MOMENT: 3.0})
    refused = Line("rows_quarantined", "payments", {MOMENT: 1.0})
    (figure,) = _parsed(page([refused, merged], "x")).iter("figure")
    assert ["".join(span.itertext()) for span in figure.iter("span")] == [
        "■ rows_merged payments 3",
        "■ rows_quarantined payments 1",
    ]


def test_a_page_of_nothing_says_so() -> None:
    assert "Nothing was measured" in page([], "x")


def test_the_page_loads_nothing_from_elsewhere() -> None:
    text = page([Line("rows_merged", "payments", {MOMENT: 3.0})], "x")
    assert "http" not in text
    assert "<script" not in text


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
def test_a_browser_draws_every_chart_of_the_page(tmp_path: Path) -> None:
    lines = [Line(name, "payments", {MOMENT: 1.0, MOMENT + timedelta(minutes=1): 2.0}) for name in METRICS]
    (tmp_path / "page.html").write_text(page(lines, "x"), encoding="utf-8")
    told = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/profile", "--dump-dom"]
    drawn = subprocess.run(
        [str(CHROMIUM), *told, (tmp_path / "page.html").as_uri()],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout
    assert drawn.count("<polyline") == len(METRICS)
    assert drawn.count("<figure") == len({metric.panel for metric in METRICS.values()})


def test_the_picture_in_the_docs_is_a_small_one_that_both_pages_lead_to() -> None:
    root = Path(__file__).parents[2]
    picture = (root / "docs" / "charts.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) < 200_000
    assert "](charts.png)" in (root / "docs" / "metrics.md").read_text()
    assert "](docs/charts.png)" in (root / "README.md").read_text()
