"""The total variation rung: evidence against the length of borders, at its global minimum."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from skimage import restoration

from suffice.core import Cohort
from suffice.segmenters.evidence import Evidence
from suffice.segmenters.postprocess import Cleaning
from suffice.segmenters.regularised import search_regularised, with_cleaning
from suffice.segmenters.searched import Arrays, SearchedSegmenter
from suffice.segmenters.searching import FloatArray, Sample, Search, View

_WEIGHTS = (1.0, 2.0, 4.0, 8.0, 16.0)
_CAPS = (2.0, 6.0)
_MOST_STEPS = 200
_TABLE = "table"


@dataclass(frozen=True, kw_only=True)
class EnergyParameters:
    """What a total variation model knows, beside its table.

    Parameters
    ----------
    n_channels : int
    evidence : Evidence
    weight : float
        What a voxel's width of border costs, in units of log odds.
    cap : float
        Largest log odds that one voxel may have.
    cleanings : tuple of Cleaning
        One for each structure.
    """

    n_channels: int
    evidence: Evidence
    weight: float
    cap: float
    cleanings: tuple[Cleaning, ...]


class TotalVariationSegmenter(SearchedSegmenter[EnergyParameters]):
    """The mask of least energy: log odds of what it leaves out, and the length of its border.

    Notes
    -----
    It is the energy that a graph cut minimises, but on space without a grid's preferred
    directions. Where a structure is against all else, the level sets of the Rudin-Osher-Fatemi
    minimiser are its global minima [1]_: log odds are denoised and cut at zero. Denoising stops
    after 200 steps, which is near the minimum for borders that cost up to a few units and short
    of it beyond. Of several structures, each voxel goes to that of the highest denoised odds.

    References
    ----------
    .. [1] Chambolle, EMMCVPR 2005, https://doi.org/10.1007/11585978_10
    """

    rung: ClassVar[str] = "total-variation"
    kind: ClassVar[type] = EnergyParameters
    most_structures: ClassVar[int] = 12
    most_voxels: ClassVar[Mapping[int, int]] = {2: 1 << 16, 3: 1 << 17}
    array_names: ClassVar[tuple[str, ...]] = (_TABLE,)

    def _search(
        self, samples: list[Sample], labelled: Cohort, search: Search
    ) -> tuple[EnergyParameters, Arrays]:
        found = search_regularised(
            samples,
            labelled,
            search,
            most_voxels=self.most_voxels[samples[0].classes.ndim],
            options=list(itertools.product(_WEIGHTS, _CAPS)),
            regularise=least_energy,
        )
        weight, cap = found.option
        parameters = EnergyParameters(
            n_channels=found.evidence.n_channels,
            evidence=found.evidence,
            weight=weight,
            cap=cap,
            cleanings=found.cleanings,
        )
        return parameters, {_TABLE: found.table}

    def _segment(self, view: View) -> tuple[npt.NDArray[np.uint8], FloatArray | None]:
        p = self.parameters_
        log_shares = p.evidence.log_shares(view, self._arrays[_TABLE])
        shares = least_energy(view, log_shares, p.evidence, (p.weight, p.cap))
        return with_cleaning(shares, p.cleanings, view)


def least_energy(
    view: View, log_shares: FloatArray, evidence: Evidence, option: tuple[float, float]
) -> FloatArray:
    """Probability of each class from its denoised odds; option is the weight and the cap."""
    shares = 1.0 / (1.0 + np.exp(-denoised_odds(log_shares, *option)))
    return np.asarray(shares / shares.sum(axis=0), dtype=np.float32)


def denoised_odds(log_shares: FloatArray, weight: float, cap: float) -> FloatArray:
    """Log odds of each class against all others, denoised by total variation.

    Parameters
    ----------
    log_shares : float32 array of shape (n_classes, *spatial)
        Logarithms of probabilities that add up to one.
    weight, cap : float
        As in `EnergyParameters`.

    Returns
    -------
    float32 array of the same shape
        Of two classes one is the other's negative.
    """
    others = np.log1p(-np.minimum(np.exp(log_shares), np.float32(1 - 1e-6)))
    odds = np.clip(log_shares - others, -cap, cap)
    if len(odds) == 2:
        one = _denoised(odds[1], weight)
        return np.stack([-one, one])
    return np.stack([_denoised(each, weight) for each in odds])


def _denoised(odds: FloatArray, weight: float) -> FloatArray:
    smooth = restoration.denoise_tv_chambolle(odds, weight=weight, max_num_iter=_MOST_STEPS)
    return np.asarray(smooth, dtype=np.float32)
