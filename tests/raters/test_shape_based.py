import numpy as np
import pytest
from scipy import ndimage

from suffice.core import UsageError
from suffice.raters import shape_based_average
from suffice.raters.shape_based import signed_distance


def by_scipy(masks, spacing):
    """Mean of signed distances of two-class masks, from scipy."""

    def signed(mask):
        out = ndimage.distance_transform_edt(mask == 0, sampling=spacing)
        return out - ndimage.distance_transform_edt(mask, sampling=spacing)

    return np.mean([signed(mask) for mask in masks.values() if mask.any()], axis=0)


def test_equals_distances_from_scipy(draw_raters):
    rng = np.random.default_rng(0)
    for seed in range(50):
        masks = draw_raters(seed)
        if not all(mask.any() for mask in masks.values()):
            continue
        spacing = tuple(rng.uniform(0.5, 4, masks["rater0"].ndim))
        mean = by_scipy(masks, spacing)
        ours = shape_based_average(masks, spacing)
        clear = np.abs(mean) > 1e-4
        np.testing.assert_array_equal(ours[clear], mean[clear] < 0)


def test_radii_are_averaged_in_mm():
    index = np.indices((41, 41)) - 20
    away = np.hypot(index[0] * 0.5, index[1])
    masks = {str(r): (away <= r).astype(np.uint8) for r in (3, 6, 9)}
    found = shape_based_average(masks, (0.5, 1.0))
    assert (found != (away <= 6)).mean() < 0.01


def test_a_structure_that_few_drew_is_absent():
    drawn, nothing = np.zeros((9, 9), int), np.zeros((9, 9), int)
    drawn[2:6, 2:6] = 1
    few = {"a": drawn, "b": nothing, "c": nothing}
    assert not shape_based_average(few, (1, 1)).any()
    most = {"a": drawn, "b": drawn, "c": nothing}
    np.testing.assert_array_equal(shape_based_average(most, (1, 1)), drawn)
    assert not shape_based_average({"a": nothing}, (1, 1), (1,)).any()


def test_a_structure_that_fills_the_picture():
    full = np.ones((5, 6), np.uint8)
    np.testing.assert_array_equal(shape_based_average({"a": full, "b": full}, (1, 1)), full)
    assert (signed_distance(full > 0, (1, 1)) < 0).all()
    assert (signed_distance(full == 0, (1, 1)) > 0).all()


def test_bad_spacing():
    with pytest.raises(UsageError, match="spacing"):
        shape_based_average({"a": np.eye(3, dtype=int)}, (1, 1, 1))
