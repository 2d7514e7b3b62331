"""Objects that touch are told apart, by parameters that are searched; borders go onto edges."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
from suffice.segmenters.searching import sampled
from suffice.segmenters.splitting import (
    Splitting,
    average_precision,
    search_splitting,
    split_instances,
)
from suffice.segmenters.watershed import WatershedSegmenter


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
    with pytest.raises(UsageError, match="No such structure: got wall, expected cell"):
        segmenter.instances(image, "wall")


def test_sampling_takes_the_nearest() -> None:
    numbered = np.arange(6).reshape(2, 3)
    assert sampled(sampled(numbered, (4, 6)), (2, 3)).tolist() == numbered.tolist()
