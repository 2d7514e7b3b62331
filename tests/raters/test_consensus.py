import numpy as np
import pytest
import SimpleITK as sitk

from suffice.core import UsageError
from suffice.raters import majority, soft_mean


def test_majority_equals_simpleitk(draw_raters):
    for seed in range(200):
        n_classes = 2 + seed % 3
        masks = draw_raters(seed, n_classes=n_classes)
        images = [sitk.GetImageFromArray(mask) for mask in masks.values()]
        theirs = sitk.GetArrayFromImage(sitk.LabelVoting(images, 77))
        values = tuple(range(1, n_classes))
        ours = majority(masks, values, ties="undecided", undecided=77)
        np.testing.assert_array_equal(ours, theirs)
        settled = theirs != 77
        for ties in ("lowest", "highest"):
            whole = majority(masks, values, ties=ties)
            np.testing.assert_array_equal(whole[settled], theirs[settled])


def test_two_raters_give_what_both_or_either_drew(draw_raters):
    masks = draw_raters(0, n_raters=2)
    one, other = masks.values()
    np.testing.assert_array_equal(majority(masks), one & other)
    np.testing.assert_array_equal(majority(masks, ties="highest"), one | other)


def test_soft_mean_is_the_share_of_votes(draw_raters):
    masks = draw_raters(1, n_classes=3)
    soft = soft_mean(masks, (1, 2))
    for k in range(3):
        expected = np.mean([mask == k for mask in masks.values()], axis=0)
        np.testing.assert_allclose(soft[k], expected, atol=1e-6)


def test_unknown_rule():
    with pytest.raises(UsageError, match="rule for ties"):
        majority({"a": np.eye(2, dtype=int)}, ties="coin")
