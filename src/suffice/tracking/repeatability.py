"""How much a size differs when nothing has changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy.special import chdtri

from suffice.core import UsageError
from suffice.tracking.sizes import DAYS_A_YEAR, Sizes

Kind = Literal["test-retest", "repeated masks", "given", "intervals", "unknown"]
RC_FACTOR = 1.96 * float(np.sqrt(2.0))
# Where the largest is more than twice the smallest, a share tells more than an amount.
_WIDE_RANGE = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeatability:
    """The repeatability coefficient of one structure.

    Two measurements of something unchanged differ by less than it 95 times in a hundred.

    Parameters
    ----------
    label : str
        The structure.
    kind : str
        Where it comes from: scans of one subject on one day (``test-retest``), several masks of
        one scan (``repeated masks``), the user (``given``), the interval of each size
        (``intervals``), or nowhere (``unknown``).
    amount, amount_low, amount_high : float
        In the unit of the size, with its 95 % interval.
    percent, percent_low, percent_high : float
        In percent of the size.
    in_percent : bool
        Whether changes are judged by the percentage.
    n_groups, degrees : int
        Groups of repeated measurements, and how many free differences they hold.
    """

    label: str
    kind: Kind
    amount: float = np.nan
    amount_low: float = np.nan
    amount_high: float = np.nan
    percent: float = np.nan
    percent_low: float = np.nan
    percent_high: float = np.nan
    in_percent: bool = False
    n_groups: int = 0
    degrees: int = 0

    def threshold(self, before: float, after: float) -> float:
        """How large a change from one size to another is noise at most."""
        return self.percent / 100.0 * (before + after) / 2 if self.in_percent else self.amount

    def within_sd(self, size: float) -> float:
        """Standard deviation of one measurement of something of a size."""
        return self.threshold(size, size) / RC_FACTOR


def repeatability_of(groups: Iterable[np.ndarray], label: str, kind: Kind) -> Repeatability:
    """Work out the coefficient from repeated measurements.

    Parameters
    ----------
    groups : iterable of float arrays
        Measurements of one unchanged thing each, at least two.
    label, kind : str

    Returns
    -------
    Repeatability

    Notes
    -----
    RC = 1.96 sqrt(2) wSD, with wSD the root of the mean variance within groups, weighted by their
    degrees of freedom; in percent by the coefficients of variation. Bounds are those of a
    variance, by chi squared [1]_.

    References
    ----------
    .. [1] Raunig et al. (QIBA), Stat. Methods Med. Res. 2015,
       https://doi.org/10.1177/0962280214537344

    Examples
    --------
    >>> pairs = [np.array([100.0, 102.0]), np.array([110.0, 109.0])]
    >>> found = repeatability_of(pairs, "lung", "test-retest")
    >>> round(found.amount, 2), round(found.percent, 2), found.degrees
    (3.1, 3.02, 2)
    """
    known = [np.asarray(group, np.float64) for group in groups]
    known = [group for group in known if len(group) > 1]
    if not known:
        return Repeatability(label=label, kind="unknown")
    weights = np.array([len(group) - 1 for group in known])
    degrees = int(weights.sum())
    means = np.array([group.mean() for group in known])
    variances = np.array([group.var(ddof=1) for group in known])
    amount = RC_FACTOR * float(np.sqrt((weights * variances).sum() / degrees))
    is_there = means > 0
    percent = np.nan
    if is_there.any():
        shares = variances[is_there] / means[is_there] ** 2
        percent = 100 * RC_FACTOR * float(np.sqrt(np.average(shares, weights=weights[is_there])))
    low, high = (float(np.sqrt(degrees / chdtri(degrees, p))) for p in (0.025, 0.975))
    positive = means[is_there]
    return Repeatability(
        label=label,
        kind=kind,
        amount=amount,
        amount_low=amount * low,
        amount_high=amount * high,
        percent=percent,
        percent_low=percent * low,
        percent_high=percent * high,
        in_percent=len(positive) > 1 and float(positive.max() / positive.min()) > _WIDE_RANGE,
        n_groups=len(known),
        degrees=degrees,
    )


def given_repeatability(text: str, label: str) -> Repeatability:
    """Read a coefficient as a person gives it: an amount, or a percentage with its sign.

    Examples
    --------
    >>> given_repeatability("12%", "lung").threshold(100, 100)
    12.0
    """
    try:
        value = float(text.strip().removesuffix("%"))
    except ValueError:
        value = np.nan
    if not (np.isfinite(value) and value > 0):
        raise UsageError(
            "The repeatability coefficient is no positive number",
            got=f"'{text}'",
            expected="e.g. 12 (in the unit of the size) or 5%",
        )
    if text.strip().endswith("%"):
        return Repeatability(label=label, kind="given", percent=value, in_percent=True)
    return Repeatability(label=label, kind="given", amount=value)


def estimate_repeatability(sizes: Sizes, *, retest_days: float = 0.0) -> list[Repeatability]:
    """Find what is repeated in a table, and the coefficient of each structure.

    Parameters
    ----------
    sizes : Sizes
        Of all sources.
    retest_days : float
        Scans of one subject that lie no further apart count as repeats.

    Returns
    -------
    list of Repeatability
        One a structure. Repeated scans tell more than repeated masks of one scan, which leave
        out the scanner and the patient; where there is neither, the intervals of the sizes do.
    """
    found = []
    for label, part in sizes.table.groupby("label", sort=False):
        name = str(label)
        for kind, groups in (
            ("test-retest", _retests(part, retest_days)),
            ("repeated masks", _repeated_masks(part)),
        ):
            one = repeatability_of(groups, name, kind)  # type: ignore[arg-type]
            if one.kind != "unknown":
                break
        if one.kind == "unknown" and (part["high"] > part["low"]).any():
            one = Repeatability(label=name, kind="intervals")
        found.append(one)
    return found


def _retests(part: pd.DataFrame, retest_days: float) -> list[np.ndarray]:
    """Scans of one subject by one source that follow each other within some days."""
    groups = []
    for _, mine in part[part["years"].notna()].groupby(["subject", "source"], sort=False):
        days = mine["years"].to_numpy(np.float64) * DAYS_A_YEAR
        # Half a day more: dates are whole days, and years a fraction of them.
        number = np.cumsum(np.diff(days, prepend=days[:1]) > retest_days + 0.5)
        groups += [group.to_numpy(np.float64) for _, group in mine["value"].groupby(number)]
    return groups


def _repeated_masks(part: pd.DataFrame) -> list[np.ndarray]:
    """Masks of one scan by several sources."""
    return [group.to_numpy(np.float64) for _, group in part.groupby("case", sort=False)["value"]]
