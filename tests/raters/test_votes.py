import numpy as np
import pytest

from suffice.core import GeometryError, LabelError, UsageError
from suffice.raters.votes import collect_votes


def masks_of(votes):
    """The masks, put together again from the patterns."""
    return {
        rater: votes.labels(column)
        for rater, column in zip(votes.raters, votes.table.T, strict=True)
    }


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize(("values", "n_raters"), [((1,), 4), ((2, 7, 300), 5), ((1, 2, 3), 11)])
def test_nothing_is_lost(values, n_raters, order):
    rng = np.random.default_rng(0)
    every = np.array([0, *values])
    drawn = {
        f"r{i}": np.asarray(every[rng.integers(0, len(every), (7, 9, 5))], np.int32, order=order)
        for i in range(n_raters)
    }
    votes = collect_votes(drawn, values)
    assert votes.counts.sum() == 7 * 9 * 5
    assert len(np.unique(votes.table, axis=0)) == len(votes.table)
    for rater, mask in masks_of(votes).items():
        np.testing.assert_array_equal(mask, drawn[rater])
    some = votes.only(["r2", "r0"])
    np.testing.assert_array_equal(masks_of(some)["r2"], drawn["r2"])


def test_masks_of_different_order_in_memory_and_type():
    mask = np.random.default_rng(1).random((6, 5, 4)) > 0.5
    drawn = {"a": mask, "b": np.asfortranarray(mask.astype(np.uint16)), "c": mask.astype(np.int64)}
    votes = collect_votes(drawn)
    assert sorted(map(tuple, votes.table)) == [(0, 0, 0), (1, 1, 1)]


def test_pairs_of_classes_are_counted():
    drawn = {"a": np.array([[0, 1, 2, 2]]), "b": np.array([[0, 2, 2, 0]])}
    votes = collect_votes(drawn)
    shared = votes.shared(votes.table[:, 0])
    np.testing.assert_array_equal(shared[0], np.diag([1, 1, 2]))
    np.testing.assert_array_equal(shared[1], [[1, 0, 0], [0, 0, 1], [1, 0, 1]])


@pytest.mark.parametrize(
    ("masks", "error", "words"),
    [
        ({}, UsageError, "no rater"),
        ({"a": np.zeros((2, 2), int), "b": np.zeros((2, 3), int)}, GeometryError, "rater 'b'"),
        ({"a": np.zeros((2, 2))}, LabelError, "integers"),
        ({"a": np.full((2, 2), 3)}, LabelError, "does not know"),
        ({"a": np.full((2, 2), -1)}, LabelError, "does not know"),
        ({"a": np.full((2, 2), 1)}, LabelError, "does not know"),
    ],
)
def test_bad_masks_are_refused(masks, error, words):
    values = (2,) if any((m == 1).all() for m in masks.values()) else (1, 2)
    with pytest.raises(error, match=words):
        collect_votes(masks, values)
