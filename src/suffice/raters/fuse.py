"""One mask from those of several raters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from suffice.core import Grid, Legend, UsageError
from suffice.raters.consensus import TIES, Ties, is_tied, majority_classes, spread_classes
from suffice.raters.shape_based import shape_based_average
from suffice.raters.simple import simple_votes
from suffice.raters.staple import Prior, Region, StapleResult, staple_votes
from suffice.raters.votes import Masks, Votes, collect_votes, require_masks

Method = Literal["majority", "staple", "simple", "shape", "soft"]
METHODS: tuple[str, ...] = get_args(Method)


@dataclass(frozen=True, slots=True, kw_only=True)
class RaterStatistic:
    """One number about one rater and structure: a row of a tidy table.

    Parameters
    ----------
    rater, label : str
    statistic : str
        ``dice``, ``sensitivity`` or ``specificity`` against the consensus; for STAPLE the latter
        two are its own estimates. ``weight`` of a rater in SIMPLE, of all structures alike.
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
        None for majority and shape-based averaging, which give none.
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


def fuse(
    masks: Masks,
    grid: Grid,
    legend: Legend,
    method: Method = "majority",
    *,
    ties: Ties = "lowest",
    region: Region = "all",
    prior: Prior = None,
) -> Consensus:
    """Fuse the masks of one case.

    Parameters
    ----------
    masks : mapping of str to integer array of the shape of ``grid``
        Rater to mask, with the label values of ``legend``. A rater who drew nothing is there with
        zeros and counts; one who has no mask of this case is left out of the mapping.
    grid : Grid
    legend : Legend
    method : {"majority", "staple", "simple", "shape", "soft"}
        See `majority`, `staple`, `simple`, `shape_based_average` and `soft_mean`. The labels of
        the soft mean are those of the majority.
    ties : {"lowest", "highest"}
        Of majority and soft mean, see `majority`. Undecided voxels have no place in a mask.
    region, prior
        Of STAPLE, see `staple`.

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
    if ties not in ("lowest", "highest"):
        raise UsageError("Unknown rule for ties", got=ties, expected=TIES[:2])
    votes = collect_votes(masks, legend.values)
    if method == "staple":
        return staple_consensus(staple_votes(votes, region=region, prior=prior), masks, legend)
    if method == "simple":
        return _simple(votes, legend)
    if method == "shape":
        return _shape(votes, masks, grid, legend)
    classes = majority_classes(votes, ties)
    return Consensus(
        method=method,
        raters=votes.raters,
        labels=votes.labels(classes),
        probabilities=spread_classes(votes, votes.shares) if method == "soft" else None,
        statistics=tuple(_against(votes.shared(classes), votes.raters, legend)),
        notes=_tie_note(votes, ties),
    )


def staple_consensus(found: StapleResult, masks: Masks, legend: Legend) -> Consensus:
    """Put what `staple` or `staple_cohort` found for a case into the form that `fuse` gives."""
    rows = [
        row
        for row in _against(_shared_with(found.labels, masks, legend), found.raters, legend)
        if row.statistic == "dice"
    ]
    for name, table in (("sensitivity", found.sensitivity), ("specificity", found.specificity)):
        rows += [
            RaterStatistic(rater=rater, label=label, statistic=name, value=float(value))
            for rater, values in zip(found.raters, table, strict=True)
            for label, value in zip(legend.names, values, strict=True)
        ]
    return Consensus(
        method="staple",
        raters=found.raters,
        labels=found.labels,
        probabilities=found.posterior,
        statistics=tuple(rows),
        notes=(_convergence_note(found),),
    )


def _convergence_note(found: StapleResult) -> str:
    """Say whether the iteration settled, in words."""
    settled = "settled" if found.converged else "had not settled"
    return (
        f"STAPLE {settled} after {found.n_iterations} iterations "
        f"(largest change in the last one {found.change:.1e})"
    )


def _simple(votes: Votes, legend: Legend) -> Consensus:
    found = simple_votes(votes)
    rows = _against(votes.shared(found.shares.argmax(axis=1)), votes.raters, legend)
    rows += [
        RaterStatistic(rater=rater, label=label, statistic="weight", value=float(weight))
        for rater, weight in zip(votes.raters, found.weights, strict=True)
        for label in legend.names
    ]
    notes = [f"SIMPLE left out {', '.join(found.left_out)}"] if found.left_out else []
    if not found.converged:
        notes.append(f"SIMPLE had not settled after {found.n_iterations} iterations")
    return Consensus(
        method="simple",
        raters=votes.raters,
        labels=found.labels,
        probabilities=spread_classes(votes, found.shares),
        statistics=tuple(rows),
        notes=tuple(notes),
    )


def _shape(votes: Votes, masks: Masks, grid: Grid, legend: Legend) -> Consensus:
    labels = shape_based_average(masks, grid.unit_spacing, legend.values)
    return Consensus(
        method="shape",
        raters=votes.raters,
        labels=labels,
        probabilities=None,
        statistics=tuple(_against(_shared_with(labels, masks, legend), votes.raters, legend)),
        notes=(),
    )


def _shared_with(
    labels: npt.NDArray[np.uint16], masks: Masks, legend: Legend
) -> npt.NDArray[np.int64]:
    """Voxels of each pair of classes, as `Votes.shared`, whatever the labels follow from."""
    # No rater has this name: nobody can be called by a line break.
    votes = collect_votes({"\n": labels, **masks}, legend.values)
    return votes.only(list(masks)).shared(votes.table[:, 0])


def _against(
    shared: npt.NDArray[np.int64], raters: tuple[str, ...], legend: Legend
) -> list[RaterStatistic]:
    rows = []
    for rater, cells in zip(raters, shared, strict=True):
        for number, label in enumerate(legend.names, start=1):
            both = int(cells[number, number])
            n_true, n_drawn = int(cells[number].sum()), int(cells[:, number].sum())
            n_other = int(cells.sum()) - n_true
            values = {
                "dice": _share(2 * both, n_true + n_drawn),
                "sensitivity": _share(both, n_true),
                "specificity": _share(n_other - (n_drawn - both), n_other),
            }
            rows += [
                RaterStatistic(rater=rater, label=label, statistic=name, value=value)
                for name, value in values.items()
            ]
    return rows


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


def _tie_note(votes: Votes, ties: Ties) -> tuple[str, ...]:
    tied = int(votes.counts[is_tied(votes)].sum())
    if not tied:
        return ()
    which = "lowest label, background first," if ties == "lowest" else "highest label"
    return (f"{tied} voxels are tied; there the {which} of those tied stands",)
