"""Objects that touch are told apart, by parameters that are searched; borders go onto edges."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from suffice.core import (
    Budget,
    Case,
    Channel,
    Cohort,
    GeometryError,
    Grid,
    Image,
    LabelMap,
    Legend,
    UsageError,
)
from suffice.io import read_case_image, write_image, write_mask
from suffice.metrics import components
from suffice.phantoms import discs
from suffice.segmenters.bands import Band
from suffice.segmenters.brightness import Brightness
from suffice.segmenters.rules import Rule
from suffice.segmenters.searching import View, sampled
from suffice.segmenters.splitting import (
    Splitting,
    _relief,
    average_precision,
    search_splitting,
    split_instances,
)
from suffice.segmenters.threshold import ThresholdParameters
from suffice.segmenters.watershed import Flood, WatershedSegmenter, _flooded, _steepness


def touching(centres: list[tuple[float, float]], radius: float = 8.0) -> np.ndarray:
    """Discs as a map of objects; each pixel belongs to the nearest."""
    rows, columns = np.mgrid[:40, :64]
    apart = np.stack([np.hypot(rows - r, columns - c) for r, c in centres])
    return np.where(apart.min(0) < radius, apart.argmin(0) + 1, 0).astype(np.int32)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 999))
def test_splitting_divides_the_mask(seed: int) -> None:
    mask = discs(np.random.default_rng(seed), (48, 48)).truth.array > 0
    whole = split_instances(mask, Splitting(relief="none"))
    for relief in ("distance", "ratio", "brightness"):
        parts = split_instances(
            mask,
            Splitting(relief=relief),  # type: ignore[arg-type]
            brightness=mask.astype(np.float32),
        )
        np.testing.assert_array_equal(parts > 0, mask)
        assert parts.max() >= whole.max()
        assert len(np.unique(parts[mask])) == parts.max()
        # No part lies in two components.
        for k in range(1, int(parts.max()) + 1):
            assert len(np.unique(whole[parts == k])) == 1


def test_touching_discs_are_split_as_they_were_drawn() -> None:
    truths = [touching([(20, 20), (20, 34)]), touching([(12, 40), (25, 46), (20, 10)])]
    masks = [truth > 0 for truth in truths]
    splitting, precision = search_splitting(masks, truths)
    assert splitting.relief != "none" and precision > 0.8
    found = [split_instances(mask, splitting) for mask in masks]
    assert [int(f.max()) for f in found] == [2, 3]
    assert average_precision(found, truths) == pytest.approx(precision)
    assert average_precision([components(m) for m in masks], truths) < precision


def test_brightness_is_asked_for() -> None:
    mask = np.ones((4, 4), bool)
    with pytest.raises(GeometryError, match="needs the image on the mask's grid"):
        split_instances(mask, Splitting(relief="brightness"))


def test_nothing_has_no_objects() -> None:
    assert not split_instances(np.zeros((5, 5), bool), Splitting(relief="distance")).any()


@pytest.mark.parametrize("prominence", [0.2, 0.75, 3.0])
@pytest.mark.parametrize("relief", ["distance", "ratio", "brightness"])
def test_small_objects_beside_large_ones_are_objects(relief: str, prominence: float) -> None:
    mask = np.zeros((40, 40), bool)
    mask[4:24, 4:24] = mask[30:32, 30:32] = mask[35, 3] = True
    splitting = Splitting(relief=relief, prominence=prominence, smoothing=2.0)  # type: ignore[arg-type]
    found = split_instances(mask, splitting, brightness=mask.astype(np.float32))
    np.testing.assert_array_equal(found > 0, mask)
    assert len({found[14, 14], found[30, 30], found[35, 3]}) == 3


def test_the_relief_of_a_thick_slice_is_its_own() -> None:
    plane = touching([(20, 20), (20, 34)]) > 0
    mask = np.stack([plane, np.zeros_like(plane), plane], axis=-1)
    splitting = Splitting(relief="distance", smoothing=2.0)
    stacked = _relief(mask, splitting, None, (1.0, 1.0, 30.0))
    alone = _relief(plane, splitting, None, (1.0, 1.0))
    np.testing.assert_allclose(stacked[..., 0], alone, atol=1e-4)


def test_edges_are_as_steep_along_thick_slices() -> None:
    x, _, z = np.indices((24, 9, 20)) * np.array([1.0, 1.0, 4.0]).reshape(3, 1, 1, 1)
    along_x, along_z = (
        _steepness(a.astype(np.float32), (1.0, 1.0, 4.0), 1.0)[12, 4, 10] for a in (x, z)
    )
    assert along_x == pytest.approx(1, rel=0.05) and along_z == pytest.approx(along_x, rel=0.05)
    noise = np.random.default_rng(0).normal(size=(20, 24)).astype(np.float32)
    expected = ndimage.gaussian_gradient_magnitude(noise, 1.5)
    np.testing.assert_allclose(_steepness(noise, (1.0, 1.0), 1.5), expected, atol=1e-5)


def test_a_thin_piece_beside_a_thick_one_is_not_flooded_away() -> None:
    image = np.zeros((30, 30), np.float32)
    image[3:15, 3:15] = image[22:24, 5:25] = 1.0
    view = View(image[None], (1.0, 1.0))
    rule = Rule(brightness=Brightness(), band=Band(low=0.5))
    thresholds = ThresholdParameters(n_channels=1, rules=(rule,), order=(1,))
    flooded = _flooded(view, thresholds, Flood(inner=3.0, outer=3.0))
    assert flooded[22:24, 6:24].all() and flooded[5:13, 5:13].all()
    assert flooded.sum() < 1.5 * (image > 0).sum()


def test_small_objects_are_left_out() -> None:
    mask = np.zeros((9, 9), bool)
    mask[0, 0] = mask[4:8, 4:8] = True
    found = split_instances(mask, Splitting(smallest=2))
    assert found.max() == 1 and not found[0, 0]


def test_the_rung_numbers_objects_on_the_images_grid(tmp_path: Path) -> None:
    truths = {f"w{i}": touching([(20, 20), (20 + i, 34)]) for i in range(3)}
    cases = []
    legend = Legend.from_names({1: "cell"})
    for i, (name, truth) in enumerate(truths.items()):
        grid = Grid(truth.shape)
        grey = 50 + 150 * (truth > 0) + np.random.default_rng(i).normal(0, 8, truth.shape)
        image, mask = tmp_path / f"{name}.png", tmp_path / f"{name}_mask.png"
        write_image(image, Image(grey[None].astype(np.uint8), grid))
        write_mask(mask, LabelMap((truth > 0).astype(np.uint8), grid, legend))
        cases.append(Case(name, name, {"image": image}, {"expert": mask}))
    cohort = Cohort("cells", tmp_path, (Channel(),), legend, tuple(cases))
    segmenter = WatershedSegmenter(read_instances=lambda case: truths[case.name])
    segmenter.fit(cohort, budget=Budget(minutes=5), seed=0, workdir=tmp_path)
    image = read_case_image(cohort, cohort.cases[1])
    found = segmenter.instances(image, "cell")
    assert found.shape == image.grid.shape and found.dtype == np.int32
    assert found.max() == 2 and average_precision([found], [truths["w1"]]) > 0.7
    np.testing.assert_array_equal(segmenter.predict(image).instances, found)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WatershedSegmenter, "most_voxels", {2: 700, 3: 700})
        coarse = segmenter.predict(image)
    assert coarse.instances is not None and coarse.instances.max() == 2
    assert not coarse.instances[coarse.labels.array == 0].any()
    with pytest.raises(UsageError, match="No such structure: got wall, expected cell"):
        segmenter.instances(image, "wall")


def test_sampling_takes_the_nearest() -> None:
    numbered = np.arange(6).reshape(2, 3)
    assert sampled(sampled(numbered, (4, 6)), (2, 3)).tolist() == numbered.tolist()
