"""`select` end to end: a real model looks at tiny balls that nobody labelled."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from suffice.cli.main import app
from suffice.core import Budget, Case, Cohort, CohortError, StorageError, UsageError
from suffice.io import read_case_image, write_cohort
from suffice.segmenters import UNetSegmenter, load_segmenter
from suffice.segmenters.appearance import appearance_map
from suffice.segmenters.bottleneck import bottleneck_map
from suffice.segmenters.threshold import ThresholdSegmenter
from suffice.selecting import DOUBTING, STRATEGIES
from suffice.training.objective import build_network
from suffice.workflows.looking import look_at
from suffice.workflows.selecting import select


@pytest.fixture(scope="module")
def scarce(tiny_cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """Two balls are labelled; six, two of them of one subject, are not."""
    folder = tmp_path_factory.mktemp("scarce")

    def bare(i: int, case: Case) -> Case:
        subject = "subject6" if i == 7 else case.subject
        return replace(case, subject=subject, masks=case.masks if i < 2 else {})

    cases = tuple(bare(i, case) for i, case in enumerate(tiny_cohort.cases))
    cohort = replace(tiny_cohort, root=folder, cases=cases)
    write_cohort(cohort, folder)
    return cohort


@pytest.fixture(scope="module")
def model(scarce: Cohort, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("model")
    fitted = UNetSegmenter().fit(
        scarce.labelled(), budget=Budget(minutes=0.02), seed=0, workdir=place / "work"
    )
    fitted.save(place / "model")
    return place / "model"


@pytest.fixture(scope="module")
def threshold(scarce: Cohort, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has no features of its own and no doubt."""
    place = tmp_path_factory.mktemp("threshold")
    fitted = ThresholdSegmenter().fit(
        scarce.labelled(), budget=Budget(minutes=0.1), seed=0, workdir=place / "work"
    )
    fitted.save(place / "model")
    return place / "model"


def test_a_model_without_doubt_or_features_still_serves(scarce: Cohort, threshold: Path) -> None:
    for strategy in set(STRATEGIES) - set(DOUBTING):
        found = select(threshold, scarce, count=2, strategy=strategy)
        assert set(found.table["case"]) <= set(scarce.unlabelled().names)
    for strategy in DOUBTING:
        with pytest.raises(UsageError, match="does not say how sure it is"):
            select(threshold, scarce, count=2, strategy=strategy)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_picks_unlabelled_cases(strategy: str, scarce: Cohort, model: Path) -> None:
    found = select(model, scarce, count=3, strategy=strategy, seed=3)
    assert list(found.table["rank"]) == [1, 2, 3]
    assert set(found.table["case"]) <= set(scarce.unlabelled().names)
    assert found.table["subject"].is_unique
    assert found.n_candidates == 6
    turned = replace(scarce, cases=scarce.cases[::-1])
    again = select(model, turned, count=3, strategy=strategy, seed=3)
    pd.testing.assert_frame_equal(found.table, again.table)


def test_masks_are_never_looked_at(scarce: Cohort, model: Path, tiny_cohort: Cohort) -> None:
    missing = {"expert": Path("nowhere.nii.gz")}
    blind = replace(
        scarce,
        cases=tuple(replace(case, masks=missing) if case.masks else case for case in scarce.cases),
    )
    found = select(model, blind, count=2, strategy="typiclust")
    pd.testing.assert_frame_equal(
        found.table, select(model, scarce, count=2, strategy="typiclust").table
    )


def test_slices_and_patches_are_told_by_their_voxels(scarce: Cohort, model: Path) -> None:
    slices = select(model, scarce, count=2, strategy="entropy", unit="slice", per_subject=0).table
    # The spacing is largest along the last axis.
    assert set(slices["size"]) == {"20 20 1"}
    assert slices["start"].str.match(r"0 0 \d+").all()
    across = select(model, scarce, count=1, strategy="entropy", unit="slice", axis=0).table
    assert set(across["size"]) == {"1 20 20"}
    patches = select(model, scarce, count=5, strategy="foreground", unit="patch", side=10).table
    assert set(patches["size"]) == {"10 10 10"}
    assert patches["subject"].is_unique


def test_what_cannot_be_asked_is_refused(
    scarce: Cohort, model: Path, tiny_cohort: Cohort, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="got 5 that may be, 1 of a subject"):
        select(model, scarce, count=6)
    with pytest.raises(UsageError, match="goes with slices"):
        select(model, scarce, count=1, axis=0)
    with pytest.raises(UsageError, match="goes with patches"):
        select(model, scarce, count=1, side=8)
    with pytest.raises(CohortError, match="without a mask"):
        select(model, tiny_cohort.labelled(), count=1)
    (tmp_path / "next.csv").write_text("mine", encoding="utf-8")
    with pytest.raises(StorageError, match=r"next\.csv"):
        select(model, scarce, count=1, out=tmp_path / "next.csv")
    assert (tmp_path / "next.csv").read_text(encoding="utf-8") == "mine"


def test_a_scan_that_cannot_be_read_is_left_out(
    scarce: Cohort, model: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.nii.gz"
    broken.write_bytes(b"no scan")
    cases = (*scarce.cases[:-1], replace(scarce.cases[-1], images={"image": broken}))
    found = select(model, replace(scarce, cases=cases), count=5)
    assert found.n_candidates == 5
    assert [one.path for one in found.failed] == [broken]


def test_a_unet_gives_features_of_its_own_on_the_axes_of_the_file(
    scarce: Cohort, model: Path
) -> None:
    fitted = load_segmenter(model)
    assert isinstance(fitted, UNetSegmenter)
    image = read_case_image(scarce, scarce.cases[0])
    seen = bottleneck_map(fitted, image)
    assert seen is not None
    assert len(seen) == fitted.plan_.widths[-1]
    assert seen.ndim == 4 and np.isfinite(seen).all()
    # What is turned in the file is turned in the map.
    turned = replace(
        image,
        array=np.ascontiguousarray(image.array.transpose(0, 2, 1, 3)),
        grid=replace(image.grid, affine=image.grid.affine[:, [1, 0, 2, 3]]),
    )
    other = bottleneck_map(fitted, turned)
    assert other is not None
    np.testing.assert_allclose(other, seen.transpose(0, 2, 1, 3), atol=1e-5)
    looked = look_at(fitted, scarce.unlabelled(), scarce.labelled())
    assert looked.candidates.known.shape == (2, len(seen))
    assert bottleneck_map(ThresholdSegmenter(), image) is None
    assert len(appearance_map(image)) == 2 * 30


def test_patches_that_are_no_multiple_of_the_strides_are_seen_whole(
    scarce: Cohort, model: Path
) -> None:
    """Patches are multiples of 4, strides together often of 8 and more."""
    fitted = load_segmenter(model)
    assert isinstance(fitted, UNetSegmenter)
    image = read_case_image(scarce, scarce.cases[0])
    deep = replace(fitted.plan_, strides=((2, 2, 2),) * 3, widths=(8, 8, 16, 16), blocks=(1,) * 4)
    fitted._network = build_network(deep)
    maps = []
    for patch_size in ((16, 16, 16), (12, 12, 12)):
        fitted.plan_ = replace(deep, patch_size=patch_size)
        maps.append(bottleneck_map(fitted, image))
    one, other = maps
    assert one is not None and other is not None
    np.testing.assert_allclose(one, other, atol=1e-5)


def test_the_command_prints_a_table_and_its_reasons(
    scarce: Cohort, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "next.csv"
    command = ["select", str(model), str(scarce.root), "--count", "2", "--strategy", "k-centre"]
    with pytest.raises(SystemExit) as ended:
        app([*command, "--out", str(out)])
    assert not ended.value.code
    shown = capsys.readouterr()
    assert shown.out == out.read_text(encoding="utf-8")
    assert shown.out.startswith("rank,case,subject,score,reason\n1,case")
    assert "k-centre: 2 of 6" in shown.err
    with pytest.raises(SystemExit):
        app([*command, "--json"])
    found = json.loads(capsys.readouterr().out)
    assert [row["case"] for row in found["picked"]] == list(pd.read_csv(out)["case"])
