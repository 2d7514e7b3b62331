"""The human ceiling: how well each rater does against the consensus of the others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from suffice.core import Grid, Legend
from suffice.raters.agreement import State, compare
from suffice.raters.fuse import Method, fuse
from suffice.raters.votes import Masks, require_masks


@dataclass(frozen=True, slots=True, kw_only=True)
class CeilingRow:
    """One rater against the consensus of the others, for one structure of one case.

    Parameters
    ----------
    case, subject, label, rater : str
    n_others : int
        Raters in the consensus.
    state : {"both", "one", "neither"}
        Whether the rater and the others have the structure, see `PairAgreement`.
    dice, iou, nsd, hd95, assd : float
        As there.
    size_difference : float
        Rater minus consensus, in ``size_unit``.
    length_unit, size_unit : str
    """

    case: str
    subject: str
    label: str
    rater: str
    n_others: int
    state: State
    dice: float
    iou: float
    nsd: float
    hd95: float
    assd: float
    size_difference: float
    length_unit: str
    size_unit: str


def ceiling(
    masks: Masks,
    grid: Grid,
    legend: Legend,
    *,
    method: Method = "majority",
    case: str = "",
    subject: str = "",
    nsd_tolerance_mm: float = 1.0,
) -> tuple[CeilingRow, ...]:
    """Hold each rater of one case against the consensus of the others.

    Parameters
    ----------
    masks : mapping of str to integer array of the shape of ``grid``
        Rater to mask, see `fuse`. One rater alone gives no rows.
    grid : Grid
    legend : Legend
    method : str
        How the others are fused, see `fuse`. With two raters the consensus is the other's mask;
        with three, the majority of the other two is what both drew, see the rule for ties of
        `majority`.
    case, subject : str
        Go into the rows as they are.
    nsd_tolerance_mm : float
        In mm (pixels where the spacing is unknown).

    Returns
    -------
    tuple of CeilingRow
        A row for each rater and structure.
    """
    require_masks(masks, grid.shape)
    rows = []
    for rater, mask in masks.items():
        others = {name: m for name, m in masks.items() if name != rater}
        if not others:
            continue
        consensus = fuse(others, grid, legend, method).labels
        for label in legend:
            pair = compare(
                consensus == label.value,
                np.asarray(mask == label.value),
                grid,
                nsd_tolerance_mm,
                case,
                subject,
                label.name,
                "consensus",
                rater,
            )
            rows.append(
                CeilingRow(
                    case=case,
                    subject=subject,
                    label=label.name,
                    rater=rater,
                    n_others=len(others),
                    state=pair.state,
                    dice=pair.dice,
                    iou=pair.iou,
                    nsd=pair.nsd,
                    hd95=pair.hd95,
                    assd=pair.assd,
                    size_difference=pair.size_difference,
                    length_unit=pair.length_unit,
                    size_unit=pair.size_unit,
                )
            )
    return tuple(rows)
