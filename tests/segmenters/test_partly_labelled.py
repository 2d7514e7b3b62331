"""A U-Net that learns from scribbles: its plan, its switch and the model that it leaves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from suffice.core import Budget, Cohort, LabelMap, UsageError
from suffice.io import read_case_image, read_case_mask, write_mask
from suffice.phantoms import scribble
from suffice.segmenters import UNetSegmenter, load_segmenter
from suffice.segmenters.framing import prepare_mask
from suffice.training.plan import Plan
from suffice.training.store import Store


@pytest.fixture
def scribbled(cells_cohort: Cohort, tmp_path: Path) -> Cohort:
    """The cells, of which strokes alone are labelled."""
    cases = []
    for i, case in enumerate(cells_cohort.cases):
        strokes = scribble(read_case_mask(cells_cohort, case), np.random.default_rng(i), ignore=255)
        path = tmp_path / f"{case.name}.png"
        write_mask(path, LabelMap(strokes.array, strokes.grid, strokes.legend))
        cases.append(replace(case, masks={"expert": path}))
    return replace(cells_cohort, cases=tuple(cases), legend=strokes.legend)


def colour(plan: Plan) -> Plan:
    """Give a plan for grey pictures three channels."""
    shared = {"normalisation": plan.normalisation * 3, "intensity": plan.intensity * 3}
    return replace(plan, in_channels=3, **shared)


def test_strokes_train_a_u_net_and_the_switch_matters(
    scribbled: Cohort, picture_plan: Plan, counted: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plan = colour(picture_plan)
    models = {}
    for consistency in (True, False):
        work = tmp_path / f"work-{consistency}"
        settings = {"budget": Budget(minutes=0.5), "seed": 0, "workdir": work}
        model = UNetSegmenter(plan=plan, consistency=consistency).fit(scribbled, **settings)
        models[consistency] = model
        with pytest.raises(UsageError, match="other kind"):
            UNetSegmenter(plan=plan, consistency=not consistency).fit(scribbled, **settings)
    pairs = zip(*(model._network.parameters() for model in models.values()), strict=True)
    assert any(not torch.equal(a, b) for a, b in pairs)
    stored = Store(tmp_path / "work-True" / "store").open(scribbled.names[0])
    assert stored.unlabelled == 2 and set(np.unique(stored.labels)) == {0, 1, 2}
    assert set(stored.classes) == {1}
    # What a model draws labels every voxel, before and after it was kept.
    models[True].save(tmp_path / "model")
    image = read_case_image(scribbled, scribbled.cases[0])
    for model in (models[True], load_segmenter(tmp_path / "model")):
        assert model.legend_.ignore is None
        assert model.predict(image).labels.unlabelled is None


def test_prepared_masks_know_what_is_unlabelled(scribbled: Cohort, picture_plan: Plan) -> None:
    plan = replace(colour(picture_plan), spacing_mm=(2.0, 2.0))
    case = scribbled.cases[0]
    image, mask = read_case_image(scribbled, case), read_case_mask(scribbled, case)
    small = prepare_mask(mask, image, plan)
    assert small.shape == (32, 36)
    blocks = mask.legend.to_classes(mask.array).reshape(32, 2, 36, 2).swapaxes(1, 2)
    drawn = (blocks < 2).any((2, 3))
    np.testing.assert_array_equal(small < 2, drawn)
