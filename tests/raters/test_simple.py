import numpy as np
import pytest

from suffice.core import UsageError
from suffice.raters import majority, simple


def test_a_rater_far_off_is_left_out_and_the_others_vote(draw_raters):
    truth = np.zeros((30, 30), np.uint8)
    truth[8:20, 8:20] = 1
    masks = {f"r{i}": np.roll(truth, i % 2, axis=0) for i in range(5)}
    masks["far"] = np.roll(truth, 11, axis=1)
    found = simple(masks)
    assert "far" in found.left_out and found.converged
    assert found.weights[-1] == 0 and found.weights[:-1].max() > 0.9
    np.testing.assert_array_equal(found.labels, truth)


def test_raters_alike_are_all_kept(draw_raters):
    mask = draw_raters(0)["rater0"]
    found = simple(dict.fromkeys("abcde", mask))
    assert found.left_out == () and (found.weights == 1).all()
    np.testing.assert_array_equal(found.labels, mask)


def test_nobody_is_left_out_of_three(draw_raters):
    for seed in range(10):
        masks = draw_raters(seed, n_classes=3, n_raters=3)
        found = simple(masks, (1, 2))
        assert found.left_out == ()
        # With three raters of like weight two outvote one.
        clear = np.asarray(majority(masks, (1, 2), ties="undecided")) != 3
        assert (found.labels == majority(masks, (1, 2)))[clear].mean() > 0.95


def test_nothing_drawn():
    assert not simple({"a": np.zeros((3, 3), int), "b": np.zeros((3, 3), int)}).labels.any()


def test_bad_alpha():
    with pytest.raises(UsageError, match="Alpha"):
        simple({"a": np.eye(2, dtype=int)}, alpha=0)
