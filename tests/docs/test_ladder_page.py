from pathlib import Path

import pytest

from suffice.segmenters import RUNGS

PAGE = Path(__file__).parents[2] / "docs" / "ladder.md"


@pytest.mark.parametrize("rung", RUNGS)
def test_every_rung_is_on_the_page(rung: str) -> None:
    assert f"| `{rung}` |" in PAGE.read_text(encoding="utf-8")
