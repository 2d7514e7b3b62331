"""The total variation rung: evidence against the length of borders, near its global minimum."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from suffice.segmenters.evidence import Evidence
from suffice.segmenters.regularised import Option, RegularisedParameters, RegularisedSegmenter
from suffice.segmenters.searching import FloatArray, View
from suffice.segmenters.total_variation import denoised

_WEIGHTS = (1.0, 2.0, 4.0, 8.0, 16.0)
_CAPS = (2.0, 6.0)
# Log odds off the minimum, and where to stop short of it.
_ACCURACY, _MOST_STEPS = 0.03, 300


@dataclass(frozen=True, kw_only=True)
class EnergyParameters(RegularisedParameters):
    """What a total variation model knows, beside its table.

    Parameters
    ----------
    weight : float
        What a voxel's width of border costs, in units of log odds.
    cap : float
        Largest log odds that one voxel may have.
    """

    weight: float
    cap: float


class TotalVariationSegmenter(RegularisedSegmenter[EnergyParameters]):
    """The mask of least energy: log odds of what it leaves out, and the length of its border.

    Notes
    -----
    It is the energy that a graph cut minimises, where the length of a border is counted by
    Crofton's formula over the lines to 8 or 26 neighbours [1]_. Where a structure is against all
    else, the level sets of the Rudin-Osher-Fatemi minimiser are its global minima [2]_: log odds
    are denoised and cut at zero. Denoising stops within 0.03 of the minimiser (root mean square
    of log odds), or after 300 steps, which borders of high cost on noise may need more than. Of
    several structures, each voxel goes to that of the highest denoised odds.

    References
    ----------
    .. [1] Boykov and Kolmogorov, ICCV 2003, https://doi.org/10.1109/ICCV.2003.1238310
    .. [2] Chambolle, EMMCVPR 2005, https://doi.org/10.1007/11585978_10
    """

    rung: ClassVar[str] = "total-variation"
    kind: ClassVar[type] = EnergyParameters
    most_structures: ClassVar[int] = 12
    most_voxels: ClassVar[Mapping[int, int]] = {2: 1 << 16, 3: 1 << 17}
    options: ClassVar[tuple[Option, ...]] = tuple(itertools.product(_WEIGHTS, _CAPS))
    option_names: ClassVar[tuple[str, str]] = ("weight", "cap")

    @staticmethod
    def regularise(
        view: View, log_shares: FloatArray, evidence: Evidence, option: Option
    ) -> FloatArray:
        """Probability of each class from its denoised odds; option is the weight and the cap."""
        shares = 1.0 / (1.0 + np.exp(-denoised_odds(log_shares, *option, view.spacing)))
        return np.asarray(shares / shares.sum(axis=0), dtype=np.float32)


def denoised_odds(
    log_shares: FloatArray, weight: float, cap: float, spacing: Sequence[float] | None = None
) -> FloatArray:
    """Log odds of each class against all others, denoised by total variation.

    Parameters
    ----------
    log_shares : float32 array of shape (n_classes, *spatial)
        Logarithms of probabilities that add up to one.
    weight, cap : float
        As in `EnergyParameters`.
    spacing : sequence of float, optional
        By default the same along all axes.

    Returns
    -------
    float32 array of the same shape
        Of two classes one is the other's negative.
    """
    others = np.log1p(-np.minimum(np.exp(log_shares), np.float32(1 - 1e-6)))
    odds = np.clip(log_shares - others, -cap, cap)
    if len(odds) == 2:
        one = _smooth(odds[1], weight, spacing)
        return np.stack([-one, one])
    return np.stack([_smooth(each, weight, spacing) for each in odds])


def _smooth(odds: FloatArray, weight: float, spacing: Sequence[float] | None) -> FloatArray:
    return denoised(odds, weight, spacing=spacing, accuracy=_ACCURACY, most_steps=_MOST_STEPS)[0]
