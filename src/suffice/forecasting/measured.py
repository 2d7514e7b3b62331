"""What was measured: means at each size, how sure they are, and resamples of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

# How many draws' worth of evidence other curves are on how far draws lie apart, and how many
# subjects' worth on how far subjects do: that differs more from cohort to cohort.
_USUAL_DRAWS = 4.0
_USUAL_SUBJECTS = 2.0
_LEAST_ERROR = 0.01
_LEAST_MISFIT = 0.002


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """Scores of the trainings of one curve: a rung, a label and a metric of one cohort.

    Parameters
    ----------
    n_cases : float array of shape (n_sizes,)
        Rising.
    scores : float array of shape (n_draws, n_sizes, n_seeds, n_subjects)
        NaN where nothing was trained or a score is undefined. Where scores of subjects are not
        told apart, the last axis has length 1.
    """

    n_cases: FloatArray
    scores: FloatArray

    @property
    def largest(self) -> int:
        """Most cases that were learned from."""
        return int(self.n_cases[-1])

    @property
    def n_subjects(self) -> int:
        """Test subjects; 1 where they are not told apart."""
        return int(self.scores.shape[3])

    @property
    def n_draws(self) -> npt.NDArray[np.intp]:
        """Draws at each size; shape (n_sizes,)."""
        return np.asarray(np.isfinite(self._by_draw()).sum(axis=0))

    @property
    def means(self) -> FloatArray:
        """Mean over draws of their mean over seeds and subjects; shape (n_sizes,)."""
        return _mean(self._by_draw(), axis=0)

    def subject_means(self) -> FloatArray:
        """Mean of each subject at the largest size; shape (n_subjects,)."""
        return _mean(_mean(self.scores[:, -1], axis=1), axis=0)

    def draw_spread(self) -> FloatArray:
        """Standard deviation between draws, shape (n_sizes,); NaN where there is one alone.

        What draws differ by as they are scored on other subjects is not in it.
        """
        freedom = np.where(self.n_draws > 1, self.n_draws - 1.0, math.nan)
        return np.asarray(np.sqrt(self._squares() * self._share_of_draws() / freedom))

    def _by_draw(self) -> FloatArray:
        return _mean(_mean(self.scores, axis=3), axis=2)

    def _squares(self) -> FloatArray:
        """Sum of squares of the draws' means about that of all; shape (n_sizes,)."""
        return np.asarray(np.nansum((self._by_draw() - self.means) ** 2, axis=0))

    def _share_of_draws(self) -> FloatArray:
        """Share of `_squares` that is not of the subjects scored on, shape (n_sizes,); 0 to 1.

        A draw's mean weighs each of its subjects evenly. By how much these weights differ between
        draws, times the variance of subjects within draws, is what the squares hold of subjects:
        nothing where all draws have the same ones (analysis of variance, by expected squares).
        """
        scores = _mean(self.scores, axis=2)
        is_there = np.isfinite(scores)
        n_each = is_there.sum(axis=2, keepdims=True)
        weights = np.where(n_each > 0, is_there / np.maximum(n_each, 1), math.nan)
        differing = np.nansum((weights - _mean(weights, axis=0)) ** 2, axis=(0, 2))
        within = np.nansum((scores - _mean(scores, axis=2)[..., None]) ** 2, axis=(0, 2))
        freedom = np.maximum(n_each - 1, 0).sum(axis=(0, 2))
        squares = self._squares()
        # With one subject a draw the two cannot be told apart: all of it is then the subjects'.
        of_subjects = np.where(freedom > 0, within / np.maximum(freedom, 1), squares) * differing
        share = 1.0 - of_subjects / np.where(squares > 0, squares, 1.0)
        return np.asarray(np.clip(share, 0.0, 1.0))

    def up_to(self, n_cases: float) -> Measured:
        """Keep sizes of at most so many cases."""
        kept = self.n_cases <= n_cases
        return Measured(self.n_cases[kept], self.scores[:, kept])

    def usual_spread(self, noise: float) -> FloatArray:
        """Give how far draws usually lie apart: as the error does and as 1 / sqrt(n).

        Parameters
        ----------
        noise : float
            Standard deviation of a draw, over the error, with one case.
        """
        errors = np.maximum(1.0 - self.means, _LEAST_ERROR)
        return np.asarray(noise * errors / np.sqrt(self.n_cases))

    def standard_errors(self, noise: float) -> FloatArray:
        """Give how sure each mean is, shape (n_sizes,): the spread of few draws is itself unsure.

        The variance between draws is averaged with what is usual, which counts as four draws.
        What other subjects would change is not in it, see `subject_shifts`.
        """
        n, squares = self.n_draws, self._squares() * self._share_of_draws()
        usual = self.usual_spread(noise) ** 2
        variance = (_USUAL_DRAWS * usual + squares) / (_USUAL_DRAWS + n - 1)
        return np.asarray(np.sqrt(variance / n))

    def distances(self, noise: float, misfit: float) -> FloatArray:
        """Give how far each mean may lie from every family, shape (n_sizes,).

        Besides its own noise, that is a share of what a score lies below the last one for each
        doubling between them: no family is right from the first case on, where a model may learn
        nothing at all, and what comes next hangs on the last sizes.

        Parameters
        ----------
        noise : float
            See `usual_spread`.
        misfit : float
            That share.
        """
        below = np.abs(self.means - self.means[-1]) * np.log2(self.n_cases[-1] / self.n_cases)
        return np.asarray(np.hypot(self.standard_errors(noise), _LEAST_MISFIT + misfit * below))

    def resample(
        self,
        n: int,
        distances: FloatArray,
        rng: np.random.Generator,
        *,
        of_subjects: bool = True,
    ) -> FloatArray:
        """Draw subjects, draws and seeds again and again, each with replacement.

        A draw is taken with all its sizes, as these are nested. Where draws are scored on different
        subjects, their means are drawn together by what these explain. What the resamples lack in
        spread (those of one draw have none) is added as independent noise.

        Parameters
        ----------
        n : int
        distances : float array of shape (n_sizes,)
            Spread that the means are to have, see `distances`.
        rng : Generator
        of_subjects : bool
            Whether subjects are drawn, too; `subject_shifts` tells their part alone.

        Returns
        -------
        float array of shape (n, n_sizes)
        """
        if of_subjects:
            by_seed = self._resampled_subjects(n, rng)
        else:
            by_seed = np.broadcast_to(_mean(self.scores, axis=3), (n, *self.scores.shape[:3]))
        share = self._share_of_draws()
        apart = _mean(by_seed, axis=3)
        apart = apart - _mean(apart, axis=1)[:, None]
        by_seed = by_seed - (1.0 - np.sqrt(share))[:, None] * apart[..., None]
        n_draws, n_sizes, n_seeds = by_seed.shape[1:]
        # Seeds come first in their row, so that those there are can be chosen from.
        order = np.argsort(np.isnan(by_seed), axis=3, kind="stable")
        by_seed = np.take_along_axis(by_seed, order, axis=3)
        counts = np.isfinite(by_seed).sum(axis=3, keepdims=True)
        chosen = np.floor(rng.random((n, n_draws, n_sizes, n_seeds)) * counts).astype(np.intp)
        by_draw = _mean(np.take_along_axis(by_seed, chosen, axis=3), axis=3)
        again = rng.integers(n_draws, size=(n, n_draws))
        means = _mean(np.take_along_axis(by_draw, again[:, :, None], axis=1), axis=1)
        means = np.where(np.isfinite(means), means, self.means)
        had = self._squares() * share / self.n_draws**2
        lacking = np.maximum(distances**2 - had, 0.0)
        return np.asarray(means + rng.normal(size=means.shape) * np.sqrt(lacking))

    def subject_shifts(self, n: int, rng: np.random.Generator, between: float) -> FloatArray:
        """Give by how much other subjects would move the score at the largest size; shape (n,).

        The spread of a handful of subjects is itself unsure: its square is averaged with what is
        usual, which counts as two subjects more, and Student's distribution is drawn from. Zeros
        where subjects are not told apart.

        Parameters
        ----------
        n : int
        rng : Generator
        between : float
            Usual standard deviation between subjects, over the error.
        """
        means = self.subject_means()
        means = means[np.isfinite(means)]
        if self.n_subjects < 2 or not len(means):
            return np.zeros(n)
        usual = between * max(1.0 - float(means.mean()), _LEAST_ERROR)
        freedom = _USUAL_SUBJECTS + len(means) - 1
        squares = _USUAL_SUBJECTS * usual**2 + float(np.square(means - means.mean()).sum())
        spread = math.sqrt(squares / freedom / len(means))
        return np.asarray(spread * rng.standard_t(freedom, n))

    def _resampled_subjects(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Means over resampled subjects, shape (n, n_draws, n_sizes, n_seeds)."""
        if self.n_subjects == 1:
            return np.broadcast_to(self.scores[..., 0], (n, *self.scores.shape[:3]))
        weights = rng.multinomial(self.n_subjects, np.full(self.n_subjects, 1 / self.n_subjects), n)
        is_there = np.isfinite(self.scores)
        total = np.einsum("dskm,nm->ndsk", np.where(is_there, self.scores, 0.0), weights)
        count = np.einsum("dskm,nm->ndsk", is_there.astype(np.float64), weights)
        usual = np.broadcast_to(_mean(self.scores, axis=3), total.shape)
        return np.where(count > 0, total / np.maximum(count, 1), usual)


def _mean(array: FloatArray, axis: int) -> FloatArray:
    """Mean of what is there; NaN where nothing is, without a warning."""
    is_there = np.isfinite(array)
    count = is_there.sum(axis=axis)
    total = np.where(is_there, array, 0.0).sum(axis=axis)
    return np.where(count > 0, total / np.maximum(count, 1), math.nan)
