"""The probabilistic U-Net rung: it learns two answers that are equally likely, and draws both."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from suffice.core import (
    Budget,
    Case,
    Channel,
    Cohort,
    CohortError,
    Grid,
    Image,
    LabelMap,
    Legend,
    ModelError,
    UsageError,
)
from suffice.io import read_case_image, read_case_mask, write_image, write_mask
from suffice.metrics.plausible import generalised_energy_distance
from suffice.segmenters import load_segmenter
from suffice.segmenters import prob_unet as prob_unet_module
from suffice.segmenters import unet as unet_module
from suffice.segmenters.prob_unet import ProbUNetSegmenter
from suffice.training.plan import Plan


@pytest.fixture(scope="session")
def disputed(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """Five pictures with a disc, which one of two raters draws and the other does not."""
    folder = tmp_path_factory.mktemp("disputed")
    rng, legend = np.random.default_rng(0), Legend.from_names({1: "nodule"})
    grid, cases = Grid((32, 32)), []
    for i in range(5):
        y, x = np.indices(grid.shape)
        disc = np.hypot(y - rng.uniform(10, 22), x - rng.uniform(10, 22)) < 6
        array = (disc * 120 + rng.normal(60, 15, disc.shape)).clip(0, 255).astype(np.uint8)
        image, anna, ben = (folder / f"{i}_{name}.png" for name in ("image", "anna", "ben"))
        write_image(image, Image(array[None], grid))
        write_mask(anna, LabelMap(disc.astype(np.uint8), grid, legend))
        write_mask(ben, LabelMap(np.zeros(grid.shape, np.uint8), grid, legend))
        cases.append(Case(f"c{i}", f"s{i}", {"image": image}, {"anna": anna, "ben": ben}))
    return Cohort("disputed", folder, (Channel(),), legend, tuple(cases))


@pytest.fixture(scope="session")
def model(
    counted: pytest.MonkeyPatch,
    disputed: Cohort,
    picture_plan: Plan,
    tmp_path_factory: pytest.TempPathFactory,
) -> ProbUNetSegmenter:
    plan = replace(
        picture_plan,
        patch_size=(32, 32),
        batch_size=4,
        widths=(8, 16, 16),
        strides=((2, 2), (2, 2)),
        blocks=(0, 1, 1),
    )
    workdir = tmp_path_factory.mktemp("prob") / "work"
    learned = disputed.subset(["c0", "c1", "c2", "c3"])
    budget = Budget(minutes=800 / 60)
    with pytest.MonkeyPatch.context() as patch:
        # Four hundred steps, however long reading took.
        patch.setattr(unet_module, "LEAST_TRAINING", 1.0)
        return ProbUNetSegmenter(plan=plan).fit(learned, budget=budget, seed=0, workdir=workdir)


@pytest.fixture
def unseen(disputed: Cohort) -> Image:
    return read_case_image(disputed, disputed.cases[4])


def test_two_answers_are_learned_where_one_is_half_wrong(
    model: ProbUNetSegmenter, disputed: Cohort, unseen: Image
) -> None:
    case = disputed.cases[4]
    raters = [read_case_mask(disputed, case, rater).array > 0 for rater in case.masks]
    drawn = [mask.array > 0 for mask in model.draw(unseen, 16, seed=1)]
    single = model.predict(unseen).labels.array > 0
    assert generalised_energy_distance(drawn, raters) < 0.4
    # Whatever a single mask is, it is far from one of the two.
    assert generalised_energy_distance([single], raters) > 0.4
    # The mean of the masks says how many raters draw a voxel.
    mean = model.predict(unseen, keep_probabilities=True).probabilities
    assert mean is not None
    assert 0.2 < mean[1][raters[0]].mean() < 0.8 and mean[1][~raters[0]].mean() < 0.1


def test_the_same_seed_draws_the_same_masks(model: ProbUNetSegmenter, unseen: Image) -> None:
    first = [mask.array for mask in model.draw(unseen, 4, seed=3)]
    again = model.draw(unseen, 4, seed=3)
    assert all(np.array_equal(a, b.array) for a, b in zip(first, again, strict=True))
    others = [mask.array for mask in model.draw(unseen, 4, seed=4)]
    assert not all(np.array_equal(a, b) for a, b in zip(first, others, strict=True))
    assert all(mask.grid == unseen.grid for mask in again)


def test_masks_that_do_not_fit_at_once_are_the_same(
    model: ProbUNetSegmenter, unseen: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = model.draw(unseen, 5, seed=0)
    monkeypatch.setattr(prob_unet_module, "MAX_BYTES", 2 * 2 * 2 * 32 * 32)
    apart = model.draw(unseen, 5, seed=0)
    # But for voxels that half precision leaves undecided.
    for a, b in zip(together, apart, strict=True):
        assert np.mean(a.array != b.array) < 0.01


def test_a_saved_model_draws_the_same(
    model: ProbUNetSegmenter, unseen: Image, tmp_path: Path
) -> None:
    model.save(tmp_path / "a")
    loaded = load_segmenter(tmp_path / "a")
    assert isinstance(loaded, ProbUNetSegmenter)
    loaded.save(tmp_path / "b")
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
    ours, theirs = model.draw(unseen, 2, seed=0), loaded.draw(unseen, 2, seed=0)
    assert all(np.array_equal(a.array, b.array) for a, b in zip(ours, theirs, strict=True))


def test_one_rater_a_case_is_refused(disputed: Cohort, tmp_path: Path) -> None:
    cases = [replace(case, masks={"anna": case.masks["anna"]}) for case in disputed.cases]
    alone = replace(disputed, cases=tuple(cases))
    with pytest.raises(CohortError, match=r"how raters differ.*'unet'"):
        ProbUNetSegmenter().fit(alone, budget=Budget(minutes=1), seed=0, workdir=tmp_path)
    bare = replace(disputed, cases=(replace(disputed.cases[0], masks={}),))
    refusal = ProbUNetSegmenter.refusal(bare)
    assert refusal is not None and "cases with masks" in str(refusal)
    assert ProbUNetSegmenter.refusal(disputed) is None


def test_nothing_is_drawn_without_a_number_or_a_training(
    model: ProbUNetSegmenter, unseen: Image
) -> None:
    with pytest.raises(UsageError, match="At least one mask"):
        model.draw(unseen, 0, seed=0)
    with pytest.raises(ModelError, match="not trained"):
        ProbUNetSegmenter().draw(unseen, 1, seed=0)
