"""The human ceiling: how well each rater does against the consensus of the others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from suffice.core import Grid, Legend, UsageError
from suffice.raters.agreement import Comparison, compare
from suffice.raters.consensus import Ties, majority_classes
from suffice.raters.fuse import METHODS, Method
from suffice.raters.shape_based import shape_based_average
from suffice.raters.simple import simple_votes
from suffice.raters.staple import staple_votes
from suffice.raters.votes import Masks, Votes, collect_votes, require_masks


@dataclass(frozen=True, slots=True, kw_only=True)
class CeilingRow(Comparison):
    """One rater against the consensus of the others, as in `Comparison`.

    Parameters
    ----------
    rater : str
    n_others : int
        Raters in the consensus.

    Notes
    -----
    ``size_difference`` is the rater minus the consensus.
    """

    rater: str
    n_others: int


def ceiling(
    masks: Masks,
    grid: Grid,
    legend: Legend,
    *,
    method: Method = "majority",
    ties: Ties = "lowest",
    case: str = "",
    subject: str = "",
    nsd_tolerance_mm: float = 1.0,
) -> tuple[CeilingRow, ...]:
    """Hold each rater of one case against the consensus of the others.

    Parameters
    ----------
    masks : mapping of str to integer array of the shape of ``grid``
        Rater to mask, see `fuse`. One rater alone gives no rows.
    grid : Grid
    legend : Legend
    method : str
        How the others are fused, see `fuse`.
    ties : {"lowest", "highest"}
        Where an even number of others is split, see `majority`. With two raters the consensus is
        the other's mask and no tie can be. With three, ``lowest`` is what both others drew and
        ``highest`` what either drew: both are further off than a consensus of three would be.
    case, subject : str
        Go into the rows as they are.
    nsd_tolerance_mm : float
        In mm (pixels where the spacing is unknown).

    Returns
    -------
    tuple of CeilingRow
        A row for each rater and structure.

    Examples
    --------
    >>> anna, ben = np.array([[0, 1, 1, 0]]), np.array([[0, 0, 1, 1]])
    >>> masks = {"anna": anna, "ben": ben, "cleo": ben, "dan": ben}
    >>> rows = ceiling(masks, Grid((1, 4)), Legend.from_names({1: "cell"}))
    >>> [(row.rater, row.dice) for row in rows]
    [('anna', 0.5), ('ben', 1.0), ('cleo', 1.0), ('dan', 1.0)]
    """
    require_masks(masks, grid.shape)
    if method not in METHODS:
        raise UsageError("Unknown way to fuse", got=method, expected=METHODS)
    if len(masks) < 2:
        return ()
    votes = collect_votes(masks, legend.values)
    rows = []
    for rater, mask in masks.items():
        others = {name: m for name, m in masks.items() if name != rater}
        consensus = _labels(votes.only(list(others)), others, grid, method, ties)
        rows += [
            CeilingRow(
                case=case,
                subject=subject,
                label=label.name,
                rater=rater,
                n_others=len(others),
                **compare(
                    consensus == label.value,
                    np.asarray(mask == label.value),
                    grid,
                    nsd_tolerance_mm,
                ),
            )
            for label in legend
        ]
    return tuple(rows)


def _labels(
    votes: Votes, masks: Masks, grid: Grid, method: Method, ties: Ties
) -> npt.NDArray[np.uint16]:
    if method == "staple":
        return staple_votes(votes).labels
    if method == "simple":
        return simple_votes(votes).labels
    if method == "shape":
        return shape_based_average(masks, grid.unit_spacing, votes.values[1:])
    return votes.labels(majority_classes(votes, ties))
