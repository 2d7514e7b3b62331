"""Shapes of learning curves: what is still wrong, against the number of labelled cases.

Every family is written with what the largest measured size says (the error there), what share of
that error no case takes away, and how fast the rest goes: numbers that mean the same on every
cohort, so that curves of other cohorts can say what to expect of them. All of them only rise.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit

FloatArray = npt.NDArray[np.float64]
Shape = Callable[[FloatArray, FloatArray], FloatArray]

_BEND = math.log(16.0)
"""Over how much of log n the slope of a piecewise power law changes: a factor of 16 in cases."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A family of curves in numbers without bounds of their own.

    Parameters
    ----------
    name : str
    parameters : tuple of str
        What its numbers are; the first is always the logit of the error at the reference size.
    low, high : tuple of float
        Box that fits are held to, wide enough for every curve that has been seen.
    starts : tuple of tuple of float
        Where fits begin, but for the first number, which the data give.
    error : callable
        Error of ``theta`` of shape (n, n_parameters) at ``log_ratio`` of shape (n_sizes,), the log
        of sizes over the reference size; shape (n, n_sizes).
    residue : callable
        Error with unlimited cases, of ``theta``; shape (n,).
    """

    name: str
    parameters: tuple[str, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    starts: tuple[tuple[float, ...], ...]
    error: Shape
    residue: Callable[[FloatArray], FloatArray]

    def value(self, theta: FloatArray, n_cases: npt.ArrayLike, reference: float) -> FloatArray:
        """Score that curves have at some numbers of cases.

        Parameters
        ----------
        theta : float array of shape (n, n_parameters)
        n_cases : array of shape (n_sizes,)
        reference : float
            Number of cases that the first parameter is about.

        Returns
        -------
        float array of shape (n, n_sizes)
            At most 1; below 0 where a curve is drawn further down than scores go.

        Examples
        --------
        >>> theta = np.array([[0.0, -20.0, 0.0]])  # half wrong with 8 cases, all of it goes, as 1/n
        >>> POWER.value(theta, [8, 16, 32], 8).round(3)
        array([[0.5  , 0.75 , 0.875]])
        """
        log_ratio = np.log(np.asarray(n_cases, dtype=np.float64) / reference)
        return 1.0 - self.error(theta, log_ratio)

    def asymptote(self, theta: FloatArray) -> FloatArray:
        """Score with unlimited cases; shape (n,)."""
        return 1.0 - self.residue(theta)


def _split(theta: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Error at the reference that stays, and that goes; shapes (n, 1)."""
    error = expit(theta[:, :1])
    share = expit(theta[:, 1:2])
    return error * share, error * (1.0 - share)


def _stays(theta: FloatArray) -> FloatArray:
    return _split(theta)[0][:, 0]


def _power(theta: FloatArray, log_ratio: FloatArray) -> FloatArray:
    stays, goes = _split(theta)
    return np.asarray(stays + goes * np.exp(-np.exp(theta[:, 2:3]) * log_ratio))


def _exponential(theta: FloatArray, log_ratio: FloatArray) -> FloatArray:
    stays, goes = _split(theta)
    return np.asarray(stays + goes * np.exp(-np.exp(theta[:, 2:3]) * np.expm1(log_ratio)))


def _log_logistic(theta: FloatArray, log_ratio: FloatArray) -> FloatArray:
    stays, goes = _split(theta)
    rate, half = np.exp(theta[:, 2:3]), theta[:, 3:4]
    at_reference = np.logaddexp(0.0, -rate * half)
    left = np.exp(at_reference - np.logaddexp(0.0, rate * (log_ratio - half)))
    return np.asarray(stays + goes * left)


def _piecewise(theta: FloatArray, log_ratio: FloatArray) -> FloatArray:
    late, early, bend = np.exp(theta[:, 1:2]), np.exp(theta[:, 2:3]), theta[:, 3:4]

    def log_error(behind: FloatArray) -> FloatArray:
        """Log of the error over that at the bend, so far (in log n) short of it."""
        bent = 0.5 * np.clip(behind / _BEND, 0.0, 1.0) ** 2 + np.maximum(behind / _BEND - 1.0, 0.0)
        return late * behind + (early - late) * _BEND * bent

    since = log_error(bend - log_ratio) - log_error(bend)
    return np.asarray(expit(theta[:, :1]) * np.exp(since))


def _nothing_stays(theta: FloatArray) -> FloatArray:
    return np.zeros(len(theta))


_LEVEL = (-9.0, 9.0)
_SHARE = (-7.0, 7.0)
_STAY = ("logit of the error at the reference", "logit of the share that stays")

POWER = Family(
    name="power",
    parameters=(*_STAY, "log of the exponent"),
    low=(_LEVEL[0], _SHARE[0], math.log(0.05)),
    high=(_LEVEL[1], _SHARE[1], math.log(6.0)),
    starts=((0.0, math.log(0.5)), (1.0, 0.4), (-2.0, math.log(0.2)), (2.0, 1.2)),
    error=_power,
    residue=_stays,
)
"""Power law with a floor: error = s + (e - s) (n / n0)^-c."""

EXPONENTIAL = Family(
    name="exponential",
    parameters=(*_STAY, "log of the rate in a reference's worth of cases"),
    low=(_LEVEL[0], _SHARE[0], math.log(0.02)),
    high=(_LEVEL[1], _SHARE[1], math.log(20.0)),
    starts=((0.0, 0.0), (1.0, 0.7), (-1.0, -1.5), (2.0, 1.5)),
    error=_exponential,
    residue=_stays,
)
"""Exponential plateau: error = s + (e - s) exp(-c (n / n0 - 1))."""

LOG_LOGISTIC = Family(
    name="log-logistic",
    parameters=(*_STAY, "log of the exponent", "log of the half-way size over the reference"),
    low=(_LEVEL[0], _SHARE[0], math.log(0.1), math.log(0.01)),
    high=(_LEVEL[1], _SHARE[1], math.log(8.0), math.log(20.0)),
    starts=((0.0, 0.0, -1.0), (1.0, 0.7, -2.0), (0.0, 1.0, 0.5), (2.0, 1.2, -0.7)),
    error=_log_logistic,
    residue=_stays,
)
"""Log-logistic, also called Morgan-Mercer-Flodin: flat at first, then a power law with a floor."""

PIECEWISE = Family(
    name="piecewise",
    parameters=(
        _STAY[0],
        "log of the late exponent",
        "log of the early exponent",
        "log of the bend's size over the reference",
    ),
    low=(_LEVEL[0], math.log(0.005), math.log(0.005), math.log(0.1)),
    high=(_LEVEL[1], math.log(4.0), math.log(4.0), math.log(10.0)),
    starts=((-1.5, -0.7, 0.0), (-0.7, -0.7, -1.0), (-2.5, 0.0, 0.7), (-0.5, -2.0, 0.0)),
    error=_piecewise,
    residue=_nothing_stays,
)
"""Piecewise power law: on log-log axes a parabola up to the bend, a straight line beyond."""

FAMILIES: dict[str, Family] = {
    family.name: family for family in (POWER, EXPONENTIAL, LOG_LOGISTIC, PIECEWISE)
}
