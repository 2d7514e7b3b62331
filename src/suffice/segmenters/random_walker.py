"""The random walker rung: sure voxels are seeds, the others go to whom a walker meets first."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from skimage import segmentation

from suffice.segmenters.evidence import Evidence
from suffice.segmenters.regularised import Option, RegularisedParameters, RegularisedSegmenter
from suffice.segmenters.searching import FloatArray, View

_CERTAINTIES = (0.8, 0.9, 0.95, 0.99)
_BETAS = (10.0, 100.0, 1000.0)
_TOLERANCE = 1e-3


@dataclass(frozen=True, kw_only=True)
class RandomWalkerParameters(RegularisedParameters):
    """What a random walker model knows, beside its table.

    Parameters
    ----------
    certainty : float
        Probability, by brightness and place, above which a voxel is a seed.
    beta : float
        How hard it is to walk across an edge.
    """

    certainty: float
    beta: float


class RandomWalkerSegmenter(RegularisedSegmenter[RandomWalkerParameters]):
    """Seeds where brightness and place leave no doubt, and a random walk for the rest.

    Notes
    -----
    Large scans are sampled down to some 30,000 pixels or 65,000 voxels, as the walk is the
    solution of an equation for each voxel; probabilities are brought back to the scan's grid.

    References
    ----------
    .. [1] Grady, IEEE TPAMI 2006, https://doi.org/10.1109/TPAMI.2006.233
    """

    rung: ClassVar[str] = "random-walker"
    kind: ClassVar[type] = RandomWalkerParameters
    most_structures: ClassVar[int] = 8
    most_voxels: ClassVar[Mapping[int, int]] = {2: 1 << 15, 3: 1 << 16}
    options: ClassVar[tuple[Option, ...]] = tuple(itertools.product(_CERTAINTIES, _BETAS))
    option_names: ClassVar[tuple[str, str]] = ("certainty", "beta")

    @staticmethod
    def regularise(
        view: View, log_shares: FloatArray, evidence: Evidence, option: Option
    ) -> FloatArray:
        """See `walk`."""
        return walk(view, log_shares, evidence, option)


def walk(view: View, log_shares: FloatArray, evidence: Evidence, option: Option) -> FloatArray:
    """Probability that a walker from each voxel meets a class's seeds first.

    Parameters
    ----------
    view : View
    log_shares : float32 array of shape (n_classes, *spatial)
    evidence : Evidence
        Whose first brightness is walked on.
    option : (float, float)
        Certainty and beta, as in `RandomWalkerParameters`.

    Returns
    -------
    float32 array of the same shape
        The evidence itself where fewer than two classes have seeds.
    """
    certainty, beta = option
    shares = np.exp(log_shares)
    seeds = np.where(shares.max(axis=0) >= certainty, shares.argmax(axis=0) + 1, 0)
    known = np.unique(seeds[seeds > 0])
    if len(known) < 2 or not (seeds == 0).any():
        return np.asarray(shares, dtype=np.float32)
    renumbered = np.searchsorted(known, seeds) + 1
    renumbered[seeds == 0] = 0
    brightness = evidence.first.of(view, 0)
    with warnings.catch_warnings():
        # Seeds that are enclosed by others are said to be so; there are always some.
        warnings.simplefilter("ignore")
        met = segmentation.random_walker(
            brightness,
            renumbered,
            beta=beta,
            mode="cg_j",
            tol=_TOLERANCE,
            spacing=np.asarray(view.spacing) / min(view.spacing),
            return_full_prob=True,
        )
    out = np.zeros_like(shares, dtype=np.float32)
    out[known - 1] = np.clip(met, 0, 1)
    total = out.sum(axis=0)
    return np.where(total > 0, out / np.maximum(total, 1e-6), shares).astype(np.float32)
