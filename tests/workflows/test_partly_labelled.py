"""Scribbles from a folder of files to scores: what the commands do with them, and what not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture

from suffice.core import Budget, Cohort, CohortError, Grid, LabelMap, UsageError
from suffice.io import read_case_mask, read_cohort, write_mask
from suffice.phantoms import discs, scribble
from suffice.qc import check_cohort
from suffice.segmenters import RUNGS
from suffice.segmenters.pooled_unet import PooledUNetSegmenter
from suffice.workflows.agreeing import read_masks
from suffice.workflows.evaluating import evaluate
from suffice.workflows.importing import import_cohort
from suffice.workflows.measuring import _masks
from suffice.workflows.training import train
from suffice.workflows.witnessing import Traits

BACKGROUND = 7


def picture(folder: Path, name: str, array: np.ndarray) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    Picture.fromarray(array.astype(np.uint8)).save(folder / f"{name}.png")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Pictures with strokes: 0 unlabelled, 7 background, 1 disc."""
    for i in range(3):
        phantom = discs(np.random.default_rng(i), (48, 40), n_discs=2, radius=(6.0, 9.0))
        strokes = scribble(phantom.truth, np.random.default_rng(i), ignore=BACKGROUND).array
        swapped = np.where(strokes == 0, BACKGROUND, np.where(strokes == BACKGROUND, 0, strokes))
        picture(tmp_path / "source/images", f"c{i}", np.clip(phantom.image.array[0], 0, 1) * 200)
        picture(tmp_path / "source/masks", f"c{i}", swapped)
        picture(tmp_path / "truth", f"c{i}", phantom.truth.array)
    return tmp_path / "source"


@pytest.fixture
def cohort(source: Path) -> Cohort:
    return import_cohort(
        source, source.parent / "cohort", ignore=0, background=BACKGROUND, labels={1: "disc"}
    ).cohort


def test_where_zero_is_unlabelled_the_masks_are_written_anew(source: Path, cohort: Cohort) -> None:
    assert cohort.legend.ignore == BACKGROUND and cohort.legend.names == ("disc",)
    assert "ignore = 7\n" in (cohort.root / "cohort.toml").read_text()
    for case in cohort.cases:
        drawn = np.asarray(Picture.open(source / "masks" / f"{case.name}.png"))
        mask = read_case_mask(cohort, case)
        np.testing.assert_array_equal(mask.array == 1, drawn == 1)
        np.testing.assert_array_equal(mask.array == 0, drawn == BACKGROUND)
        np.testing.assert_array_equal(mask.unlabelled, drawn == 0)


def test_masks_in_which_zero_is_background_stay_where_they_are(source: Path) -> None:
    for path in (source / "masks").glob("*.png"):
        array = np.asarray(Picture.open(path))
        picture(path.parent, path.stem, np.where(array == 0, 255, array % 7))
    report = import_cohort(source, source.parent / "other", ignore=255)
    assert report.cohort.legend.ignore == 255 and report.cohort.legend.values == (1,)
    assert report.cohort.cases[0].masks["expert"].resolve() == source / "masks" / "c0.png"
    assert not (source.parent / "other" / "masks").exists()
    assert not any("threshold" in note or "border" in note for note in report.notes)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"ignore": 0}, "value of its own"),
        ({"background": 7}, "0 unless 0 is unlabelled"),
        ({"ignore": 255, "invert_masks": True}, "cannot be inverted"),
        ({"ignore": 1, "labels": {1: "disc"}}, "value of unlabelled voxels"),
    ],
)
def test_what_is_said_of_unlabelled_voxels_must_make_sense(
    source: Path, options: dict, match: str
) -> None:
    with pytest.raises(UsageError, match=match):
        import_cohort(source, source.parent / "odd", **options)


def test_a_check_notes_unlabelled_voxels_and_nothing_worse(cohort: Cohort) -> None:
    findings = {f.kind: f for f in check_cohort(cohort)}
    assert "% of their voxels unlabelled" in findings["partly-labelled"].message
    assert not {"label-outside-legend", "inverted-mask", "stray-components"} & set(findings)
    assert "no-background" not in findings
    plain = replace(cohort, legend=cohort.legend.whole)
    assert "label-outside-legend" in {f.kind for f in check_cohort(plain)}


def test_strokes_without_background_are_told(source: Path) -> None:
    for path in (source / "masks").glob("*.png"):
        array = np.asarray(Picture.open(path))
        picture(path.parent, path.stem, np.where(array == 7, 0, array))
    cohort = import_cohort(source, source.parent / "bare", ignore=0, background=7).cohort
    assert "no-background" in {f.kind for f in check_cohort(cohort)}


def test_only_u_nets_take_masks_that_label_a_part(cohort: Cohort, tmp_path: Path) -> None:
    takes = {name for name, kind in RUNGS.items() if kind.refusal(cohort) is None}
    assert takes == {"unet", "unet-plain"}
    with pytest.raises(CohortError, match=r"label every voxel.*Train a 'unet'"):
        train(cohort, tmp_path / "m", minutes=1, model="forest")
    with pytest.raises(UsageError, match="Only a U-Net learns from voxels"):
        train(cohort, tmp_path / "m", minutes=1, model="forest", consistency=False)
    pool = cohort.subset(["c0"])
    pooled = PooledUNetSegmenter(pool, strategy="copy-paste")
    with pytest.raises(CohortError, match="'copy-paste' needs masks that label every voxel"):
        pooled.fit(cohort, budget=Budget(minutes=1), seed=0, workdir=tmp_path / "w")


def test_a_strokes_model_is_scored_where_something_was_labelled(
    cohort: Cohort, tmp_path: Path
) -> None:
    found = evaluate(tmp_path / "truth", cohort, tmp_path / "scores")
    assert set(found.scores["metric"]) == {"missed", "dice", "iou", "accuracy"}
    assert (found.scores.loc[found.scores["metric"] == "dice", "value"] == 1).all()
    assert found.partly["case"].tolist() == list(cohort.names)
    assert found.partly["labelled"].between(0.001, 0.2).all()
    assert (tmp_path / "scores" / "partly.csv").is_file()
    # Predictions label every voxel: 7 has no meaning there.
    wrong = LabelMap(np.full((48, 40), 7), Grid((48, 40)), cohort.legend)
    write_mask(tmp_path / "truth" / "c0.png", wrong, overwrite=True)
    left_out = evaluate(tmp_path / "truth", cohort).left_out
    assert len(left_out) == 1 and "does not know" in left_out[0].reason


def test_what_needs_whole_masks_passes_strokes_over(cohort: Cohort) -> None:
    case = cohort.cases[0]
    masks, _, left_out = read_masks(cohort, case)
    assert masks == {} and "unlabelled" in left_out[0].reason
    assert [source for source, _ in _masks(cohort, case, ())] == []
    with pytest.raises(CohortError, match="No case that was learned from has a whole mask"):
        Traits(cohort).likeness([case.name])


def test_a_cohort_keeps_the_value_and_says_when_it_is_none(cohort: Cohort) -> None:
    assert read_cohort(cohort.root).legend == cohort.legend
    path = cohort.root / "cohort.toml"
    path.write_text(path.read_text().replace("ignore = 7", 'ignore = "seven"'))
    with pytest.raises(CohortError, match="must be the value of unlabelled voxels"):
        read_cohort(cohort.root)
    path.write_text(path.read_text().replace('ignore = "seven"', "ignore = 1"))
    with pytest.raises(CohortError, match="one that no structure has"):
        read_cohort(cohort.root)
