"""Facts of masks, and the metrics that follow from them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from suffice.core import GeometryError, Grid, Legend, UsageError
from suffice.io import read_mask
from suffice.metrics import Overlap, advise, mask_facts

ONE = Legend.from_names({1: "it"})
DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def facts_of(mask, grid=None):
    return mask_facts(mask.astype(np.uint8), grid or grid_of(mask), ONE)


def grid_of(mask, spacing=None):
    return Grid.from_spacing(mask.shape, spacing)


def ball(radius, shape=(40, 40, 40)):
    centre = np.array(shape).reshape(-1, 1, 1, 1) / 2
    return ((np.indices(shape) - centre) ** 2).sum(axis=0) < radius**2


def helix():
    turn = np.linspace(0, 4 * np.pi, 900)
    course = np.zeros((40, 40, 40), dtype=bool)
    places = 20 + 12 * np.cos(turn), 20 + 12 * np.sin(turn), 4 + 32 * turn / turn.max()
    course[tuple(np.round(place).astype(int) for place in places)] = True
    return ndimage.binary_dilation(course)


def sheet():
    mask = np.zeros((40, 40, 40), dtype=bool)
    mask[18:21, 3:37, 3:37] = True
    return mask


def shell():
    return ball(16) & ~ball(13)


def dots(n=5):
    mask = np.zeros((40, 40), dtype=bool)
    for i in range(n):
        mask[3 + 7 * i : 6 + 7 * i, 5:8] = True
    return mask


def metrics_of(counsels):
    return {name for counsel in counsels for name in counsel.metrics}


def test_facts_of_a_mask():
    mask = dots(3)
    mask[20:23, 20:22] = True
    (facts,) = facts_of(mask, Grid(mask.shape, pixel_spacing_mm=(0.5, 1.5)))
    assert facts.piece_voxels == (9, 9, 9, 6)
    assert facts.n_voxels == 33 and facts.n_image_voxels == 1600
    assert (facts.anisotropy, facts.has_spacing, facts.n_axes) == (3.0, True, 2)
    moved = [Overlap.of(mask, np.roll(mask, 1, axis)).dice for axis in (0, 1)]
    assert facts.shifted_dice == pytest.approx(np.mean(moved))


def test_structures_that_nobody_drew_have_facts_too():
    (facts,) = facts_of(np.zeros((5, 5), dtype=bool))
    assert facts.piece_voxels == () and np.isnan(facts.shifted_dice)
    with pytest.raises(UsageError, match="nothing to advise on"):
        advise([facts])
    with pytest.raises(GeometryError, match="does not fit the grid"):
        mask_facts(np.zeros((4, 5), dtype=np.uint8), Grid((5, 5)), ONE)


@pytest.mark.parametrize(
    ("mask", "is_tube"), [(helix, True), (sheet, False), (shell, False), (lambda: ball(8), False)]
)
def test_tubes_are_told_from_balls_and_sheets(mask, is_tube):
    advice = advise(facts_of(mask()))
    assert ("cldice" in metrics_of(advice.use)) == is_tube


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.5, 0.5, 0.5), (1.0, 1.0, 2.0)])
def test_tubes_are_tubes_at_any_spacing(spacing):
    mask = helix()
    assert "cldice" in metrics_of(advise(facts_of(mask, grid_of(mask, spacing))).use)


def test_small_structures_are_not_judged_by_dice_alone():
    small, large = facts_of(ball(2)), facts_of(ball(12))
    assert {"sensitivity", "precision"} <= metrics_of(advise(small).use)
    (counsel,) = [c for c in advise(small).avoid if "dice" in c.metrics]
    assert counsel.labels == ("it",) and counsel.reason.startswith("Not alone: of 27 voxels")
    assert "dice" not in metrics_of(advise(large).avoid)


def test_many_objects_are_counted_and_the_halves_of_an_organ_are_not():
    assert {"lesion_f1", "pq"} <= metrics_of(advise(facts_of(dots(5))).use)
    assert "pq" not in metrics_of(advise(facts_of(dots(2))).use)


def test_empty_masks_and_raters_are_spoken_of():
    masks = [facts_of(ball(8)), facts_of(np.zeros((40, 40, 40), dtype=bool))]
    advice = advise([fact for facts in masks for fact in facts], n_raters=3)
    (counsel,) = [c for c in advice.use if "missed" in c.metrics]
    assert counsel.reason.startswith("1 of 2 masks do not have it")
    assert advice.notes[0].startswith("3 people drew masks")


def test_accuracy_is_always_advised_against_and_strays_are_counted():
    mask = ball(12)
    mask[0, 0, 0] = True
    advice = advise(facts_of(mask))
    assert {"accuracy", "specificity", "hd"} <= metrics_of(advice.avoid)
    (counsel,) = [c for c in advice.avoid if c.metrics == ("hd",)]
    assert "1 of the drawn structures have stray pieces" in counsel.reason
    assert "accuracy" not in advice.panel.names


def test_the_panel_holds_what_is_advised():
    assert advise(facts_of(helix())).panel.names == (
        "dice",
        "nsd",
        "cldice",
        "sensitivity",
        "precision",
        "hd95",
        "assd",
        "volume_error",
    )


@pytest.mark.skipif(not DATA.is_dir(), reason="real data is not here")
def test_slices_far_apart_are_said_of_a_real_mask():
    mask = read_mask(DATA / "sarcoma_STS_008" / "nifti" / "PET_mask.nii.gz", ONE)
    (facts,) = mask_facts(mask.array, mask.grid, ONE)
    advice = advise([facts])
    assert facts.has_spacing and facts.shifted_dice > 0.8
    assert metrics_of(advice.use) == {"dice", "nsd", "hd95", "assd", "volume_error"}
