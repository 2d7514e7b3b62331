"""Learning from a library of curves what to expect of the next one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from suffice.core import UsageError
from suffice.forecasting.combining import combine, sizes_up_to
from suffice.forecasting.experience import Experience, FamilyExperience
from suffice.forecasting.families import FAMILIES, Family
from suffice.forecasting.fitting import QUICK, Points, Prior, fit_family, posterior_sd
from suffice.forecasting.measured import Measured

FloatArray = npt.NDArray[np.float64]

LEVEL = 0.8
"""How often intervals are to hold."""
SHARE = 0.25
"""Forecasts are learned from at most this share of a curve's cases."""
LEAST_SIZES = 3

# Before anything is learned: shares of one half and exponents around one, give or take a lot.
_WIDE_SD = 1.2
# So many curves' worth of the wide expectation stay in what is learned.
_WIDE_CURVES = 1.0
_ROUNDS = 4
_USUAL_NOISE, _USUAL_BETWEEN = 0.25, 0.3
_MISFIT = 0.1
_WEIGHT_ROUNDS = 50
_EVEN_CURVES = 4.0
_N_RESAMPLES = 60


@dataclass(frozen=True, slots=True, eq=False)
class LibraryCurve:
    """One curve of a library.

    Parameters
    ----------
    cohort : str
        Curves of one cohort are left out together: they share scans.
    measured : Measured
    between : float
        Standard deviation between test subjects, over the error; NaN where nobody told.
    """

    cohort: str
    measured: Measured
    between: float = math.nan

    @property
    def full(self) -> int:
        """Cases at the full size."""
        return self.measured.largest

    @property
    def beginning(self) -> Measured:
        """The part that forecasts start from: at most a quarter of the cases."""
        return self.measured.up_to(SHARE * self.full)

    @property
    def is_long(self) -> bool:
        """Whether its beginning has enough sizes for a forecast."""
        return int((self.measured.n_cases <= SHARE * self.full).sum()) >= LEAST_SIZES


def learn_experience(curves: Sequence[LibraryCurve], *, source: str, seed: int = 0) -> Experience:
    """Learn from curves whose full size is known.

    What each family's numbers are is learned from whole curves, seen from a quarter of their
    cases. Weights and the inflation come from forecasts of the full size by the beginning, each
    made without the curves of the forecast's own cohort.

    Parameters
    ----------
    curves : sequence of LibraryCurve
        Of two cohorts or more; those that are not long enough are left out.
    source : str
        What to call the library.
    seed : int
        Of the resamples.
    """
    usable = [curve for curve in curves if curve.is_long]
    cohorts = sorted({curve.cohort for curve in usable})
    if len(cohorts) < 2:
        raise UsageError(
            "Experience is learned from curves of several cohorts",
            got=f"{len(cohorts)} with {LEAST_SIZES} sizes up to a quarter of the cases",
            expected="2 or more",
        )
    others = {
        cohort: _without_forecasts([c for c in usable if c.cohort != cohort], source)
        for cohort in cohorts
    }
    found = _without_forecasts(usable, source)
    weights = _earned_weights(usable, others)
    for cohort in cohorts:
        others[cohort] = _weighted(others[cohort], weights)
    inflation = _inflation(usable, others, seed)
    return replace(_weighted(found, weights), inflation=inflation)


def _without_forecasts(curves: Sequence[LibraryCurve], source: str) -> Experience:
    """Learn noise and priors; weights are even and intervals what the resamples say."""
    noise = usual_noise([curve.measured for curve in curves])
    priors = {name: learn_prior(family, curves, noise) for name, family in FAMILIES.items()}
    return Experience(
        families={
            name: FamilyExperience(
                weight=1 / len(priors),
                mean=tuple(prior.mean.round(4).tolist()),
                sd=tuple(prior.sd.round(4).tolist()),
            )
            for name, prior in priors.items()
        },
        noise=noise,
        between=_usual_between(curves),
        misfit=_MISFIT,
        inflation=1.0,
        source=source,
        n_curves=len(curves),
        n_cohorts=len({curve.cohort for curve in curves}),
    )


def usual_noise(curves: Sequence[Measured]) -> float:
    """Median over curves of how far draws lie apart, over the error and times sqrt(n)."""
    found = []
    for measured in curves:
        several = measured.n_draws >= 2
        if several.any():
            ratios = measured.draw_spread()[several] / measured.usual_spread(1.0)[several]
            found.append(math.sqrt(float(np.mean(ratios**2))))
    return round(float(np.median(found)), 4) if found else _USUAL_NOISE


def _usual_between(curves: Sequence[LibraryCurve]) -> float:
    """Median over curves of how far test subjects lie apart."""
    told = [curve.between for curve in curves if math.isfinite(curve.between)]
    return round(float(np.median(told)), 4) if told else _USUAL_BETWEEN


def learn_prior(family: Family, curves: Sequence[LibraryCurve], noise: float) -> Prior:
    """Fit whole curves together: what their numbers have in common (empirical Bayes).

    Each cohort counts for the root of its number of curves. The scale is their root mean square,
    which is wider than Student's distribution would ask for: curves to come are of more kinds
    than those of any library.
    """
    references = np.array([float(curve.beginning.largest) for curve in curves])
    points = _stacked([curve.measured for curve in curves], noise)
    n_of = {c.cohort: sum(o.cohort == c.cohort for o in curves) for c in curves}
    shares = np.array([1 / math.sqrt(n_of[curve.cohort]) for curve in curves])[:, None]
    start = np.array(family.starts[0])
    prior = Prior(start, np.full(len(start), _WIDE_SD))
    total = shares.sum() + _WIDE_CURVES
    for _ in range(_ROUNDS):
        theta = fit_family(family, points, references, prior=prior, n_starts=3, tolerance=QUICK)
        own = theta[:, 1:]
        unsure = posterior_sd(family, theta, points, references, prior)[:, 1:]
        mean = ((shares * own).sum(axis=0) + _WIDE_CURVES * start) / total
        squares = (shares * ((own - mean) ** 2 + unsure**2)).sum(axis=0)
        prior = Prior(mean, np.sqrt((squares + _WIDE_CURVES * _WIDE_SD**2) / total))
    return prior


def _stacked(curves: Sequence[Measured], noise: float) -> Points:
    """Lay curves with different sizes out in one array."""
    n_sizes = max(len(measured.n_cases) for measured in curves)
    n_cases, values = np.ones((2, len(curves), n_sizes))
    sd = np.full((len(curves), n_sizes), np.inf)
    for i, measured in enumerate(curves):
        at = slice(len(measured.n_cases))
        n_cases[i, at], values[i, at] = measured.n_cases, measured.means
        sd[i, at] = measured.distances(noise, _MISFIT)
    return Points(n_cases, values, sd)


def _weighted(experience: Experience, weights: dict[str, float]) -> Experience:
    families = {
        name: replace(each, weight=weights[name]) for name, each in experience.families.items()
    }
    return replace(experience, families=families)


def _earned_weights(
    curves: Sequence[LibraryCurve], others: dict[str, Experience]
) -> dict[str, float]:
    """Weigh families as a mixture whose forecasts make the full sizes most likely."""
    errors = np.array([_errors_at_full(curve, others[curve.cohort]) for curve in curves])
    scale = max(float(np.median(np.abs(errors))), 1e-3)
    likely = np.exp(-np.abs(errors) / scale)
    weights = np.full(len(FAMILIES), 1 / len(FAMILIES))
    for _ in range(_WEIGHT_ROUNDS):
        say = likely * weights
        say /= say.sum(axis=1, keepdims=True)
        weights = (say.sum(axis=0) + _EVEN_CURVES / len(FAMILIES)) / (len(curves) + _EVEN_CURVES)
    return {name: round(float(w), 4) for name, w in zip(FAMILIES, weights, strict=True)}


def _errors_at_full(curve: LibraryCurve, experience: Experience) -> list[float]:
    """How far the forecast of each family alone is off at the full size."""
    begun = curve.beginning
    points = _stacked([begun], experience.noise)
    found = []
    for name, family in FAMILIES.items():
        prior = experience.families[name].prior
        theta = fit_family(family, points, float(begun.largest), prior=prior, n_starts=3)
        forecast = family.value(theta, [curve.full], float(begun.largest))[0, 0]
        found.append(float(forecast - curve.measured.means[-1]))
    return found


def _inflation(curves: Sequence[LibraryCurve], others: dict[str, Experience], seed: int) -> float:
    """Give the factor with which intervals would have held as often as they are to.

    The k-th smallest of n factors, k = ceil(level (n + 1)), as in conformal prediction; cohorts
    are not told apart here, as the forecasts were made without the curve's own.
    """
    factors = []
    for number, curve in enumerate(curves):
        rng = np.random.default_rng([seed, number])
        experience = others[curve.cohort]
        begun = curve.beginning
        made = combine(begun, experience, n_resamples=_N_RESAMPLES, rng=rng)
        centre = float(made.expected([curve.full])[0])
        paths = made.paths(sizes_up_to(float(begun.n_cases[0]), curve.full))[:, -1]
        low, high = np.quantile(paths, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        off = float(curve.measured.means[-1]) - centre
        room = high - centre if off > 0 else centre - low
        factors.append(abs(off) / max(room, 1e-4))
    k = min(math.ceil(LEVEL * (len(factors) + 1)), len(factors))
    return round(float(np.sort(factors)[k - 1]), 3)
