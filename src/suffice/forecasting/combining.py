"""Several families with one voice: each has the say that its forecasts have earned."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from suffice.forecasting.experience import Experience
from suffice.forecasting.families import FAMILIES
from suffice.forecasting.fitting import QUICK, Points, fit_family
from suffice.forecasting.measured import Measured

FloatArray = npt.NDArray[np.float64]

# A forecast that far off, as a standard deviation, is no news; the families differ by as much.
_TOLERATED = 0.01
# Forecasts of one curve's sizes err together, so that a back-test counts as this many at most.
_MOST_EVIDENCE = 3.0
_LEAST_SIZES = 2
_STEPS_PER_DOUBLING = 24


@dataclass(frozen=True, slots=True, eq=False)
class Voice:
    """One family's say.

    Parameters
    ----------
    family : str
    weight : float
    theta : float array of shape (1, n_parameters)
        The fit to the means.
    resampled : float array of shape (n, n_parameters)
        Fits to resamples; the families together have as many as were asked for.
    backtest : float
        Root mean square error of its forecasts of the curve's own larger sizes from the smaller
        ones; NaN where there are too few sizes.
    """

    family: str
    weight: float
    theta: FloatArray
    resampled: FloatArray
    backtest: float


@dataclass(frozen=True, slots=True, eq=False)
class Combination:
    """Families fitted to one curve and combined.

    Parameters
    ----------
    reference : float
        Largest size that was measured.
    voices : tuple of Voice
    inflation : float
        By which resampled curves are moved away from the expected one.
    shifts : float array of shape (n,), optional
        By how much other test subjects would move each of them. The inflation does not count for
        these: it was learned on fixed subjects.
    """

    reference: float
    voices: tuple[Voice, ...]
    inflation: float
    shifts: FloatArray | None = None

    def expected(self, n_cases: npt.ArrayLike) -> FloatArray:
        """Expected score at some sizes; never falls with their number; shape (n_sizes,)."""
        parts = [
            voice.weight * FAMILIES[voice.family].value(voice.theta, n_cases, self.reference)[0]
            for voice in self.voices
        ]
        return np.asarray(np.clip(np.sum(parts, axis=0), 0.0, 1.0))

    def paths(self, n_cases: npt.ArrayLike) -> FloatArray:
        """Curves that the truth may be, none of which falls.

        Parameters
        ----------
        n_cases : array of shape (n_sizes,)
            Rising.

        Returns
        -------
        float array of shape (n, n_sizes)
        """
        centre = self.expected(n_cases)
        found = np.concatenate(
            [
                FAMILIES[voice.family].value(voice.resampled, n_cases, self.reference)
                for voice in self.voices
            ]
        )
        apart = centre + self.inflation * (found - centre)
        if self.shifts is not None:
            apart = apart + self.shifts[:, None]
        apart = np.clip(apart, 0.0, 1.0)
        # From the largest measured size both ways: doubt about the smallest must not lift the rest.
        sizes = np.asarray(n_cases, dtype=np.float64)
        middle = int(np.clip(np.searchsorted(sizes, self.reference), 0, len(sizes) - 1))
        after = np.maximum.accumulate(apart[:, middle:], axis=1)
        before = np.minimum.accumulate(apart[:, middle::-1], axis=1)[:, :0:-1]
        return np.asarray(np.concatenate([before, after], axis=1))


def combine(
    measured: Measured,
    experience: Experience,
    *,
    n_resamples: int,
    rng: np.random.Generator,
) -> Combination:
    """Fit every family, weigh them by their forecasts, and resample what was measured.

    Parameters
    ----------
    measured : Measured
    experience : Experience
    n_resamples : int
        Resampled curves; each is fitted by one family, drawn by the weights.
    rng : Generator
    """
    points = measured_points(measured, experience)
    reference = float(measured.largest)
    fits, errors = {}, {}
    for name in experience.families:
        fits[name], errors[name] = _fit_and_backtest(name, points, experience)
    weights = _weights(errors, experience)
    counts = _shares(weights, n_resamples)
    values = measured.resample(n_resamples, points.sd, rng, of_subjects=False)
    voices, at = [], 0
    for name, weight in weights.items():
        some = Points(points.n_cases, values[at : at + counts[name]], points.sd)
        at += counts[name]
        prior = experience.families[name].prior
        resampled = fit_family(
            FAMILIES[name],
            some,
            reference,
            prior=prior,
            expected=prior.draw(counts[name], rng),
            n_starts=2,
            tolerance=QUICK,
        )
        backtest = float(np.sqrt(np.mean(errors[name][0] ** 2))) if errors[name].size else np.nan
        voices.append(Voice(name, weight, fits[name], resampled, backtest))
    shifts = measured.subject_shifts(n_resamples, rng, experience.between)
    return Combination(reference, tuple(voices), experience.inflation, shifts)


def sizes_up_to(smallest: float, end: float) -> FloatArray:
    """List sizes to draw curves at, evenly in their log."""
    n = math.ceil(_STEPS_PER_DOUBLING * math.log2(end / smallest)) + 1
    return np.geomspace(smallest, end, n)


def measured_points(measured: Measured, experience: Experience) -> Points:
    """Weigh the means by how sure they are, and how far any family may be from the truth."""
    return Points(
        measured.n_cases,
        measured.means[None],
        measured.distances(experience.noise, experience.misfit),
    )


def _fit_and_backtest(
    name: str, points: Points, experience: Experience
) -> tuple[FloatArray, FloatArray]:
    """Fit all sizes and each beginning of them.

    Returns
    -------
    theta : float array of shape (1, n_parameters)
    errors : float array of shape (2, n_forecasts)
        How far forecasts of larger sizes were off, and the spread of what they forecast.
    """
    family, prior = FAMILIES[name], experience.families[name].prior
    n_sizes = len(points.n_cases)
    kept = np.arange(min(_LEAST_SIZES, n_sizes), n_sizes + 1)
    is_given = np.arange(n_sizes) < kept[:, None]
    rows = Points(
        points.n_cases,
        np.tile(points.values, (len(kept), 1)),
        np.where(is_given, points.sd, np.inf),
    )
    references = points.n_cases[kept - 1]
    theta = fit_family(family, rows, references, prior=prior, n_starts=3)
    log_ratio = np.log(points.n_cases / references[:, None])
    off = 1.0 - family.error(theta, log_ratio) - points.values
    spread = np.broadcast_to(points.sd, off.shape)
    return theta[-1:], np.stack([off[~is_given], spread[~is_given]])


def _weights(errors: dict[str, FloatArray], experience: Experience) -> dict[str, float]:
    """Weigh families by what they were worth on other curves and by this one's back-test."""
    logs = {}
    for name, (off, spread) in errors.items():
        logs[name] = np.log(max(experience.families[name].weight, 1e-6))
        if off.size:
            # Heavy tails: one forecast that was far off does not silence a family.
            surprise = np.mean(np.log1p(off**2 / (spread**2 + _TOLERATED**2)))
            logs[name] -= min(off.size, _MOST_EVIDENCE) * surprise
    highest = max(logs.values())
    shares = {name: float(np.exp(each - highest)) for name, each in logs.items()}
    total = sum(shares.values())
    return {name: share / total for name, share in shares.items()}


def _shares(weights: dict[str, float], n: int) -> dict[str, int]:
    """Divide ``n`` by weights into whole numbers."""
    edges = np.round(np.cumsum(list(weights.values())) * n).astype(int)
    return dict(zip(weights, np.diff(edges, prepend=0).tolist(), strict=True))
