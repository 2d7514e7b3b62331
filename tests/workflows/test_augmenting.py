"""The contact sheet of augmentation."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image as Picture

from suffice.core import Cohort, StorageError, UsageError
from suffice.workflows.augmenting import policies, show_augmentation


def test_a_sheet_is_drawn_once(tiny_cohort: Cohort, tmp_path: Path) -> None:
    out = tmp_path / "sheet.png"
    shown = show_augmentation(
        tiny_cohort, out, policy="light", mix=("carvemix",), n_cases=2, n_draws=2
    )
    assert shown.policy == "light" and shown.mixing == ("carvemix",) and len(shown.cases) == 2
    with Picture.open(out) as sheet:
        assert sheet.width > 300
        assert len(sheet.convert("RGB").getcolors(1 << 20) or ()) > 50
    with pytest.raises(StorageError, match="exists already"):
        show_augmentation(tiny_cohort, out)


def test_names_that_are_not_known_are_refused(tiny_cohort: Cohort, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such policy"):
        show_augmentation(tiny_cohort, tmp_path / "a.png", policy="magic")
    with pytest.raises(UsageError, match="mixing"):
        show_augmentation(tiny_cohort, tmp_path / "a.png", mix=("mixup",))


def test_everything_is_listed() -> None:
    names = {name for name, _ in policies()}
    assert {"none", "strong", "mixing: cutmix", "mixing: interpolation"} <= names
