"""A U-Net and atlases that have half a say each."""

from __future__ import annotations

import dataclasses
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from suffice.core import Budget, Cohort, Grid, Image, ModelError
from suffice.segmenters import UNetSegmenter, load_segmenter
from suffice.segmenters.atlas import AtlasSegmenter
from suffice.segmenters.atlas_unet import ATLAS, AtlasUNetSegmenter
from suffice.segmenters.pooled_unet import PooledAtlasUNetSegmenter
from suffice.training.plan import Plan


@pytest.fixture
def together(
    counted: pytest.MonkeyPatch,
    picture_plan: Plan,
    anatomy_cohort: Callable[..., Cohort],
    tmp_path: Path,
) -> AtlasUNetSegmenter:
    plan = dataclasses.replace(picture_plan, n_classes=3)
    return AtlasUNetSegmenter(plan=plan).fit(
        anatomy_cohort(tmp_path, 3), budget=Budget(minutes=0.5), seed=0, workdir=tmp_path / "work"
    )


def test_probabilities_are_the_mean_of_both(together: AtlasUNetSegmenter, anatomy, dice) -> None:
    grey, labels = anatomy(50)
    image = Image(grey[None], Grid(grey.shape))
    found = together.predict(image, keep_probabilities=True)
    alone = UNetSegmenter.predict(together, image, keep_probabilities=True)
    by_partner = together._partner.predict(image, keep_probabilities=True)
    mean = (alone.probabilities.astype(float) + by_partner.probabilities.astype(float)) / 2
    np.testing.assert_allclose(found.probabilities, mean, atol=2e-3)
    np.testing.assert_array_equal(found.labels.array, together.predict(image).labels.array)
    # The network of a few steps knows little; the atlases see to it that nothing is lost.
    assert dice(found.labels.array > 0, labels > 0) > 0.85
    assert "the atlas has half a say" in together.notes_[-1]


@pytest.mark.parametrize("strategy", ["registration", "soft-teacher"])
def test_beside_atlases_the_network_learns_from_a_pool(
    counted: pytest.MonkeyPatch,
    picture_plan: Plan,
    anatomy_cohort: Callable[..., Cohort],
    anatomy,
    strategy: str,
    tmp_path: Path,
) -> None:
    cohort = anatomy_cohort(tmp_path, 5)
    labelled, pool = cohort.subset(cohort.names[:3]), cohort.subset(cohort.names[3:])
    plan = dataclasses.replace(picture_plan, n_classes=3)
    made = PooledAtlasUNetSegmenter(pool, strategy=strategy, plan=plan)
    made.fit(labelled, budget=Budget(minutes=0.5), seed=0, workdir=tmp_path / "work")
    assert made.notes_[0] == f"learned from 2 scans without masks, too, by {strategy}"
    # The partner knows the labelled scans, and none of the pool's.
    assert any("the atlas has half a say" in note for note in made.notes_)
    assert made.card_.n_cases == 3
    made.save(tmp_path / "model")
    loaded = load_segmenter(tmp_path / "model")
    assert type(loaded) is AtlasUNetSegmenter and loaded._partner is not None
    image = Image(anatomy(50)[0][None], Grid(anatomy(50)[0].shape))
    np.testing.assert_array_equal(
        loaded.predict(image).labels.array, made.predict(image).labels.array
    )


def test_scans_that_share_no_anatomy_are_left_to_the_network(
    counted: pytest.MonkeyPatch, picture_plan: Plan, cells_cohort: Cohort, tmp_path: Path
) -> None:
    plan = dataclasses.replace(
        picture_plan,
        in_channels=3,
        normalisation=("scan",) * 3,
        intensity=picture_plan.intensity * 3,
    )
    alone = AtlasUNetSegmenter(plan=plan).fit(
        cells_cohort, budget=Budget(minutes=0.5), seed=0, workdir=tmp_path / "work"
    )
    assert "no say" in alone.notes_[-1]
    alone.save(tmp_path / "model")
    with zipfile.ZipFile(tmp_path / "model" / ATLAS) as archive:
        assert not archive.namelist()
    loaded = load_segmenter(tmp_path / "model")
    assert isinstance(loaded, AtlasUNetSegmenter)
    grey = np.random.default_rng(0).integers(0, 255, (3, 48, 40)).astype(np.uint8)
    image = Image(grey, Grid((48, 40)))
    np.testing.assert_array_equal(
        loaded.predict(image).labels.array, UNetSegmenter.predict(alone, image).labels.array
    )


@pytest.mark.parametrize("damage", [b"", b"no archive"])
def test_a_damaged_atlas_is_named(
    together: AtlasUNetSegmenter, damage: bytes, tmp_path: Path
) -> None:
    together.save(tmp_path / "model")
    (tmp_path / "model" / ATLAS).write_bytes(damage)
    with pytest.raises(ModelError, match=r"atlas\.zip' cannot be read"):
        load_segmenter(tmp_path / "model")


def test_a_fit_that_was_killed_keeps_its_atlas(
    counted: pytest.MonkeyPatch,
    monkeypatch: pytest.MonkeyPatch,
    picture_plan: Plan,
    anatomy_cohort: Callable[..., Cohort],
    tmp_path: Path,
) -> None:
    from suffice.segmenters import unet

    plan, cohort = dataclasses.replace(picture_plan, n_classes=3), anatomy_cohort(tmp_path, 3)
    real = unet.train

    def killed(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    def fit() -> AtlasUNetSegmenter:
        segmenter = AtlasUNetSegmenter(plan=plan)
        return segmenter.fit(cohort, budget=Budget(minutes=0.5), seed=0, workdir=tmp_path / "work")

    monkeypatch.setattr(unet, "train", killed)
    with pytest.raises(KeyboardInterrupt):
        fit()
    monkeypatch.setattr(unet, "train", real)
    # The atlas stands, and is not searched for anew.
    monkeypatch.setattr(AtlasSegmenter, "fit", killed)
    assert fit()._partner is not None
