"""How far raters agree on one case: a row for each structure and pair of raters."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Literal, TypedDict

import numpy as np

from suffice.core import Grid, Legend
from suffice.metrics import Overlap, surface_distances
from suffice.raters.votes import BoolArray, Masks, require_masks

State = Literal["both", "one", "neither"]


class Compared(TypedDict):
    """What two masks of one structure come to; the fields of `Comparison` but the names."""

    state: State
    dice: float
    iou: float
    nsd: float
    hd95: float
    assd: float
    size_difference: float
    length_unit: str
    size_unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two masks of one structure of one case.

    Parameters
    ----------
    case, subject, label : str
    state : {"both", "one", "neither"}
        Which of the two have the structure. Where neither has, they agree that it is absent,
        nothing can overlap, and the values below are not numbers: count such rows apart.
    dice, iou, nsd : float
        0 where only one of the two has it.
    hd95, assd : float
        In ``length_unit``; infinite where only one of the two has it.
    size_difference : float
        The second minus the first, in ``size_unit``.
    length_unit, size_unit : str
        ``mm`` or ``px``; ``ml``, ``mm2`` or ``px``.
    """

    case: str
    subject: str
    label: str
    state: State
    dice: float
    iou: float
    nsd: float
    hd95: float
    assd: float
    size_difference: float
    length_unit: str
    size_unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PairAgreement(Comparison):
    """Two raters' masks of one structure of one case, as in `Comparison`.

    Parameters
    ----------
    rater_a, rater_b : str
    size_a, size_b : float
        In ``size_unit``.
    """

    rater_a: str
    rater_b: str
    size_a: float
    size_b: float


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
        drawn = {rater: np.asarray(mask == label.value) for rater, mask in masks.items()}
        sizes = {rater: float(np.count_nonzero(mask)) * each for rater, mask in drawn.items()}
        for a, b in itertools.combinations(drawn, 2):
            pairs.append(
                PairAgreement(
                    case=case,
                    subject=subject,
                    label=label.name,
                    rater_a=a,
                    rater_b=b,
                    size_a=sizes[a],
                    size_b=sizes[b],
                    **compare(drawn[a], drawn[b], grid, nsd_tolerance_mm),
                )
            )
        structures.append(
            StructureAgreement(
                case=case,
                subject=subject,
                label=label.name,
                sizes=tuple(sizes.items()),
                size_unit=unit,
                yes_counts=_yes_counts(list(drawn.values())),
            )
        )
    return Agreement(tuple(pairs), tuple(structures))


def compare(a: BoolArray, b: BoolArray, grid: Grid, nsd_tolerance_mm: float) -> Compared:
    """Compare two masks of one structure."""
    overlap = Overlap.of(a, b)
    unit, each = size_unit(grid)
    states: tuple[State, ...] = ("neither", "one", "both")
    state = states[(overlap.n_predicted > 0) + (overlap.n_reference > 0)]
    nsd, hd95, assd = _distances(a, b, grid, nsd_tolerance_mm, state)
    return Compared(
        state=state,
        dice=overlap.dice,
        iou=overlap.iou,
        nsd=nsd,
        hd95=hd95,
        assd=assd,
        size_difference=(overlap.n_reference - overlap.n_predicted) * each,
        length_unit="px" if grid.spacing_mm is None else "mm",
        size_unit=unit,
    )


def _yes_counts(drawn: list[BoolArray]) -> tuple[int, ...]:
    yes = np.zeros(drawn[0].shape, dtype=np.uint16)
    for mask in drawn:
        yes += mask
    return tuple(int(n) for n in np.bincount(yes.ravel(), minlength=len(drawn) + 1))


def size_unit(grid: Grid) -> tuple[str, float]:
    """Unit of a structure's size on a grid, and the size of a voxel in it."""
    if grid.voxel_volume_ml is not None:
        return "ml", grid.voxel_volume_ml
    if grid.pixel_spacing_mm is not None:
        return "mm2", grid.pixel_spacing_mm[0] * grid.pixel_spacing_mm[1]
    return "px", 1.0


def _distances(
    a: BoolArray, b: BoolArray, grid: Grid, nsd_tolerance_mm: float, state: State
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
