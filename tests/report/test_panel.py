import base64
import io
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Picture

from suffice.report.panel import View, make_panel, outline_path, png_data, square_around, whole


def _area(path):
    """Area inside all strokes of a path, by the shoelace formula; holes count against it."""
    area = 0.0
    for stroke in re.findall(r"M([^Z]+)Z", path):
        points = np.array([list(map(float, p.split())) for p in stroke.split("L")])
        x, y = points.T
        area += 0.5 * float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))
    return abs(area)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(2, 9),
    st.integers(2, 9),
    st.floats(0.2, 5.0),
    st.floats(0.2, 5.0),
)
def test_outline_encloses_the_structure_but_for_its_corners(rows, columns, height, width):
    mask = np.zeros((14, 14), np.uint8)
    mask[3 : 3 + rows, 2 : 2 + columns] = 3
    corners = 4 * 0.5 * (0.5 * height) * (0.5 * width)
    wanted = rows * height * columns * width - corners
    assert _area(outline_path(mask, (height, width))) == pytest.approx(wanted, rel=5e-3)


def test_outline_of_nothing_is_nothing():
    assert outline_path(np.zeros((4, 4), np.uint8), (1.0, 1.0)) == ""


def test_structures_that_touch_have_an_outline_each():
    mask = np.zeros((6, 6), np.uint8)
    mask[1:5, 1:3], mask[1:5, 3:5] = 1, 2
    assert outline_path(mask, (1.0, 1.0)).count("M") == 2


def test_picture_is_cut_to_the_view_and_keeps_its_place():
    grey = np.arange(100, dtype=np.uint8).reshape(10, 10)
    view = View(left=4.0, top=2.0, width=6.0, height=6.0)
    panel = make_panel(grey, None, None, pixel=(1.0, 2.0), view=view, caption="")
    picture = np.asarray(Picture.open(io.BytesIO(base64.b64decode(panel.png))))
    np.testing.assert_array_equal(picture, grey[2:8, 2:5])
    assert panel.image == View(4.0, 2.0, 6.0, 6.0)
    assert panel.drawn == panel.predicted == ""
    assert panel.bar_words == "2 mm"


def test_no_scale_bar_where_nobody_knows_the_spacing():
    grey = np.zeros((10, 10), np.uint8)
    panel = make_panel(
        grey, None, None, pixel=(1.0, 1.0), view=whole((10, 10), (1, 1)), caption="", in_mm=False
    )
    assert panel.bar is None


def test_very_large_picture_is_made_smaller():
    data = png_data(np.zeros((3000, 1500), np.uint8))
    assert max(Picture.open(io.BytesIO(base64.b64decode(data))).size) == 720


def test_square_stays_inside_a_large_slice_and_centres_a_small_one():
    mask = np.zeros((100, 40), np.uint8)
    mask[95:99, 2:4] = 1
    view = square_around([mask], mask.shape, (1.0, 1.0), 30.0)
    assert (view.top, view.left) == (70.0, 0.0)
    view = square_around([mask], mask.shape, (1.0, 1.0), 60.0)
    assert (view.top, view.left) == (40.0, -10.0)
