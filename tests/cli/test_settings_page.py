"""The settings page is what the settings say."""

from __future__ import annotations

from cli.settings_page import PAGE, page


def test_making_the_settings_page_again_changes_nothing() -> None:
    assert PAGE.read_text() == page(), "run: python -m cli.settings_page"
