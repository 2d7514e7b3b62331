"""STAPLE: the truth behind several raters and how well each of them sees it, estimated together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from suffice.core import GeometryError, UsageError
from suffice.raters.em import Estimate, Evidence, SpatialEvidence, estimate
from suffice.raters.posterior import Inside, Posterior
from suffice.raters.votes import FloatArray, Masks, Votes, collect_votes

Region = Literal["all", "box", "disagreement"] | npt.NDArray[np.bool_]
Prior = npt.ArrayLike | None


@dataclass(frozen=True, eq=False, kw_only=True)
class StapleResult:
    """The consensus of one case and what it says of the raters.

    Parameters
    ----------
    raters : tuple of str
        Raters of the case.
    values : tuple of int
        Label value of each class; the first is 0, background.
    prior : float array of shape (n_classes,)
        Probability of each class before anyone voted (its mean, where it is spatial).
    confusion : float array of shape (n_raters, n_classes, n_classes)
        ``[rater, true, drawn]``: how often the rater draws one class where another is true. A
        class that no voxel is held to be has an even row.
    sensitivity, specificity : float array of shape (n_raters, n_classes - 1)
        Of each rater for each structure; not a number where the structure is nowhere (or
        everywhere).
    n_iterations : int
    change : float
        Largest change of a confusion in the last iteration.
    converged : bool
        Whether that is within the tolerance.
    field : Posterior
        The posterior, not yet spread over the voxels.
    """

    raters: tuple[str, ...]
    values: tuple[int, ...]
    prior: FloatArray
    confusion: FloatArray
    sensitivity: FloatArray
    specificity: FloatArray
    n_iterations: int
    change: float
    converged: bool
    field: Posterior

    @cached_property
    def labels(self) -> npt.NDArray[np.uint16]:
        """Label value of the likeliest class of each voxel; the lowest of those that tie."""
        return self.field.labels()

    @cached_property
    def posterior(self) -> npt.NDArray[np.float32]:
        """Probability of each class, of shape (n_classes, *spatial), background first."""
        return np.stack([self.field.of_class(number) for number in range(len(self.values))])

    def probability(self, value: int) -> npt.NDArray[np.float32]:
        """Probability of one label value in each voxel, in the spatial shape."""
        if value not in self.values:
            raise UsageError("No such label", got=value, expected=self.values)
        return self.field.of_class(self.values.index(value))


def staple(
    masks: Masks,
    values: tuple[int, ...] | None = None,
    *,
    prior: Prior = None,
    region: Region = "all",
    max_iterations: int = 1000,
    tolerance: float = 1e-7,
) -> StapleResult:
    """Estimate the truth and the raters' performance on one case.

    Parameters
    ----------
    masks : mapping of str to integer array
        Rater to mask, of one shape.
    values : tuple of int, optional
        Label values, background left out; those found, where not given.
    prior : float array, optional
        Probability of each class, of shape (n_classes,), or of each class in each voxel, of shape
        (n_classes, *spatial); background first. The raters' share of votes, where not given.
    region : {"all", "box", "disagreement"} or bool array
        The voxels that count: all, those in the box around all structures, those that the raters
        do not agree on, or those given. What is agreed background raises every specificity and
        lowers the prior, so that a wider view makes the consensus larger. Voxels outside keep
        their share of the votes.
    max_iterations : int
    tolerance : float
        Converged where no confusion changes by more in an iteration.

    Returns
    -------
    StapleResult

    Raises
    ------
    UsageError, GeometryError, LabelError
        If masks, prior or region cannot be used.

    Notes
    -----
    Two classes give the binary STAPLE, more the multi-label one with a confusion matrix for each
    rater [1]_. The iteration starts from the raters' share of votes.

    References
    ----------
    .. [1] Warfield, Zou and Wells, IEEE TMI 2004, https://doi.org/10.1109/TMI.2004.828354

    Examples
    --------
    >>> truth = np.zeros((20, 20), dtype=np.uint8)
    >>> truth[5:15, 5:15] = 1
    >>> careless = np.roll(truth, 3, axis=0)
    >>> found = staple({"anna": truth, "ben": truth, "cleo": careless})
    >>> found.sensitivity[:, 0].round(2).tolist(), found.converged
    ([1.0, 1.0, 0.7], True)
    """
    votes = collect_votes(masks, values)
    return staple_votes(
        votes, prior=prior, region=region, max_iterations=max_iterations, tolerance=tolerance
    )


def staple_votes(
    votes: Votes,
    *,
    prior: Prior = None,
    region: Region = "all",
    max_iterations: int = 1000,
    tolerance: float = 1e-7,
) -> StapleResult:
    """Do what `staple` does with votes that were collected before."""
    selection = _select(votes, region)
    evidence = _evidence(votes, np.arange(len(votes.raters)), selection, prior)
    found = _estimated([evidence], len(votes.raters), max_iterations, tolerance)
    return _result(found, evidence, selection)


def staple_cohort(
    cases: Iterable[tuple[str, Masks]],
    values: tuple[int, ...],
    *,
    region: Literal["all", "box", "disagreement"] = "all",
    max_iterations: int = 1000,
    tolerance: float = 1e-7,
) -> Mapping[str, StapleResult]:
    """Estimate the truth of many cases and one performance of each rater over all of them.

    Parameters
    ----------
    cases : iterable of (str, mapping of str to integer array)
        Name and masks of each case; raters may be missing, grids may differ. Read one at a time.
    values : tuple of int
        Label values, background left out.
    region : {"all", "box", "disagreement"}
        As in `staple`.
    max_iterations, tolerance
        As in `staple`.

    Returns
    -------
    mapping of str to StapleResult
        A result for each case. The performance of a rater is the same in all of them.

    Notes
    -----
    The prior is each case's own share of votes: structures differ in size between cases, and the
    skill of a rater is held not to.
    """
    collected = {name: collect_votes(masks, values) for name, masks in cases}
    if not collected:
        raise UsageError("There is no case to fuse")
    everyone = list(dict.fromkeys(r for votes in collected.values() for r in votes.raters))
    selections = {name: _select(votes, region) for name, votes in collected.items()}
    evidence = {
        name: _evidence(
            votes, np.array([everyone.index(r) for r in votes.raters]), selections[name], None
        )
        for name, votes in collected.items()
    }
    found = _estimated(list(evidence.values()), len(everyone), max_iterations, tolerance)
    return {name: _result(found, evidence[name], selections[name]) for name in collected}


@dataclass(frozen=True, eq=False)
class _Selection:
    """The voxels that count: how many of each pattern, and which, where that is no matter of it."""

    counts: npt.NDArray[np.int64]
    inside: Inside | None = None


def _select(votes: Votes, region: Region) -> _Selection:
    if isinstance(region, np.ndarray):
        if region.shape != votes.codes.shape or region.dtype != bool:
            raise GeometryError(
                "A region must be a bool array of the shape of the masks",
                got=(region.shape, region.dtype),
                expected=votes.codes.shape,
            )
        return _within(votes, region)
    if region == "all":
        return _Selection(votes.counts)
    if region == "box":
        drawn = votes.spread((votes.table.max(axis=1) > 0).astype(np.uint8))
        boxes = ndimage.find_objects(drawn)
        return _within(votes, boxes[0]) if boxes else _Selection(votes.counts)
    if region == "disagreement":
        agreed = votes.tallies.max(axis=1) == len(votes.raters)
        return _Selection(np.where(agreed, 0, votes.counts))
    raise UsageError("Unknown region", got=region, expected=("all", "box", "disagreement"))


def _within(votes: Votes, inside: Inside) -> _Selection:
    tally = np.bincount(votes.codes[inside].ravel(), minlength=votes.n_codes)
    return _Selection(tally[votes.code_of].astype(np.int64), inside)


def _evidence(
    votes: Votes, columns: npt.NDArray[np.intp], selection: _Selection, prior: Prior
) -> Evidence:
    n_classes, counts = votes.n_classes, selection.counts
    if prior is None:
        # Where no voxel counts, any prior does.
        mass = counts @ votes.shares if counts.any() else np.ones(n_classes)
        return Evidence(votes, columns, counts, mass / mass.sum())
    given = np.asarray(prior)
    if given.shape not in ((n_classes,), (n_classes, *votes.codes.shape)):
        raise GeometryError(
            "A prior is one probability a class, or one a class and voxel, background first",
            got=given.shape,
            expected=(n_classes, *votes.codes.shape),
        )
    if given.dtype.kind not in "fiu" or not (given.min() >= 0 and np.isfinite(given.max())):
        raise UsageError("A prior must hold finite probabilities of 0 or more", got=given.dtype)
    if not given.sum(axis=0).min() > 0:
        raise UsageError("A prior must leave every voxel some class")
    if given.ndim == 1:
        return Evidence(votes, columns, counts, given / given.sum())
    inside = ... if selection.inside is None else selection.inside
    numbers = votes.spread(np.arange(len(counts), dtype=np.int32))[inside].ravel()
    priors = np.stack([each[inside].ravel() for each in given])
    if selection.inside is None and counts.sum() < numbers.size:
        counted = (counts > 0)[numbers]
        numbers, priors = numbers[counted], priors[:, counted]
    mean = priors.mean(axis=1, dtype=np.float64)
    return SpatialEvidence(votes, columns, counts, mean / mean.sum(), numbers, priors)


def _estimated(
    cases: list[Evidence], n_raters: int, max_iterations: int, tolerance: float
) -> Estimate:
    if max_iterations < 1 or not tolerance >= 0:
        raise UsageError(
            "STAPLE needs at least one iteration and a tolerance of 0 or more",
            got=(max_iterations, tolerance),
        )
    return estimate(cases, n_raters, max_iterations=max_iterations, tolerance=tolerance)


def _result(found: Estimate, evidence: Evidence, selection: _Selection) -> StapleResult:
    votes = evidence.votes
    confusion, seen = found.confusion[evidence.columns], found.seen[evidence.columns]
    sensitivity, specificity = _performance(confusion, seen)
    return StapleResult(
        raters=votes.raters,
        values=votes.values,
        prior=evidence.prior,
        confusion=confusion,
        sensitivity=sensitivity,
        specificity=specificity,
        n_iterations=found.n_iterations,
        change=found.change,
        converged=found.converged,
        field=Posterior.of(evidence, found.confusion, selection.inside),
    )


def _performance(confusion: FloatArray, seen: FloatArray) -> tuple[FloatArray, FloatArray]:
    structures = range(1, confusion.shape[1])
    sensitivity = np.stack([confusion[:, k, k] for k in structures], axis=1)
    sensitivity = np.where(seen[:, 1:] > 0, sensitivity, np.nan)
    drawn = seen[:, :, None] * confusion
    specificity = np.full_like(sensitivity, np.nan)
    for k in structures:
        other = seen.sum(axis=1) - seen[:, k]
        wrong = drawn[:, :, k].sum(axis=1) - drawn[:, k, k]
        np.divide(other - wrong, other, out=specificity[:, k - 1], where=other > 0)
    return sensitivity, specificity
