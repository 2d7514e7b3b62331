"""Change a year: of each subject, and of the cohort by a mixed-effects model."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import stdtrit

from suffice.tracking.repeatability import Repeatability
from suffice.tracking.sizes import Sizes

FloatArray = npt.NDArray[np.float64]

FEWEST_FOR_MODEL = 6
COHORT = "all"
_NORMAL = 1.959963984540054


@dataclass(frozen=True, slots=True, kw_only=True)
class Slope:
    """Change a year of one structure, of a subject or of the cohort (``all``).

    Parameters
    ----------
    subject, label : str
    slope, low, high : float
        In the unit of the size a year, with its 95 % interval.
    n_visits, n_subjects : int
    method : str
        How it was found.
    note : str
        Why there is no slope or no interval, or what it lacks.
    """

    subject: str
    label: str
    slope: float = np.nan
    low: float = np.nan
    high: float = np.nan
    n_visits: int
    n_subjects: int = 1
    method: str = ""
    note: str = ""


def slopes_of(sizes: Sizes, repeatability: Mapping[str, Repeatability]) -> list[Slope]:
    """Find the slope of every subject and of the cohort, for each structure.

    Parameters
    ----------
    sizes : Sizes
        Of one source a subject, see `one_source`.
    repeatability : dict of str to Repeatability
        By structure: tells the error of a slope from two visits.

    Returns
    -------
    list of Slope
        Of each structure the subjects, then the cohort.

    Notes
    -----
    A subject's slope is by least squares; from two visits its interval is that of a difference of
    two measurements, by the repeatability. The cohort's is the fixed effect of time in a linear
    mixed model with a random intercept of each subject, and a random slope where three or more
    visits allow it, by restricted maximum likelihood [1]_. With fewer than 6 subjects, or where
    the model is not found, it is the mean of the subjects' slopes with Student's interval, which
    is said.

    References
    ----------
    .. [1] Laird and Ware, Biometrics 1982, https://doi.org/10.2307/2529876
    """
    found = []
    for label, part in sizes.table.groupby("label", sort=False):
        known = repeatability.get(str(label))
        of_subjects = [
            _of_subject(str(subject), str(label), mine, known)
            for subject, mine in part.groupby("subject", sort=False)
        ]
        found += of_subjects
        if len(of_subjects) > 1:
            found.append(_of_cohort(str(label), part, of_subjects))
    return found


def _of_subject(subject: str, label: str, part: pd.DataFrame, known: Repeatability | None) -> Slope:
    about = {"subject": subject, "label": label, "n_visits": len(part)}
    years = part["years"].to_numpy(np.float64)
    values = part["value"].to_numpy(np.float64)
    if len(part) < 2:
        return Slope(**about, note="one visit")  # type: ignore[arg-type]
    if not np.isfinite(years).all():
        return Slope(**about, note="a visit has no date")  # type: ignore[arg-type]
    off = years - years.mean()
    spread = float(off @ off)
    if spread == 0:
        return Slope(**about, note="all visits are on one day")  # type: ignore[arg-type]
    slope = float(off @ values) / spread
    error, reach, note = np.nan, _NORMAL, ""
    if len(part) > 2:
        rest = values - values.mean() - slope * off
        degrees = len(part) - 2
        error = float(np.sqrt(rest @ rest / degrees / spread))
        reach = float(stdtrit(degrees, 0.975))
    elif known is not None:
        error = known.within_sd(float(values.mean())) / float(np.sqrt(spread))
    if not np.isfinite(error):
        note = "two visits tell no interval without a repeatability coefficient"
    return Slope(
        **about,  # type: ignore[arg-type]
        slope=slope,
        low=slope - reach * error,
        high=slope + reach * error,
        method="least squares" if len(part) > 2 else "two visits and the repeatability",
        note=note,
    )


def _of_cohort(label: str, part: pd.DataFrame, of_subjects: list[Slope]) -> Slope:
    usable = {one.subject for one in of_subjects if np.isfinite(one.slope)}
    mine = part[part["subject"].isin(usable)]
    if not usable:
        return Slope(
            subject=COHORT,
            label=label,
            n_visits=0,
            n_subjects=0,
            note="no subject has two dated visits",
        )
    if len(usable) < FEWEST_FOR_MODEL:
        why = f"{len(usable)} subjects are too few for a mixed model"
        return _mean_slope(label, mine, of_subjects, why)
    fitted = _mixed_model(mine)
    if fitted is None:
        return _mean_slope(label, mine, of_subjects, "the mixed model was not found")
    slope, error, method = fitted
    return Slope(
        subject=COHORT,
        label=label,
        slope=slope,
        low=slope - _NORMAL * error,
        high=slope + _NORMAL * error,
        n_visits=len(mine),
        n_subjects=len(usable),
        method=method,
        note="" if len(usable) >= 20 else f"{len(usable)} subjects: its interval is a bit narrow",
    )


def _mean_slope(label: str, part: pd.DataFrame, of_subjects: list[Slope], why: str) -> Slope:
    slopes = np.array([one.slope for one in of_subjects if np.isfinite(one.slope)])
    n = len(slopes)
    error = float(slopes.std(ddof=1)) / np.sqrt(n) if n > 1 else np.nan
    reach = float(stdtrit(max(n - 1, 1), 0.975)) * error
    mean = float(slopes.mean())
    return Slope(
        subject=COHORT,
        label=label,
        slope=mean,
        low=mean - reach,
        high=mean + reach,
        n_visits=len(part),
        n_subjects=n,
        method="mean of the subjects' slopes",
        note=why,
    )


def _mixed_model(part: pd.DataFrame) -> tuple[float, float, str] | None:
    """Slope, its standard error and the random effects; nothing where no model is found."""
    from statsmodels.regression.mixed_linear_model import MixedLM

    years = part["years"].to_numpy(np.float64)
    values = part["value"].to_numpy(np.float64)
    # In units of the spread: the optimiser is written for numbers of about 1.
    scale = float(values.std()) or 1.0
    fixed = np.column_stack([np.ones(len(years)), years])
    visits = part.groupby("subject")["case"].nunique()
    tries = [("a random intercept of each subject", fixed[:, :1])]
    if (visits >= 3).sum() >= FEWEST_FOR_MODEL:
        tries.insert(0, ("a random intercept and slope of each subject", fixed))
    for words, random in tries:
        with warnings.catch_warnings():
            # It warns of every boundary it meets; whether the result stands is asked below.
            warnings.simplefilter("ignore")
            try:
                model = MixedLM(values / scale, fixed, part["subject"].to_numpy(), random)
                fit = model.fit(reml=True, method=["lbfgs", "bfgs", "cg"])
            except (np.linalg.LinAlgError, ValueError, FloatingPointError):
                continue
            error = float(fit.bse_fe[1])
            variances = np.diag(np.atleast_2d(np.asarray(fit.cov_re, np.float64)))
        if fit.converged and np.isfinite(error) and error > 0 and _is_inside(variances, random):
            return (
                float(fit.fe_params[1]) * scale,
                error * scale,
                f"mixed-effects model with {words} (REML)",
            )
    return None


def _is_inside(variances: FloatArray, random: FloatArray) -> bool:
    """Whether a random slope is really there: one of no spread leaves too little of the error."""
    return random.shape[1] == 1 or bool((variances > 1e-8).all())
