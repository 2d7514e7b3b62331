import numpy as np
import pytest

from suffice.core import Grid, Image
from suffice.report.window import BONE, BRAIN, LUNG, SOFT_TISSUE, choose_window

SHAPE = (30, 30, 10)


def _ct(inside, around=-800.0):
    array = np.full(SHAPE, around)
    mask = np.zeros(SHAPE, np.uint8)
    mask[12:16, 12:16, 4:6] = 1
    array[mask == 1] = inside
    grid = Grid.from_spacing(SHAPE, (1, 1, 3))
    return Image(array[None], grid, modality="CT", unit="HU"), mask


@pytest.mark.parametrize(
    ("inside", "around", "name", "window"),
    [
        (-850.0, -850.0, "left lung", LUNG),
        (30.0, -820.0, "nodule", LUNG),
        (80.0, 20.0, "liver", SOFT_TISSUE),
        (600.0, 40.0, "femur", BONE),
        (35.0, 30.0, "Intraventricular haemorrhage", BRAIN),
    ],
)
def test_ct_is_windowed_for_the_anatomy(inside, around, name, window):
    image, mask = _ct(inside, around)
    assert choose_window(image, mask, [name]) == window


def test_ct_without_a_structure_shows_soft_tissue():
    image, mask = _ct(0.0)
    assert choose_window(image, mask * 0, ["liver"]) == SOFT_TISSUE


def test_other_images_are_scaled_by_percentiles_whatever_their_unit():
    values = np.linspace(0, 1, 10_000).reshape(100, 100)
    first = choose_window(Image(values[None], Grid((100, 100))), None, []).apply(values)
    thousandfold = choose_window(Image(1000 * values[None], Grid((100, 100))), None, [])
    np.testing.assert_array_equal(first, thousandfold.apply(1000 * values))
    assert first.min() == 0 and first.max() == 255


def test_outlier_and_nan_do_not_darken_the_picture():
    values = np.linspace(0, 1, 10_000).reshape(100, 100)
    values[0, 0], values[0, 1] = 1e9, np.nan
    window = choose_window(Image(values[None], Grid((100, 100))), None, [])
    assert window.high < 1.1
    assert window.apply(values)[0, 1] == 0


def test_image_of_one_value_or_none_is_black():
    for value in (7.0, np.nan):
        values = np.full((1, 5, 5), value)
        grey = choose_window(Image(values, Grid((5, 5))), None, []).apply(values)
        assert (grey == 0).all()
