"""One mask from those of several raters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from suffice.core import Grid, Legend, UsageError
from suffice.metrics import Overlap
from suffice.raters.consensus import is_tied, majority_classes, spread_classes
from suffice.raters.votes import Masks, Votes, collect_votes, require_masks

Method = Literal["majority", "soft"]
METHODS: tuple[str, ...] = get_args(Method)


@dataclass(frozen=True, slots=True, kw_only=True)
class RaterStatistic:
    """One number about one rater and structure: a row of a tidy table.

    Parameters
    ----------
    rater, label : str
    statistic : str
        ``dice``, ``sensitivity`` or ``specificity`` against the consensus, or what else the
        method estimates, e.g. the ``weight`` of SIMPLE.
    value : float
        Not a number where it is undefined: a Dice of two empty masks, the sensitivity for a
        structure that the consensus has not.
    """

    rater: str
    label: str
    statistic: str
    value: float


@dataclass(frozen=True, eq=False, kw_only=True)
class Consensus:
    """What several raters' masks come to.

    Parameters
    ----------
    method : str
    raters : tuple of str
        Whose masks were fused.
    labels : uint16 array of the shape of the grid
        Label values of the legend.
    probabilities : float32 array of shape (n_classes, *spatial), or None
        Background first, then the structures in the order of the legend; they add up to one.
        None where the method gives none.
    statistics : tuple of RaterStatistic
    notes : tuple of str
        What a reader should know: ties, raters left out, whether an iteration settled.
    """

    method: str
    raters: tuple[str, ...]
    labels: npt.NDArray[np.uint16]
    probabilities: npt.NDArray[np.float32] | None
    statistics: tuple[RaterStatistic, ...]
    notes: tuple[str, ...]


def fuse(masks: Masks, grid: Grid, legend: Legend, method: Method = "majority") -> Consensus:
    """Fuse the masks of one case.

    Parameters
    ----------
    masks : mapping of str to integer array of the shape of ``grid``
        Rater to mask, with the label values of ``legend``. A rater who drew nothing is there with
        zeros and counts; one who has no mask of this case is left out of the mapping.
    grid : Grid
    legend : Legend
    method : {"majority", "soft"}

    Returns
    -------
    Consensus

    Examples
    --------
    >>> anna, ben = np.array([[0, 1, 1]]), np.array([[0, 0, 1]])
    >>> legend = Legend.from_names({1: "cell"})
    >>> consensus = fuse({"anna": anna, "ben": ben, "cleo": ben}, Grid((1, 3)), legend)
    >>> consensus.labels.tolist()
    [[0, 0, 1]]
    >>> [(s.rater, s.value) for s in consensus.statistics if s.statistic == "sensitivity"]
    [('anna', 1.0), ('ben', 1.0), ('cleo', 1.0)]
    """
    require_masks(masks, grid.shape)
    if method not in METHODS:
        raise UsageError("Unknown way to fuse", got=method, expected=METHODS)
    votes = collect_votes(masks, legend.values)
    classes = majority_classes(votes)
    return Consensus(
        method=method,
        raters=votes.raters,
        labels=votes.labels(classes),
        probabilities=spread_classes(votes, votes.tallies / len(votes.raters)),
        statistics=tuple(_against(votes, classes, legend)),
        notes=_tie_note(votes),
    )


def _against(votes: Votes, classes: npt.NDArray[np.intp], legend: Legend) -> list[RaterStatistic]:
    rows = []
    for column, rater in enumerate(votes.raters):
        for number, label in enumerate(legend, start=1):
            drew, true = votes.table[:, column] == number, classes == number
            shared = int(votes.counts[drew & true].sum())
            overlap = Overlap(int(votes.counts[drew].sum()), int(votes.counts[true].sum()), shared)
            n_true, n_drew = overlap.n_reference, overlap.n_predicted
            n_other = int(votes.counts.sum()) - n_true
            values = {
                "dice": overlap.dice,
                "sensitivity": shared / n_true if n_true else float("nan"),
                "specificity": 1 - (n_drew - shared) / n_other if n_other else float("nan"),
            }
            rows += [
                RaterStatistic(rater=rater, label=label.name, statistic=name, value=value)
                for name, value in values.items()
            ]
    return rows


def _tie_note(votes: Votes) -> tuple[str, ...]:
    tied = int(votes.counts[is_tied(votes)].sum())
    if not tied:
        return ()
    return (f"{tied} voxels are tied; the lowest label of those tied stands, background first",)
