"""How far raters agree on one case: a row for each structure and pair of raters."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from suffice.core import Grid, Legend
from suffice.metrics import Overlap, surface_distances
from suffice.raters.votes import Masks, require_masks

State = Literal["both", "one", "neither"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairAgreement:
    """Two raters' masks of one structure of one case.

    Parameters
    ----------
    case, subject, label, rater_a, rater_b : str
    state : {"both", "one", "neither"}
        Who drew the structure. Where neither did they agree that it is absent, nothing can
        overlap, and the values below are not numbers: count such rows apart.
    dice, iou, nsd : float
        0 where only one of the two drew it.
    hd95, assd : float
        In ``length_unit``; infinite where only one of the two drew it.
    size_a, size_b, size_difference : float
        In ``size_unit``; the difference is b minus a.
    length_unit, size_unit : str
        ``mm`` or ``px``; ``ml``, ``mm2`` or ``px``.
    """

    case: str
    subject: str
    label: str
    rater_a: str
    rater_b: str
    state: State
    dice: float
    iou: float
    nsd: float
    hd95: float
    assd: float
    size_a: float
    size_b: float
    size_difference: float
    length_unit: str
    size_unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StructureAgreement:
    """All raters' masks of one structure of one case.

    Parameters
    ----------
    case, subject, label : str
    sizes : tuple of (str, float)
        Each rater's volume or area, in ``size_unit``; 0 for one who drew nothing.
    size_unit : str
    yes_counts : tuple of int
        Voxels to which 0, 1, ..., n raters gave the structure: what kappa and alpha need.
    """

    case: str
    subject: str
    label: str
    sizes: tuple[tuple[str, float], ...]
    size_unit: str
    yes_counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Agreement:
    """What raters agree on in one case."""

    pairs: tuple[PairAgreement, ...]
    structures: tuple[StructureAgreement, ...]


def agreement(
    masks: Masks,
    grid: Grid,
    legend: Legend,
    *,
    case: str = "",
    subject: str = "",
    nsd_tolerance_mm: float = 1.0,
) -> Agreement:
    """Compare every two raters of one case.

    Parameters
    ----------
    masks : mapping of str to integer array of the shape of ``grid``
        Rater to mask, see `fuse`.
    grid : Grid
        For pictures without a spacing, lengths and areas are in pixels.
    legend : Legend
    case, subject : str
        Go into the rows as they are.
    nsd_tolerance_mm : float
        In mm (pixels where the spacing is unknown).

    Returns
    -------
    Agreement

    Examples
    --------
    >>> anna = np.zeros((8, 8), dtype=np.uint8)
    >>> anna[2:6, 2:6] = 1
    >>> ben = np.roll(anna, 1, axis=1)
    >>> legend = Legend.from_names({1: "cell"})
    >>> found = agreement({"anna": anna, "ben": ben}, Grid((8, 8)), legend)
    >>> [(row.rater_a, row.rater_b, row.dice) for row in found.pairs]
    [('anna', 'ben', 0.75)]
    >>> found.structures[0].yes_counts
    (44, 8, 12)
    """
    require_masks(masks, grid.shape)
    pairs: list[PairAgreement] = []
    structures = []
    unit, each = size_unit(grid)
    for label in legend:
        drawn = {rater: mask == label.value for rater, mask in masks.items()}
        for a, b in itertools.combinations(drawn, 2):
            pairs.append(
                compare(drawn[a], drawn[b], grid, nsd_tolerance_mm, case, subject, label.name, a, b)
            )
        yes = np.sum([d.astype(np.uint16) for d in drawn.values()], axis=0)
        counts = np.bincount(yes.ravel(), minlength=len(drawn) + 1)
        structures.append(
            StructureAgreement(
                case=case,
                subject=subject,
                label=label.name,
                sizes=tuple((r, float(np.count_nonzero(d)) * each) for r, d in drawn.items()),
                size_unit=unit,
                yes_counts=tuple(int(n) for n in counts),
            )
        )
    return Agreement(tuple(pairs), tuple(structures))


def compare(
    a: npt.NDArray[np.bool_],
    b: npt.NDArray[np.bool_],
    grid: Grid,
    nsd_tolerance_mm: float,
    case: str,
    subject: str,
    label: str,
    rater_a: str,
    rater_b: str,
) -> PairAgreement:
    """Compare two raters' masks of one structure."""
    overlap = Overlap.of(a, b)
    present = (overlap.n_predicted > 0) + (overlap.n_reference > 0)
    state: State = ("neither", "one", "both")[present]
    unit, each = size_unit(grid)
    nsd, hd95, assd = _distances(a, b, grid, nsd_tolerance_mm, state)
    return PairAgreement(
        case=case,
        subject=subject,
        label=label,
        rater_a=rater_a,
        rater_b=rater_b,
        state=state,
        dice=overlap.dice,
        iou=overlap.iou,
        nsd=nsd,
        hd95=hd95,
        assd=assd,
        size_a=overlap.n_predicted * each,
        size_b=overlap.n_reference * each,
        size_difference=-overlap.n_excess * each,
        length_unit="px" if grid.spacing_mm is None else "mm",
        size_unit=unit,
    )


def size_unit(grid: Grid) -> tuple[str, float]:
    """Unit of a structure's size on a grid, and the size of a voxel in it."""
    if grid.voxel_volume_ml is not None:
        return "ml", grid.voxel_volume_ml
    if grid.pixel_spacing_mm is not None:
        return "mm2", grid.pixel_spacing_mm[0] * grid.pixel_spacing_mm[1]
    return "px", 1.0


def _distances(
    a: npt.NDArray[np.bool_],
    b: npt.NDArray[np.bool_],
    grid: Grid,
    nsd_tolerance_mm: float,
    state: State,
) -> tuple[float, float, float]:
    if state == "neither":
        return float("nan"), float("nan"), float("nan")
    if state == "one":
        return 0.0, float("inf"), float("inf")
    found = surface_distances(a, b, grid.unit_spacing)
    return (
        found.surface_dice(nsd_tolerance_mm),
        found.hausdorff(95),
        found.average_symmetric(),
    )
