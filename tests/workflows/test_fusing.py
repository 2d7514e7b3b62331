"""A cohort with a consensus: votes, soft masks, single raters, what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from PIL import Image as Pillow

from suffice.core import Case, Channel, Cohort, CohortError, LabelError, Legend, UsageError
from suffice.io import read_case_mask, read_cohort, read_soft_mask, write_cohort
from suffice.study import data_hash
from suffice.workflows.fusing import fuse_cohort

RATERS = ("anna", "ben", "cleo")


def _save(path: Path, array: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if array.ndim == 3:
        nib.save(nib.Nifti1Image(array.astype(np.uint8), np.diag([1, 1, 2, 1.0])), path)
    else:
        Pillow.fromarray(array.astype(np.uint8)).save(path)
    return path


@pytest.fixture(params=[2, 3])
def raters(request: pytest.FixtureRequest, tmp_path: Path) -> Cohort:
    """Three cases by three raters, two labels; one case by anna alone; one by nobody."""
    folder, ndim = tmp_path / "cohort", request.param
    suffix = ".png" if ndim == 2 else ".nii.gz"
    cases = []
    for i in range(5):
        mask = np.zeros((16, 18, 10)[:ndim])
        mask[4:10, 4 : 9 + i], mask[11:14, 4:9] = 1, 2
        who = RATERS if i < 3 else RATERS[: 4 - i]
        masks = {
            rater: _save(folder / rater / f"c{i}{suffix}", np.roll(mask, k, axis=1))
            for k, rater in enumerate(who)
        }
        image = _save(folder / "images" / f"c{i}{suffix}", mask * 50 + 10)
        cases.append(Case(f"c{i}", f"s{i}", {"image": image}, masks))
    legend = Legend.from_names({1: "cell", 2: "rim"})
    cohort = Cohort("cells", folder, (Channel(),), legend, tuple(cases))
    write_cohort(cohort, folder)
    return cohort


def test_the_consensus_is_the_first_rater(raters: Cohort, tmp_path: Path) -> None:
    fusion = fuse_cohort(raters.root, tmp_path / "fused")
    cohort = fusion.cohort
    assert (fusion.n_fused, fusion.single) == (3, ("c3",))
    assert cohort.raters == ("consensus", *RATERS)
    assert cohort.unlabelled().names == ("c4",)
    case = cohort.cases[0]
    votes = [read_case_mask(cohort, case, rater).array for rater in RATERS]
    expected = sum((vote == 1).astype(int) for vote in votes) >= 2
    np.testing.assert_array_equal(read_case_mask(cohort, case).array == 1, expected)
    assert not case.soft_masks
    assert cohort.cases[3].masks["consensus"].resolve() == raters.cases[3].masks["anna"].resolve()
    table = pd.read_csv(tmp_path / "fused" / "rater_statistics.csv")
    assert table["n_cases"].tolist() == [3] * 6
    ben = table[(table["rater"] == "ben") & (table["label"] == "cell")].iloc[0]
    assert ben["sensitivity"] == ben["dice"] == 1


def test_soft_masks_are_read_as_probabilities(raters: Cohort, tmp_path: Path) -> None:
    cohort = fuse_cohort(raters, tmp_path / "fused", method="soft").cohort
    case = cohort.cases[0]
    soft = read_soft_mask(cohort, case)
    assert soft.shape == (3, *read_case_mask(cohort, case).array.shape)
    np.testing.assert_allclose(soft.sum(axis=0), 1.0, atol=1e-6)
    anna = read_case_mask(cohort, case, "anna").array
    share = np.mean([read_case_mask(cohort, case, r).array == 1 for r in RATERS], axis=0)
    np.testing.assert_allclose(soft[1], share, atol=1e-6)
    np.testing.assert_array_equal(read_soft_mask(cohort, case, "anna")[1], anna == 1)
    np.testing.assert_array_equal(
        read_soft_mask(cohort, cohort.cases[3]).argmax(axis=0) > 0,
        read_case_mask(cohort, cohort.cases[3]).array > 0,
    )
    again = read_cohort(tmp_path / "fused")
    assert again.cases[0].soft_masks.keys() == {"consensus"}
    hard = replace(again, cases=tuple(replace(c, soft_masks={}) for c in again.cases))
    assert data_hash(again) != data_hash(hard)


def test_fusing_again_forgets_the_consensus_of_before(raters: Cohort, tmp_path: Path) -> None:
    once = fuse_cohort(raters, tmp_path / "once", method="soft").cohort
    again = fuse_cohort(once, tmp_path / "again", method="soft", without=["cleo"]).cohort
    soft = read_soft_mask(again, again.cases[0])
    drawn = [read_case_mask(again, again.cases[0], r).array == 1 for r in ("anna", "ben")]
    np.testing.assert_allclose(soft[1], np.mean(drawn, axis=0), atol=1e-6)


def test_wrong_probabilities_are_named(raters: Cohort, tmp_path: Path) -> None:
    cohort = fuse_cohort(raters, tmp_path / "fused", method="soft").cohort
    case = cohort.cases[0]
    fewer = replace(cohort, legend=Legend.from_names({1: "cell"}))
    with pytest.raises(LabelError, match="got 3 classes, expected 2"):
        read_soft_mask(fewer, case)
    three = Legend.from_names({1: "a"})
    odd = replace(case, soft_masks={"x": case.images["image"]})
    with pytest.raises(LabelError, match="does not hold the probability"):
        read_soft_mask(replace(cohort, legend=three), odd)


@pytest.mark.parametrize("method", ["staple", "simple", "shape"])
def test_other_ways_to_fuse(raters: Cohort, tmp_path: Path, method: str) -> None:
    fusion = fuse_cohort(raters, tmp_path / "fused", method=method, only=True, without=["cleo"])
    assert fusion.cohort.raters == ("consensus",)
    assert set(fusion.statistics["rater"]) == {"anna", "ben"}
    assert read_case_mask(fusion.cohort, fusion.cohort.cases[0]).array.any()


def test_pooled_staple_knows_one_performance_of_each_rater(raters: Cohort, tmp_path: Path) -> None:
    apart = fuse_cohort(raters, tmp_path / "apart", method="staple")
    pooled = fuse_cohort(raters, tmp_path / "pooled", method="staple", pooled=True)
    kept = [
        pd.read_csv(tmp_path / name / "rater_statistics_by_case.csv")
        for name in ("apart", "pooled")
    ]
    spreads = [
        t[t["statistic"] == "sensitivity"].groupby(["rater", "label"])["value"].std().max()
        for t in kept
    ]
    assert spreads[1] < 1e-12 < spreads[0]
    assert pooled.cohort.cases[0].soft_masks.keys() == {"consensus"}
    assert (pooled.n_fused, pooled.single) == (apart.n_fused, apart.single)
    with pytest.raises(UsageError, match="Only STAPLE pools cases"):
        fuse_cohort(raters, tmp_path / "x", pooled=True)


def test_a_mean_says_how_many_cases_it_rests_on(raters: Cohort, tmp_path: Path) -> None:
    for rater in RATERS:
        path = raters.cases[1].masks[rater]
        _save(path, 0 * read_case_mask(raters, raters.cases[1], rater).array)
    table = fuse_cohort(raters, tmp_path / "fused").statistics
    assert table["n_cases"].tolist() == [3] * 6
    assert table["n_dice"].tolist() == table["n_sensitivity"].tolist() == [2] * 6


def test_a_mask_that_cannot_be_read_does_not_vote(raters: Cohort, tmp_path: Path) -> None:
    raters.cases[0].masks["cleo"].write_bytes(b"nothing")
    fusion = fuse_cohort(raters, tmp_path / "fused")
    assert [item.path.name for item in fusion.left_out] == [raters.cases[0].masks["cleo"].name]
    assert list(fusion.cohort.cases[0].masks) == ["consensus", "anna", "ben"]
    assert (tmp_path / "fused" / "left_out.csv").is_file()


def test_what_cannot_be_fused_is_refused(raters: Cohort, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Unknown way to fuse"):
        fuse_cohort(raters, tmp_path / "x", method="magic")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="cannot be called 'anna'"):
        fuse_cohort(raters, tmp_path / "x", name="anna")
    with pytest.raises(CohortError, match="has two raters"):
        fuse_cohort(raters, tmp_path / "x", without=["ben", "cleo"])
    assert not (tmp_path / "x").exists()


def test_a_copy_that_votes_twice_is_said(raters: Cohort, tmp_path: Path) -> None:
    cases = [
        replace(case, masks={**case.masks, "gold": case.masks["anna"]} if case.masks else {})
        for case in raters.cases
    ]
    fusion = fuse_cohort(replace(raters, cases=tuple(cases)), tmp_path / "fused")
    assert fusion.notes[0].startswith("'anna' and 'gold' hold the same masks in 4 of 4 cases")
    assert not any("'ben'" in note for note in fusion.notes)
