"""A distribution by its skewness, median and spread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

# The 5th percentile, rounded as the GLI rounds it.
LLN_Z = -1.645


@dataclass(frozen=True, slots=True, eq=False)
class Lms:
    """What healthy people of some age, sex and height reach.

    Parameters
    ----------
    skew, median, spread : float array of shape (n,)
        Box-Cox power, median in the unit of the measure and coefficient of variation.

    References
    ----------
    Cole and Green, Stat. Med. 1992, https://doi.org/10.1002/sim.4780111005

    Examples
    --------
    >>> healthy = Lms(np.array([1.0]), np.array([4.0]), np.array([0.1]))
    >>> float(healthy.z(np.array([3.6]))[0].round(3)), float(healthy.at(-1.0)[0].round(3))
    (-1.0, 3.6)
    """

    skew: FloatArray
    median: FloatArray
    spread: FloatArray

    def z(self, values: FloatArray) -> FloatArray:
        """How many standard deviations each value lies from the median."""
        share = np.asarray(values, np.float64) / self.median
        return np.asarray((share**self.skew - 1.0) / (self.skew * self.spread))

    def percent(self, values: FloatArray) -> FloatArray:
        """Each value in percent of the median."""
        return np.asarray(100.0 * np.asarray(values, np.float64) / self.median)

    def at(self, z: float = LLN_Z) -> FloatArray:
        """Value ``z`` standard deviations from the median; by default the lower limit of normal."""
        return np.asarray(
            self.median * (1.0 + z * self.skew * self.spread) ** (1.0 / self.skew), np.float64
        )
