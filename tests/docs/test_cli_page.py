import importlib.util
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def maker():
    spec = importlib.util.spec_from_file_location("make_cli_page", DOCS / "make_cli_page.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_page_is_what_the_help_says(maker):
    written = (DOCS / "cli.md").read_text(encoding="utf-8")
    assert written == maker.page(), "run: python docs/make_cli_page.py"


def test_width_of_the_terminal_does_not_matter(maker, monkeypatch):
    wide = maker.page()
    monkeypatch.setenv("COLUMNS", "40")
    assert maker.page() == wide
