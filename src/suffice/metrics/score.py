"""Every metric of one case, as rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from suffice.core import GeometryError, Grid, LabelError, Legend, UsageError
from suffice.metrics.overlap import Overlap, accuracy
from suffice.metrics.surface import surface_distances

WHOLE_CASE = "all"
"""Label of the metrics that regard a whole case rather than one structure."""


@dataclass(frozen=True, slots=True)
class Score:
    """One value of one metric for one structure of one case."""

    label: str
    metric: str
    value: float


def score_case(
    predicted: npt.NDArray[np.generic],
    reference: npt.NDArray[np.generic],
    grid: Grid,
    legend: Legend,
    *,
    nsd_tolerance_mm: float = 1.0,
) -> list[Score]:
    """Score a predicted mask against a reference, structure by structure.

    Parameters
    ----------
    predicted, reference : integer array of the shape of ``grid``
        Label values of ``legend``; 0 is background.
    grid : Grid
        Gives the spacing. For pictures of unknown spacing every length is in pixels and the
        metrics are named so (``hd95_px``, ``area_error_px``).
    legend : Legend
        The structures to score.
    nsd_tolerance_mm : float
        How far apart two surfaces may be to count as one, in mm (pixels where unknown).

    Returns
    -------
    list of Score
        For each label ``dice``, ``iou``, ``nsd``, ``hd95_mm``, ``assd_mm``, ``volume_error_ml``
        and ``volume_error_percent`` (for pictures ``area_error_mm2`` and
        ``area_error_percent``), the errors predicted minus reference; and the outcome as in the
        notes. For the label ``all`` the voxel ``accuracy``, to be shown beside Dice only.

    Raises
    ------
    GeometryError, LabelError, UsageError
        If the masks do not fit the grid, do not hold whole numbers, or the tolerance is below 0.

    Notes
    -----
    The policy for empty masks, with the outcome as 0 or 1 so that its mean is a rate:

    =========  =========  ============================  ========================================
    reference  predicted  outcome                       other metrics
    =========  =========  ============================  ========================================
    present    present    ``missed`` 0                  all
    present    empty      ``missed`` 1                  Dice, IoU, NSD 0; distances infinite
    empty      present    ``false`` 1, ``absent`` 0     Dice, IoU, NSD 0; distances, % infinite
    empty      empty      ``false`` 0, ``absent`` 1     none: there is nothing to overlap
    =========  =========  ============================  ========================================

    So ``missed`` has a row wherever the reference has the structure, ``false`` and ``absent``
    wherever it has not. Infinite values stay in the tables; summaries count them as undefined
    beside the mean.

    Examples
    --------
    >>> reference = np.zeros((8, 8), dtype=np.uint8)
    >>> reference[2:6, 2:6] = 1
    >>> legend = Legend.from_names({1: "cell"})
    >>> rows = score_case(reference, reference, Grid((8, 8)), legend)
    >>> [(row.metric, row.value) for row in rows][:4]
    [('missed', 0.0), ('dice', 1.0), ('iou', 1.0), ('nsd', 1.0)]
    """
    _check(predicted, reference, grid, nsd_tolerance_mm)
    boxes = _boxes(predicted, reference, legend)
    rows = []
    for label in legend:
        box = boxes.get(label.value)
        masks = (
            np.zeros((2, *(1,) * grid.ndim), dtype=bool)
            if box is None
            else np.stack([predicted[box] == label.value, reference[box] == label.value])
        )
        values = _structure_values(masks[0], masks[1], grid, nsd_tolerance_mm)
        rows += [Score(label.name, metric, value) for metric, value in values.items()]
    return [*rows, Score(WHOLE_CASE, "accuracy", accuracy(predicted, reference))]


def _check(
    predicted: npt.NDArray[np.generic],
    reference: npt.NDArray[np.generic],
    grid: Grid,
    nsd_tolerance_mm: float,
) -> None:
    for name, mask in (("predicted", predicted), ("reference", reference)):
        if mask.shape != grid.shape:
            raise GeometryError(
                f"The {name} mask does not fit the grid", got=mask.shape, expected=grid.shape
            )
        if mask.dtype.kind not in "iub":
            raise LabelError(f"The {name} mask must hold integers", got=mask.dtype)
    if not nsd_tolerance_mm >= 0:
        raise UsageError("The tolerance must be 0 or more", got=nsd_tolerance_mm)


def _boxes(
    predicted: npt.NDArray[np.generic], reference: npt.NDArray[np.generic], legend: Legend
) -> dict[int, tuple[slice, ...]]:
    """Box around each structure in either mask; absent ones are left out."""
    highest = max(legend.values)
    found = [
        ndimage.find_objects(mask.astype(np.uint8) if mask.dtype == bool else mask, highest)
        for mask in (predicted, reference)
    ]
    boxes = {}
    for value in legend.values:
        one, other = (objects[value - 1] for objects in found)
        if one and other:
            boxes[value] = tuple(
                slice(min(a.start, b.start), max(a.stop, b.stop))
                for a, b in zip(one, other, strict=True)
            )
        elif one or other:
            boxes[value] = one or other
    return boxes


def _structure_values(
    predicted: npt.NDArray[np.bool_],
    reference: npt.NDArray[np.bool_],
    grid: Grid,
    nsd_tolerance_mm: float,
) -> dict[str, float]:
    overlap = Overlap.of(predicted, reference)
    values = _outcome(overlap)
    if not (overlap.n_predicted or overlap.n_reference):
        return values
    length = "px" if grid.spacing_mm is None else "mm"
    values |= {"dice": overlap.dice, "iou": overlap.iou}
    if overlap.n_predicted and overlap.n_reference:
        distances = surface_distances(predicted, reference, grid.unit_spacing)
        values["nsd"] = distances.surface_dice(nsd_tolerance_mm)
        values[f"hd95_{length}"] = distances.hausdorff(95)
        values[f"assd_{length}"] = distances.average_symmetric()
    else:
        values |= {"nsd": 0.0, f"hd95_{length}": np.inf, f"assd_{length}": np.inf}
    size, unit, each = _size_of(grid)
    values[f"{size}_error_{unit}"] = overlap.n_excess * each
    values[f"{size}_error_percent"] = overlap.excess_percent
    return values


def _outcome(overlap: Overlap) -> dict[str, float]:
    if overlap.n_reference:
        return {"missed": float(not overlap.n_predicted)}
    false = float(overlap.n_predicted > 0)
    return {"false": false, "absent": 1.0 - false}


def _size_of(grid: Grid) -> tuple[str, str, float]:
    """What a voxel or pixel measures: quantity, unit and amount."""
    if grid.voxel_volume_ml is not None:
        return "volume", "ml", grid.voxel_volume_ml
    if grid.pixel_spacing_mm is not None:
        return "area", "mm2", grid.pixel_spacing_mm[0] * grid.pixel_spacing_mm[1]
    return "area", "px", 1.0
