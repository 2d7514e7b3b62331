"""The autoencoder rung: what was never learned is marked."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

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
)
from suffice.io import read_case_image, read_case_mask, write_image, write_mask
from suffice.segmenters import load_segmenter
from suffice.segmenters import unet as unet_module
from suffice.segmenters.anomalies import THRESHOLDS, search_rule
from suffice.segmenters.vae import RULE, VAESegmenter
from suffice.training.plan import Plan


@pytest.fixture(scope="session")
def spotted(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """Pictures of waves, every other one with a dark spot in it."""
    folder = tmp_path_factory.mktemp("spotted")
    rng, legend = np.random.default_rng(0), Legend.from_names({7: "spot"})
    grid, cases = Grid((48, 48)), []
    for i in range(7):
        y, x = np.indices(grid.shape)
        waves = 150 + 50 * np.sin(x / 8 + rng.uniform(0, 6)) * np.cos(y / 9)
        spot = np.hypot(y - rng.uniform(14, 34), x - rng.uniform(14, 34)) < 6 * (i % 2 == 0)
        array = np.where(spot, 40, waves) + rng.normal(0, 4, grid.shape)
        image, mask = folder / f"{i}.png", folder / f"{i}_mask.png"
        write_image(image, Image(array.clip(0, 255).astype(np.uint8)[None], grid))
        write_mask(mask, LabelMap(np.where(spot, 7, 0).astype(np.uint8), grid, legend))
        cases.append(Case(f"c{i}", f"s{i}", {"image": image}, {"expert": mask}))
    return Cohort("spotted", folder, (Channel(),), legend, tuple(cases))


@pytest.fixture(scope="session")
def model(
    counted: pytest.MonkeyPatch,
    spotted: Cohort,
    picture_plan: Plan,
    tmp_path_factory: pytest.TempPathFactory,
) -> VAESegmenter:
    plan = replace(
        picture_plan,
        # As coarse in the middle as plans of the size of real pictures make it.
        widths=(8, 16, 16, 16, 16),
        strides=((2, 2),) * 4,
        blocks=(0, 1, 1, 1, 1),
        foreground=0.0,
    )
    workdir = tmp_path_factory.mktemp("vae") / "work"
    learned = spotted.subset([f"c{i}" for i in range(6)])
    budget = Budget(minutes=240 / 60)
    with pytest.MonkeyPatch.context() as patch:
        # As many steps however long reading took.
        patch.setattr(unet_module, "LEAST_TRAINING", 1.0)
        return VAESegmenter(plan=plan).fit(learned, budget=budget, seed=0, workdir=workdir)


def test_a_spot_that_was_never_learned_is_marked(
    model: VAESegmenter, spotted: Cohort, dice
) -> None:
    case = spotted.cases[6]
    found = model.predict(read_case_image(spotted, case)).labels
    assert set(np.unique(found.array)) <= {0, 7}
    assert dice(found.array > 0, read_case_mask(spotted, case).array > 0) > 0.6
    assert model.rule_.side in ("dark", "any") and 0 < model.rule_.dice <= 1
    assert model.history_[-1]["explained"] > 0.2


def test_a_saved_model_marks_the_same(model: VAESegmenter, spotted: Cohort, tmp_path: Path) -> None:
    model.save(tmp_path / "a")
    loaded = load_segmenter(tmp_path / "a")
    assert isinstance(loaded, VAESegmenter) and loaded.rule_ == model.rule_
    loaded.save(tmp_path / "b")
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
    image = read_case_image(spotted, spotted.cases[6])
    ours, theirs = (m.predict(image, keep_probabilities=True) for m in (model, loaded))
    np.testing.assert_array_equal(ours.probabilities, theirs.probabilities)


def test_a_damaged_rule_is_named(model: VAESegmenter, tmp_path: Path) -> None:
    model.save(tmp_path / "a")
    (tmp_path / "a" / RULE).write_text("side = 3")
    with pytest.raises(ModelError, match=r"anomaly\.toml"):
        VAESegmenter.load(tmp_path / "a")


def test_several_structures_are_no_anomaly(spotted: Cohort, tmp_path: Path) -> None:
    two = replace(spotted, legend=Legend.from_names({1: "left lung", 7: "right lung"}))
    with pytest.raises(CohortError, match=r"left lung.*expected one structure.*'unet'"):
        VAESegmenter().fit(two, budget=Budget(minutes=1), seed=0, workdir=tmp_path)
    assert VAESegmenter.refusal(spotted) is None


def test_the_rule_is_the_best_of_all() -> None:
    rng = np.random.default_rng(0)
    drawn = np.zeros((1, 20, 20), bool)
    drawn[0, 5:9, 5:12] = True
    values = torch.from_numpy(np.where(drawn, -2.02, 1.0 + rng.uniform(-1, 1, drawn.shape)))
    empty = (torch.zeros(1, 1, 20, 20), np.zeros((1, 20, 20), bool))
    maps = [(values[:, None].float(), drawn), empty]
    rule = search_rule(iter(maps), until=time.monotonic() + 60)
    assert (rule.side, rule.window, rule.dice) == ("dark", 1, 1.0)
    assert rule.threshold == THRESHOLDS[0]
    # Late, but not before a structure was seen.
    late = search_rule(iter([empty, *maps]), until=0.0)
    assert late.side == "dark"
