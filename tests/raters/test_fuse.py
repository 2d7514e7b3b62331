import numpy as np
import pytest

from suffice.core import GeometryError, Grid, LabelError, Legend, UsageError
from suffice.raters import METHODS, fuse, majority, staple

LEGEND = Legend.from_names({1: "anterior", 2: "posterior"})


def grid_of(masks):
    shape = next(iter(masks.values())).shape
    return Grid.from_spacing(shape, (1.0, 0.8, 2.0)[: len(shape)])


@pytest.mark.parametrize("method", METHODS)
def test_laws_of_every_method(draw_raters, method):
    """The order of raters, flips of axes and the values of labels change nothing."""
    renamed = Legend.from_names({5: "anterior", 40: "posterior"})
    for seed in (0, 1, 2, 3):
        masks = draw_raters(seed, n_classes=3, n_raters=5)
        grid = grid_of(masks)
        found = fuse(masks, grid, LEGEND, method)
        again = fuse(dict(reversed(masks.items())), grid, LEGEND, method)
        np.testing.assert_array_equal(again.labels, found.labels)
        flipped = fuse({r: np.flip(m, 0) for r, m in masks.items()}, grid, LEGEND, method)
        np.testing.assert_array_equal(np.flip(flipped.labels, 0), found.labels)
        valued = {r: np.array([0, 5, 40])[m] for r, m in masks.items()}
        other = fuse(valued, grid, renamed, method)
        np.testing.assert_array_equal(other.labels, np.array([0, 5, 40])[found.labels])
        if found.probabilities is not None:
            assert found.probabilities.shape == (3, *grid.shape)
            np.testing.assert_allclose(found.probabilities.sum(0), 1, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_raters_alike_are_their_own_consensus(draw_raters, method):
    mask = draw_raters(1, n_classes=3)["rater0"]
    found = fuse(dict.fromkeys("abc", mask), grid_of({"a": mask}), LEGEND, method)
    np.testing.assert_array_equal(found.labels, mask)
    dice = [s.value for s in found.statistics if s.statistic == "dice"]
    assert dice == [1.0] * 6
    assert {s.rater for s in found.statistics} == set("abc")


@pytest.mark.parametrize("method", METHODS)
def test_a_rater_who_saw_nothing_counts_and_one_who_is_missing_does_not(method):
    drawn, nothing = np.zeros((8, 8), np.uint8), np.zeros((8, 8), np.uint8)
    drawn[2:6, 2:6] = 1
    grid = Grid((8, 8))
    missing = fuse({"a": drawn}, grid, LEGEND, method)
    np.testing.assert_array_equal(missing.labels, drawn)
    there = fuse({"a": drawn, "b": nothing, "c": nothing}, grid, LEGEND, method)
    assert there.raters == ("a", "b", "c")
    if method != "staple":  # which holds what one draws and others miss to be there
        assert not there.labels.any()


def test_notes_and_statistics(draw_raters):
    masks = draw_raters(0, n_raters=2)
    legend = Legend.from_names({1: "cell"})
    found = fuse(masks, grid_of(masks), legend)
    assert "tied" in found.notes[0] and "background first" in found.notes[0]
    result = fuse(masks, grid_of(masks), legend, "staple")
    own = staple(masks, (1,))
    sensitivity = [s.value for s in result.statistics if s.statistic == "sensitivity"]
    np.testing.assert_allclose(sensitivity, own.sensitivity[:, 0])
    assert "settled after" in result.notes[0]
    np.testing.assert_array_equal(
        fuse(masks, grid_of(masks), legend, ties="highest").labels, majority(masks, ties="highest")
    )


def test_what_cannot_be_fused():
    mask = np.eye(3, dtype=int)
    with pytest.raises(UsageError, match="no rater"):
        fuse({}, Grid((3, 3)), LEGEND)
    with pytest.raises(UsageError, match="way to fuse"):
        fuse({"a": mask}, Grid((3, 3)), LEGEND, "mean")
    with pytest.raises(UsageError, match="rule for ties"):
        fuse({"a": mask}, Grid((3, 3)), LEGEND, ties="undecided")
    with pytest.raises(GeometryError, match="rater 'a'"):
        fuse({"a": mask}, Grid((3, 4)), LEGEND)
    with pytest.raises(LabelError, match="does not know"):
        fuse({"a": 7 * mask}, Grid((3, 3)), LEGEND)
