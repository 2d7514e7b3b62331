"""From a table of scores to a forecast."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd

from suffice.core import UsageError
from suffice.forecasting.answers import OUT_OF_REACH, Forecast
from suffice.forecasting.cautions import find_cautions
from suffice.forecasting.combining import Combination, combine, sizes_up_to
from suffice.forecasting.experience import Experience, shipped_experience
from suffice.forecasting.measured import Measured
from suffice.forecasting.reading import read_measured
from suffice.forecasting.resolving import Resolution, resolve_target

N_RESAMPLES = 200
_LEAST_RESAMPLES = 20


def forecast(
    table: pd.DataFrame,
    *,
    target: float | None = None,
    given: int | None = None,
    level: float = 0.8,
    n_test: int | None = None,
    sd: float | None = None,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
    experience: Experience | None = None,
) -> Forecast:
    """Carry a learning curve on: what more labelled cases will bring, and how sure that is.

    Parameters
    ----------
    table : DataFrame
        Scores of one cohort, rung, label and metric: columns ``n_cases, draw, seed, value`` and,
        where each test subject has a row of its own, ``subject``. Values lie between 0 and 1.
    target : float, optional
        Score wanted.
    given : int, optional
        Cases that there are; the largest size in the table where not told.
    level : float
        How often intervals are to hold the truth.
    n_test : int, optional
        Test subjects, and
    sd : float, optional
        the standard deviation of their scores, where ``table`` does not tell them apart.
    n_resamples : int
        Curves drawn to say how sure the forecast is.
    seed : int
        Of the resamples.
    experience : Experience, optional
        What other curves have taught; that of our own library by default.

    Returns
    -------
    Forecast

    Raises
    ------
    UsageError
        If the table holds no curve, see `read_measured`, or an option makes no sense.

    Examples
    --------
    >>> scores = {2: 0.60, 4: 0.70, 8: 0.77}
    >>> rows = [
    ...     {"n_cases": n, "draw": draw, "seed": 0, "value": value + 0.01 * draw}
    ...     for n, value in scores.items()
    ...     for draw in range(3)
    ... ]
    >>> made = forecast(pd.DataFrame(rows), target=0.83)
    >>> made.value_at(16).low < 0.83 < made.value_at(64).high
    True
    """
    _check(level, n_resamples)
    measured = read_measured(table)
    known = shipped_experience() if experience is None else experience
    made = combine(measured, known, n_resamples=n_resamples, rng=np.random.default_rng(seed))
    found = _carried_on(measured, made, known, given=given, level=level)
    if target is None:
        return found
    resolution = _resolution(target, found, n_test, sd)
    return replace(found, needed=found.cases_for(target), resolution=resolution)


def _check(level: float, n_resamples: int) -> None:
    if not 0.0 < level < 1.0:
        raise UsageError("The level of an interval lies between 0 and 1", got=f"{level:g}")
    if n_resamples < _LEAST_RESAMPLES:
        raise UsageError("Too few resamples", got=n_resamples, expected=f"{_LEAST_RESAMPLES}")


def _carried_on(
    measured: Measured, made: Combination, known: Experience, *, given: int | None, level: float
) -> Forecast:
    """Forecast all sizes that can be asked for; no target yet."""
    n_cases = sizes_up_to(float(measured.n_cases[0]), OUT_OF_REACH * measured.largest)
    return Forecast(
        measured=measured,
        standard_errors=measured.standard_errors(known.noise),
        combination=made,
        n_cases=n_cases,
        expected=made.expected(n_cases),
        paths=made.paths(n_cases),
        given=measured.largest if given is None else given,
        level=level,
        cautions=find_cautions(measured, known.noise),
        needed=None,
        resolution=None,
        source=known.source,
    )


def _resolution(
    target: float, made: Forecast, n_test: int | None, sd: float | None
) -> Resolution | None:
    """Judge the test set by what was told of it, or by its subjects' own rows."""
    now = float(made.value_at(made.measured.largest).value)
    if n_test is not None and sd is not None:
        return resolve_target(target, now, n_test=n_test, sd=sd)
    means = _subjects(made.measured)
    if len(means) < 2:
        return None
    return resolve_target(target, now, n_test=len(means), sd=float(np.std(means, ddof=1)))


def _subjects(measured: Measured) -> list[float]:
    if measured.n_subjects < 2:
        return []
    return [float(mean) for mean in measured.subject_means() if math.isfinite(mean)]
