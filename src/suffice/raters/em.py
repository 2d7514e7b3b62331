"""Expectation and maximisation for raters whose votes hide one truth.

A case enters as its vote patterns: every sum over voxels is a sum over patterns, weighted by how
many voxels have each. Only a prior that differs from voxel to voxel needs the voxels themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from suffice.raters.votes import Votes

FloatArray = npt.NDArray[np.float64]

# Stands for a probability of zero: its logarithm is finite, and nothing survives it.
_NEVER = 1e-300
_CHUNK = 1 << 16


@dataclass(frozen=True, eq=False)
class Evidence:
    """One case as the iteration sees it.

    Parameters
    ----------
    votes : Votes
    columns : int array of shape (n_raters of the case,)
        Which of all raters each rater of the case is.
    counts : int array of shape (n_patterns,)
        Voxels of each pattern that count.
    prior : float array of shape (n_classes,)
        Probability of each class before anyone voted.
    """

    votes: Votes
    columns: npt.NDArray[np.intp]
    counts: npt.NDArray[np.int64]
    prior: FloatArray

    @cached_property
    def drawn(self) -> FloatArray:
        """Which rater gave which class, of shape (n_patterns, n_raters * n_classes)."""
        chosen = self.votes.table[:, :, None] == np.arange(self.votes.n_classes)
        return np.asarray(chosen.reshape(len(chosen), -1), dtype=np.float64)

    def start(self) -> FloatArray:
        """Voxels of each class in each pattern if every vote is as good as another."""
        return np.asarray(self.votes.shares * self.counts[:, None])

    def expect(self, confusion: FloatArray) -> FloatArray:
        """Voxels expected of each class in each pattern, of shape (n_patterns, n_classes)."""
        return np.asarray(self.posterior(confusion) * self.counts[:, None])

    def posterior(self, confusion: FloatArray) -> FloatArray:
        """Probability of each class, of shape (n_patterns, n_classes)."""
        return _normalised(self.likelihood(confusion) * self.prior, self.prior)

    def likelihood(self, confusion: FloatArray) -> FloatArray:
        """How likely each pattern is for each class, up to a factor for each pattern."""
        # (raters, true, drawn) to a row for each rater and class drawn, a column for each truth.
        of_class = np.log(np.maximum(confusion[self.columns], _NEVER)).transpose(0, 2, 1)
        logarithm = self.drawn @ of_class.reshape(-1, confusion.shape[1])
        highest = logarithm[:, self.prior > 0].max(axis=1, keepdims=True)
        return np.asarray(np.exp(np.minimum(logarithm - highest, 0.0)))


@dataclass(frozen=True, eq=False)
class SpatialEvidence(Evidence):
    """One case with a prior that differs from voxel to voxel.

    Parameters
    ----------
    codes : int array of shape (n_voxels,)
        Pattern number of each voxel that counts.
    priors : float array of shape (n_classes, n_voxels)
        Probability of each class there; ``prior`` is its mean.
    """

    codes: npt.NDArray[np.int32]
    priors: npt.NDArray[np.floating]

    def expect(self, confusion: FloatArray) -> FloatArray:
        """Voxels expected of each class in each pattern, of shape (n_patterns, n_classes)."""
        likelihood = self.likelihood(confusion)
        total = np.zeros_like(likelihood)
        for _, codes, each in self._chunks(likelihood):
            for number, column in enumerate(each.T):
                total[:, number] += np.bincount(codes, weights=column, minlength=len(total))
        return total

    def posterior_of_voxels(self, confusion: FloatArray) -> npt.NDArray[np.float32]:
        """Probability of each class, of shape (n_classes, n_voxels)."""
        result = np.empty(self.priors.shape, dtype=np.float32)
        for part, _, each in self._chunks(self.likelihood(confusion)):
            result[:, part] = each.T
        return result

    def _chunks(
        self, likelihood: FloatArray
    ) -> Iterator[tuple[slice, npt.NDArray[np.int32], FloatArray]]:
        for start in range(0, len(self.codes), _CHUNK):
            part = slice(start, start + _CHUNK)
            priors = self.priors[:, part].T.astype(np.float64)
            codes = self.codes[part]
            yield part, codes, _normalised(likelihood[codes] * priors, priors)


@dataclass(frozen=True, eq=False)
class Estimate:
    """Where the iteration ended.

    Parameters
    ----------
    confusion : float array of shape (n_raters, n_classes, n_classes)
        ``[rater, true, drawn]``; each row adds up to one.
    seen : float array of shape (n_raters, n_classes)
        Voxels expected of each class in the cases that the rater drew.
    n_iterations : int
    change : float
        Largest change of a confusion in the last iteration.
    converged : bool
    """

    confusion: FloatArray
    seen: FloatArray
    n_iterations: int
    change: float
    converged: bool


def estimate(
    cases: Sequence[Evidence], n_raters: int, *, max_iterations: int, tolerance: float
) -> Estimate:
    """Estimate what each rater makes of each class, from where all share of the votes is true.

    Parameters
    ----------
    cases : sequence of Evidence
    n_raters : int
        Raters of all cases.
    max_iterations : int
    tolerance : float
        Converged where no confusion changes by more.
    """
    masses = [case.start() for case in cases]
    confusion, seen = _maximise(cases, masses, n_raters)
    change, iteration = np.inf, 0
    while iteration < max_iterations and change > tolerance:
        masses = [case.expect(confusion) for case in cases]
        new, seen = _maximise(cases, masses, n_raters)
        change = float(np.abs(new - confusion).max())
        confusion = new
        iteration += 1
    return Estimate(confusion, seen, iteration, change, change <= tolerance)


def _maximise(
    cases: Sequence[Evidence], masses: Sequence[FloatArray], n_raters: int
) -> tuple[FloatArray, FloatArray]:
    n_classes = masses[0].shape[1]
    joint = np.zeros((n_raters, n_classes, n_classes))
    for case, mass in zip(cases, masses, strict=True):
        # A row for each rater and class drawn, a column for each truth.
        sums = (case.drawn.T @ mass).reshape(-1, n_classes, n_classes)
        joint[case.columns] += sums.transpose(0, 2, 1)
    seen = joint.sum(axis=2)
    # A class that no voxel is expected to be tells nothing of a rater.
    even = np.full_like(joint, 1 / n_classes)
    confusion: npt.NDArray[Any] = np.divide(
        joint, seen[:, :, None], out=even, where=seen[:, :, None] > 0
    )
    return confusion, seen


def _normalised(weights: FloatArray, otherwise: FloatArray) -> FloatArray:
    """Make rows add up to one; a row of zeros, which no class can explain, becomes another."""
    total = weights.sum(axis=1, keepdims=True)
    if total.min(initial=1.0) > 0:
        return np.asarray(weights / total)
    return np.where(total > 0, weights / np.where(total > 0, total, 1.0), otherwise)
