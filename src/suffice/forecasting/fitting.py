"""Weighted least squares for many curves at once, with what other curves say as further points."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import logit

from suffice.forecasting.families import Family

FloatArray = npt.NDArray[np.float64]
# Of numbers, shape (n, n_parameters), and the rows that they belong to: shape (n, n_residuals).
Residuals = Callable[[FloatArray, npt.NDArray[np.intp]], FloatArray]

EXACT = 1e-12
"""Tolerance of fits that are to be right to the last digits that matter."""
QUICK = 1e-5
"""Tolerance of fits to resamples, whose own spread is far larger."""

_MOST_STEPS = 100
_STEP = 1e-5
_FIRST_DAMPING = 1e-2
_MOST_DAMPING = 1e10
# Of Student's distribution, of which priors are: a number that no other curve had is believed where
# the points insist on it.
_FREEDOM = 3.0
# Without a prior, what keeps numbers that the points say nothing about where they began.
_FREE_SD = 1e4
# Scores of 0 and 1 have no logit.
_EDGE = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Prior:
    """What to expect of a family's numbers, before a curve is seen.

    Independent Student's distributions with three degrees of freedom: most curves are like those
    that came before, and one that is like none of them is not bent into their shape.

    Parameters
    ----------
    mean, sd : float array of shape (n_parameters - 1,)
        Middle and scale of all numbers but the first: the level is the curve's own.
    """

    mean: FloatArray
    sd: FloatArray

    def draw(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Draw numbers of ``n`` curves, shape (n, n_parameters - 1)."""
        return np.asarray(self.mean + self.sd * rng.standard_t(_FREEDOM, (n, len(self.mean))))


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Measured means of curves: several, or many resamples of one.

    Parameters
    ----------
    n_cases : float array of shape (n_sizes,) or (n, n_sizes)
        Rising.
    values : float array of shape (n, n_sizes)
    sd : float array of shape (n_sizes,) or (n, n_sizes)
        How far each mean may lie from the curve, as a standard deviation; infinite where a curve
        has no such size.
    """

    n_cases: FloatArray
    values: FloatArray
    sd: FloatArray


def fit_family(
    family: Family,
    points: Points,
    reference: float | FloatArray,
    *,
    prior: Prior | None = None,
    expected: FloatArray | None = None,
    n_starts: int | None = None,
    tolerance: float = EXACT,
) -> FloatArray:
    """Fit each curve from several starts and keep the best.

    Parameters
    ----------
    family : Family
    points : Points
    reference : float or float array of shape (n,)
        Size that the first number is about.
    prior : Prior, optional
        Pulls each number towards its mean, from far away little more than from near; without
        one, the points alone count.
    expected : float array of shape (n, n_parameters - 1), optional
        In the place of the prior's mean, one for each curve. Where they are drawn from the prior
        and the values resampled, the fits are approximate draws from the posterior [1]_.
    n_starts : int, optional
        Fewer starts than the family has, where a prior leaves little choice.
    tolerance : float
        Relative gain in the sum of squares below which a fit is at its end.

    Returns
    -------
    float array of shape (n, n_parameters)

    References
    ----------
    .. [1] Bardsley et al., SIAM J. Sci. Comput. 2014, https://doi.org/10.1137/140964023
    """
    n = len(points.values)
    at = np.broadcast_to(np.asarray(reference, dtype=np.float64), (n,))
    begins = _starts(family, points, at, prior)[:n_starts]
    n_each = len(begins)
    theta = begins.reshape(n_each * n, begins.shape[2])
    if n == 0:
        return theta
    centre, sd = theta.copy(), np.full(theta.shape[1], _FREE_SD)
    if prior is not None:
        means = np.broadcast_to(prior.mean if expected is None else expected, (n, len(prior.mean)))
        centre[:, 1:] = np.tile(means, (n_each, 1))
        sd[1:] = prior.sd
    log_ratio, values, spread = (
        np.tile(array, (n_each, 1))
        for array in (np.log(points.n_cases / at[:, None]), points.values, _spread(points))
    )

    def residuals(numbers: FloatArray, rows: npt.NDArray[np.intp]) -> FloatArray:
        off = (1.0 - family.error(numbers, log_ratio[rows]) - values[rows]) / spread[rows]
        return np.concatenate([off, _pull((numbers - centre[rows]) / sd)], axis=1)

    box = (np.array(family.low), np.array(family.high))
    theta, loss = _levenberg_marquardt(residuals, theta, box, tolerance)
    best = loss.reshape(n_each, n).argmin(axis=0)
    return np.asarray(theta.reshape(n_each, n, -1)[best, np.arange(n)])


def posterior_sd(
    family: Family, theta: FloatArray, points: Points, reference: FloatArray, prior: Prior
) -> FloatArray:
    """Give how unsure each fitted number is, by the curvature at the fit.

    Returns
    -------
    float array of shape (n, n_parameters)
    """
    log_ratio = np.log(points.n_cases / reference[:, None])
    spread = _spread(points)
    sd = np.concatenate([[_FREE_SD], prior.sd])

    def residuals(numbers: FloatArray, rows: npt.NDArray[np.intp]) -> FloatArray:
        off = (1.0 - family.error(numbers, log_ratio[rows])) / spread[rows]
        return np.concatenate([off, numbers / sd], axis=1)

    slopes = _slopes(residuals, theta, np.arange(len(theta)))
    squares = np.einsum("nri,nrj->nij", slopes, slopes)
    return np.asarray(np.sqrt(np.linalg.inv(squares).diagonal(axis1=1, axis2=2)))


def _pull(apart: FloatArray) -> FloatArray:
    """Residuals whose squares are twice the loss of Student's distribution."""
    loss = (_FREEDOM + 1.0) * np.log1p(apart**2 / _FREEDOM)
    return np.asarray(np.sign(apart) * np.sqrt(loss))


def _spread(points: Points) -> FloatArray:
    return np.broadcast_to(points.sd, points.values.shape)


def _starts(family: Family, points: Points, at: FloatArray, prior: Prior | None) -> FloatArray:
    """Give where fits begin, shape (n_starts, n, n_parameters): the prior's mean first."""
    far = np.where(
        np.isfinite(_spread(points)), np.abs(np.log(points.n_cases / at[:, None])), np.inf
    )
    nearest = far.argmin(axis=1)[:, None]
    errors = 1.0 - np.take_along_axis(points.values, nearest, axis=1)[:, 0]
    errors = np.clip(errors, _EDGE, 1.0 - _EDGE)
    rests = [np.array(start) for start in family.starts]
    if prior is not None:
        rests.insert(0, prior.mean)
    level = logit(errors)[:, None]
    n = len(level)
    begins = [np.concatenate([level, np.tile(rest, (n, 1))], axis=1) for rest in rests]
    return np.asarray(np.clip(np.stack(begins), family.low, family.high))


def _levenberg_marquardt(
    residuals: Residuals,
    theta: FloatArray,
    box: tuple[FloatArray, FloatArray],
    tolerance: float,
) -> tuple[FloatArray, FloatArray]:
    """Minimise the sum of squares of each row within a box; all rows step together.

    Returns
    -------
    theta, loss : float array of shape (n, n_parameters), (n,)
    """
    theta = theta.copy()
    every = np.arange(len(theta))
    now = residuals(theta, every)
    loss = (now**2).sum(axis=1)
    damping = np.full(len(theta), _FIRST_DAMPING)
    going = every
    for _ in range(_MOST_STEPS):
        slopes = _slopes(residuals, theta[going], going)
        step = _damped_step(slopes, now[going], damping[going])
        moved = np.clip(theta[going] + step, *box)
        there = residuals(moved, going)
        reached = (there**2).sum(axis=1)
        better = reached < loss[going]
        won = going[better]
        gain = (loss[going] - reached)[better]
        settled = np.zeros(len(going), dtype=bool)
        settled[better] = gain <= tolerance * (1.0 + reached[better])
        theta[won], now[won], loss[won] = moved[better], there[better], reached[better]
        damping[going] *= np.where(better, 0.2, 8.0)
        going = going[~settled & (damping[going] < _MOST_DAMPING)]
        if not len(going):
            break
    return theta, loss


def _slopes(residuals: Residuals, theta: FloatArray, rows: npt.NDArray[np.intp]) -> FloatArray:
    """Central differences of the residuals, shape (n, n_residuals, n_parameters)."""
    columns = []
    for i in range(theta.shape[1]):
        shift = np.zeros(theta.shape[1])
        shift[i] = _STEP
        apart = residuals(theta + shift, rows) - residuals(theta - shift, rows)
        columns.append(apart / (2.0 * _STEP))
    return np.stack(columns, axis=2)


def _damped_step(slopes: FloatArray, now: FloatArray, damping: FloatArray) -> FloatArray:
    squares = np.einsum("nri,nrj->nij", slopes, slopes)
    downhill = -np.einsum("nri,nr->ni", slopes, now)
    index = np.arange(squares.shape[1])
    diagonal = squares[:, index, index]
    squares[:, index, index] += damping[:, None] * np.maximum(diagonal, 1e-9)
    return np.asarray(np.linalg.solve(squares, downhill[:, :, None])[:, :, 0])
