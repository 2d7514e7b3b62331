"""Several plausible masks of one case: how alike two sets of them are, and how diverse each."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from suffice.core import GeometryError, UsageError

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
Form = Literal["biased", "unbiased"]

# Up to here each voxel's masks are the bits of one number, which a single count takes in.
_MAX_BITS = 16
_CHUNK_VOXELS = 1 << 20


@dataclass(frozen=True, eq=False)
class PlausibleMasks:
    """Distances 1 - IoU within and between a model's samples and the raters' masks of one case.

    Two empty masks agree that nothing is there: their distance is 0. An empty and another one
    are at distance 1. For several structures, take each by itself and average.

    Parameters
    ----------
    between : float array of shape (n_samples, n_references)
    within_samples : float array of shape (n_samples, n_samples)
    within_references : float array of shape (n_references, n_references)

    Examples
    --------
    >>> one, other = np.array([1, 1, 0, 0], bool), np.array([0, 1, 1, 0], bool)
    >>> masks = PlausibleMasks.of([one, other], [one, other])
    >>> masks.generalised_energy_distance(), round(masks.sample_diversity("unbiased"), 3)
    (0.0, 0.667)
    """

    between: FloatArray
    within_samples: FloatArray
    within_references: FloatArray

    @classmethod
    def of(cls, samples: Iterable[BoolArray], references: Iterable[BoolArray]) -> PlausibleMasks:
        """Compare all masks with each other, in one pass for up to 16 masks.

        Parameters
        ----------
        samples, references : iterable of bool array
            At least one each, all of one shape.

        Raises
        ------
        UsageError, GeometryError
            If a set has no mask, or shapes differ.
        """
        ours, theirs = list(samples), list(references)
        if not ours or not theirs:
            raise UsageError("Plausible masks need at least one mask on either side")
        distances = mask_distances([*ours, *theirs])
        n = len(ours)
        return cls(distances[:n, n:], distances[:n, :n], distances[n:, n:])

    def generalised_energy_distance(self, form: Form = "biased") -> float:
        """Squared generalised energy distance (GED) of the two sets, lower is better.

        Twice the mean distance between the sets, minus the mean distance within each.

        Parameters
        ----------
        form : str
            ``"biased"`` (V-statistic) takes each mask's distance 0 from itself into the means
            within: never negative, 0 for equal sets, and what the field reports [1]_; but few
            masks make it larger, so compare only among equal numbers. ``"unbiased"``
            (U-statistic) leaves it out: may be negative, needs two masks on either side.

        References
        ----------
        .. [1] Kohl et al., NeurIPS 2018, https://arxiv.org/abs/1806.05034
        .. [2] Szekely and Rizzo, J. Stat. Plan. Inference 2013,
           https://doi.org/10.1016/j.jspi.2013.03.018
        """
        within = _mean_within(self.within_samples, form) + _mean_within(
            self.within_references, form
        )
        return float(2 * self.between.mean() - within)

    def sample_diversity(self, form: Form = "biased") -> float:
        """Mean distance among the samples; see `generalised_energy_distance` for the form."""
        return _mean_within(self.within_samples, form)

    def reference_diversity(self, form: Form = "biased") -> float:
        """Mean distance among the references, which the samples' should come near."""
        return _mean_within(self.within_references, form)

    def matched_iou(self) -> float:
        """Mean IoU of the best one-to-one pairs of samples and references (Hungarian).

        Both sets are repeated to their least common multiple, so that each mask weighs the same.
        Two empty masks have IoU 1 here.

        References
        ----------
        .. [1] Kohl et al., 2019, https://arxiv.org/abs/1905.13077
        """
        n_samples, n_references = self.between.shape
        n = math.lcm(n_samples, n_references)
        table = np.repeat(self.between, n // n_samples, axis=0)
        table = np.repeat(table, n // n_references, axis=1)
        return float(1 - table[linear_sum_assignment(table)].mean())


def generalised_energy_distance(
    samples: Iterable[BoolArray], references: Iterable[BoolArray], form: Form = "biased"
) -> float:
    """Squared generalised energy distance of a model's samples and the raters' masks.

    See `PlausibleMasks.generalised_energy_distance`.
    """
    return PlausibleMasks.of(samples, references).generalised_energy_distance(form)


def sample_diversity(samples: Iterable[BoolArray], form: Form = "biased") -> float:
    """Mean distance 1 - IoU among masks; ``"unbiased"`` leaves out each mask's own 0."""
    return _mean_within(mask_distances(list(samples)), form)


def mask_distances(masks: list[BoolArray]) -> FloatArray:
    """Distance 1 - IoU of every pair of masks, two empty ones at 0.

    Parameters
    ----------
    masks : list of bool array of one shape

    Returns
    -------
    float array of shape (n, n)
    """
    if not masks:
        raise UsageError("Plausible masks need at least one mask")
    for mask in masks:
        if mask.shape != masks[0].shape:
            raise GeometryError(
                "Plausible masks differ in shape", got=mask.shape, expected=masks[0].shape
            )
        if mask.dtype != np.bool_:
            raise UsageError(
                "A plausible mask must hold bools", got=mask.dtype, cure="Give mask == label."
            )
    count = _shared_by_bits if len(masks) <= _MAX_BITS else _shared_by_products
    shared = count(masks)
    sizes = np.diag(shared)
    union = sizes[:, None] + sizes[None, :] - shared
    iou = np.divide(shared, union, out=np.ones_like(shared), where=union > 0)
    return np.asarray(1 - iou)


def _shared_by_bits(masks: list[BoolArray]) -> FloatArray:
    """Voxels shared by each pair, from how often each set of masks covers a voxel."""
    patterns = np.zeros(masks[0].shape, dtype=np.uint16)
    for bit, mask in enumerate(masks):
        patterns |= mask.astype(np.uint16) << np.uint16(bit)
    counts = np.bincount(patterns.ravel(), minlength=1)
    seen = np.flatnonzero(counts)
    bits = (seen[:, None] >> np.arange(len(masks)) & 1).astype(np.float64)
    return np.asarray((bits * counts[seen, None]).T @ bits)


def _shared_by_products(masks: list[BoolArray]) -> FloatArray:
    shared = np.zeros((len(masks), len(masks)))
    flat = [mask.ravel() for mask in masks]
    for start in range(0, flat[0].size, _CHUNK_VOXELS):
        # Sums of a chunk stay below 2**24, which float32 holds exactly.
        part = np.stack([mask[start : start + _CHUNK_VOXELS] for mask in flat]).astype(np.float32)
        shared += part @ part.T
    return shared


def _mean_within(distances: FloatArray, form: Form) -> float:
    n = len(distances)
    if form == "biased":
        return float(distances.mean())
    if form != "unbiased":
        raise UsageError("Unknown form", got=form, expected="biased or unbiased")
    if n < 2:
        raise UsageError(
            "The unbiased form needs two masks on either side", got=n, cure="Take 'biased'."
        )
    return float(distances.sum() / (n * (n - 1)))
