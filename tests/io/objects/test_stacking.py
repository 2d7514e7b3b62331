"""Grids of frames: gaps count, directions and distances that make none are errors."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from suffice.core import GeometryError
from suffice.io.dicom_headers import Frame
from suffice.io.objects.stacking import stacked

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def frame(z: float, orientation: tuple[float, ...] = AXIAL) -> Frame:
    return Frame(Path("a"), 0, "", (1.0, 2.0, z), orientation, (0.5, 0.75), 3.0, 1.0, 0.0)


@given(
    st.lists(st.integers(0, 60), min_size=2, max_size=20, unique=True),
    st.floats(0.3, 8.0),
    st.floats(-500, 500),
)
def test_frames_are_found_on_the_slices_they_were_put_on(
    slices: list[int], gap: float, start: float
) -> None:
    frames = [frame(round(start + gap * i, 3)) for i in slices]
    stack = stacked(frames, (4, 5), gap)
    low = min(slices)
    assert stack.slices == tuple(i - low for i in slices)
    assert stack.grid.shape == (5, 4, max(slices) - low + 1)
    assert stack.grid.spacing_mm is not None
    np.testing.assert_allclose(stack.grid.spacing_mm, (0.75, 0.5, gap), atol=2e-3)


def test_without_a_word_of_the_header_the_smallest_gap_counts() -> None:
    stack = stacked([frame(z) for z in (0.0, 2.5, 10.0, 2.5)], (4, 5), None)
    assert stack.slices == (0, 1, 4, 1)


def test_one_slice_is_as_thick_as_it_says() -> None:
    assert stacked([frame(7.0)], (4, 5), None).grid.spacing_mm == (0.75, 0.5, 3.0)


def test_what_makes_no_grid_is_named() -> None:
    with pytest.raises(GeometryError, match="irregular distances"):
        stacked([frame(z) for z in (0.0, 2.0, 5.1)], (4, 5), None)
    turned = frame(3.0, (0.0, 1.0, 0.0, 0.0, 0.0, 1.0))
    with pytest.raises(GeometryError, match="several directions"):
        stacked([frame(0.0), turned], (4, 5), None)
