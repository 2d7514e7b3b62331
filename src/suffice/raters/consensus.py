"""The plain ways to one mask: the vote of the majority, and the share of the votes."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from suffice.core import UsageError
from suffice.raters.votes import Masks, Votes, collect_votes

Ties = Literal["lowest", "highest", "undecided"]
TIES: tuple[str, ...] = get_args(Ties)


def majority(
    masks: Masks,
    values: tuple[int, ...] | None = None,
    *,
    ties: Ties = "lowest",
    undecided: int | None = None,
) -> npt.NDArray[np.uint16]:
    """Give each voxel the label that most raters gave it.

    Parameters
    ----------
    masks : mapping of str to integer array
        Rater to mask, of one shape.
    values : tuple of int, optional
        Label values, background left out; those found, where not given.
    ties : {"lowest", "highest", "undecided"}
        What a voxel is where several labels have the most votes: the lowest of them (background
        where it is among them, so that two raters give what both drew), the highest (what either
        drew), or ``undecided``.
    undecided : int, optional
        Value of undecided voxels; one more than the highest label, where not given.

    Returns
    -------
    uint16 array of the shape of the masks

    Examples
    --------
    >>> anna, ben = np.array([[0, 1, 1]]), np.array([[0, 0, 1]])
    >>> majority({"anna": anna, "ben": ben}).tolist()
    [[0, 0, 1]]
    >>> majority({"anna": anna, "ben": ben}, ties="undecided").tolist()
    [[0, 2, 1]]
    """
    votes = collect_votes(masks, values)
    if ties not in TIES:
        raise UsageError("Unknown rule for ties", got=ties, expected=TIES)
    if ties != "undecided":
        return votes.labels(majority_classes(votes, ties))
    if undecided is None:
        undecided = max(votes.values) + 1
    given = np.asarray(votes.values)[majority_classes(votes)]
    given[is_tied(votes)] = undecided
    return np.asarray(votes.spread(given.astype(np.uint16)))


def soft_mean(masks: Masks, values: tuple[int, ...] | None = None) -> npt.NDArray[np.float32]:
    """Share of the raters who gave each class, of shape (n_classes, *spatial).

    Examples
    --------
    >>> anna, ben = np.array([[0, 1, 1]]), np.array([[0, 0, 1]])
    >>> soft_mean({"anna": anna, "ben": ben})[1].tolist()
    [[0.0, 0.5, 1.0]]
    """
    votes = collect_votes(masks, values)
    return spread_classes(votes, votes.tallies / len(votes.raters))


def majority_classes(votes: Votes, ties: Ties = "lowest") -> npt.NDArray[np.intp]:
    """Class with the most votes for each pattern; ties go to the lowest or the highest class."""
    if ties == "highest":
        return np.asarray(votes.n_classes - 1 - votes.tallies[:, ::-1].argmax(axis=1))
    return np.asarray(votes.tallies.argmax(axis=1))


def is_tied(votes: Votes) -> npt.NDArray[np.bool_]:
    """Whether several classes share the most votes, for each pattern."""
    most = votes.tallies.max(axis=1, keepdims=True)
    return np.asarray((votes.tallies == most).sum(axis=1) > 1)


def spread_classes(votes: Votes, per_pattern: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Probability of each class in each voxel, from a row of them for each pattern."""
    columns = per_pattern.astype(np.float32).T
    return np.stack([votes.spread(np.ascontiguousarray(column)) for column in columns])
