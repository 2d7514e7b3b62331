"""The Python face: what `suffice` exports, and that it exports it lazily."""

import ast
from pathlib import Path

import pytest

import suffice

EXPORTED = [
    "Budget",
    "Case",
    "Channel",
    "Cohort",
    "EmptyPolicy",
    "Forecast",
    "Grid",
    "Image",
    "Label",
    "LabelMap",
    "Legend",
    "Panel",
    "Prediction",
    "Progress",
    "Segmenter",
    "SufficeError",
    "UNetSegmenter",
    "__version__",
    "advise_on",
    "agree",
    "bootstrap_interval",
    "check_cohort",
    "cluster",
    "compare",
    "deidentify",
    "enough",
    "evaluate",
    "fetch_series",
    "find_series",
    "forecast",
    "fuse_cohort",
    "import_cohort",
    "interpret_spirometry",
    "learning_curve",
    "load_segmenter",
    "measure_mask",
    "measure_masks",
    "open_drawn",
    "plan_training",
    "predict",
    "pretrain",
    "read_case_image",
    "read_case_mask",
    "read_cohort",
    "read_image",
    "read_mask",
    "read_soft_mask",
    "read_spirometry",
    "rehearse",
    "run",
    "score_case",
    "select",
    "store_objects",
    "track",
    "train",
    "write_cohort",
    "write_image",
    "write_mask",
    "write_report",
]


def test_the_exported_names_are_these() -> None:
    assert sorted(suffice.__all__) == sorted(EXPORTED)


@pytest.mark.parametrize("name", EXPORTED)
def test_every_name_is_there(name: str) -> None:
    assert getattr(suffice, name) is not None
    assert name in dir(suffice)


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse(Path(suffice.__file__).read_text(encoding="utf-8"))
    typed = {
        alias.name
        for block in tree.body
        if isinstance(block, ast.If)
        for line in block.body
        if isinstance(line, ast.ImportFrom)
        for alias in line.names
    }
    assert typed | {"__version__"} == set(EXPORTED)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = suffice.nonsense  # type: ignore[attr-defined]
