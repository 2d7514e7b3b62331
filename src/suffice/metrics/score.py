"""Every metric of one case, as rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from suffice.core import GeometryError, Grid, LabelError, Legend
from suffice.metrics.boxes import structure_boxes
from suffice.metrics.catalogue import Metric, voxel_size
from suffice.metrics.instance_values import instance_values, instances_in
from suffice.metrics.instances import InstanceOverlaps
from suffice.metrics.overlap import Overlap, accuracy
from suffice.metrics.panel import Panel
from suffice.metrics.surface import SurfaceDistances, surface_distances
from suffice.metrics.tubular import cl_dice

BoolArray = npt.NDArray[np.bool_]
InstanceMap = npt.NDArray[np.integer[Any]]

WHOLE_CASE = "all"
"""Label of the metrics that regard a whole case rather than one structure."""

OUTCOMES = ("missed", "false", "absent")
"""Metrics that say which mask lacks a structure, 0 or 1."""

_SURFACE: dict[str, Callable[[SurfaceDistances, float], float]] = {
    "nsd": SurfaceDistances.surface_dice,
    "hd95": lambda distances, _: distances.hausdorff(95),
    "hd": lambda distances, _: distances.hausdorff(),
    "assd": lambda distances, _: distances.average_symmetric(),
    "masd": lambda distances, _: distances.mean_average(),
}


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
    panel: Panel | None = None,
    predicted_instances: InstanceMap | None = None,
    reference_instances: InstanceMap | None = None,
    unlabelled: BoolArray | None = None,
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
    panel : Panel, optional
        The metrics, the tolerance and what holds for empty masks; nothing else is computed. By
        default Dice, IoU, NSD at 1 mm, HD95, ASSD, the volume error and the accuracy.
    predicted_instances, reference_instances : integer array of the shape of ``grid``, optional
        A number for each object, for the metrics of instances; by default the connected
        components of each structure are its objects.
    unlabelled : bool array of the shape of ``grid``, optional
        Voxels that the reference says nothing of, whatever stands there. They are left out of
        counts of voxels; of surfaces, sizes, courses and objects that they may cut, and of a
        structure that neither mask has elsewhere, there is no row.

    Returns
    -------
    list of Score
        For each label the outcome, see `EmptyPolicy`, and the metrics of the panel; sizes as
        ``volume_error_ml`` and ``volume_error_percent`` (for pictures ``area_error_mm2`` and
        ``area_error_percent``), predicted minus reference. For the label ``all`` the voxel
        ``accuracy``, to be shown beside Dice only.

    Raises
    ------
    GeometryError, LabelError
        If the masks do not fit the grid or do not hold whole numbers.

    Examples
    --------
    >>> reference = np.zeros((8, 8), dtype=np.uint8)
    >>> reference[2:6, 2:6] = 1
    >>> legend = Legend.from_names({1: "cell"})
    >>> rows = score_case(reference, reference, Grid((8, 8)), legend)
    >>> [(row.metric, row.value) for row in rows][:4]
    [('missed', 0.0), ('dice', 1.0), ('iou', 1.0), ('nsd', 1.0)]
    """
    panel = panel or Panel.default()
    _check(predicted, reference, grid)
    n_voxels = reference.size
    if unlabelled is not None:
        predicted, reference = (np.where(unlabelled, 0, mask) for mask in (predicted, reference))
        n_voxels -= int(np.count_nonzero(unlabelled))
    told = (predicted_instances, reference_instances)
    in_part = unlabelled is not None
    rows: list[Score] = []
    for label, pair in _pairs(predicted, reference, grid, legend, told, n_voxels):
        rows += _structure_rows(label, pair, panel, in_part=in_part)
    if panel.needs("whole"):
        rows.append(Score(WHOLE_CASE, "accuracy", _accuracy(predicted, reference, n_voxels)))
    return rows


def _pairs(
    predicted: npt.NDArray[np.generic],
    reference: npt.NDArray[np.generic],
    grid: Grid,
    legend: Legend,
    told: tuple[InstanceMap | None, InstanceMap | None],
    n_voxels: int,
) -> Iterator[tuple[str, _Pair]]:
    """Cut out each structure of a legend, with its name."""
    boxes = structure_boxes([predicted, reference], legend)
    for label in legend:
        box = boxes[label.value]
        numbers = tuple(None if each is None else each[box] for each in told)
        drawn = (predicted[box] == label.value, reference[box] == label.value)
        yield label.name, _Pair(*drawn, grid, numbers, n_voxels)


def _structure_rows(name: str, pair: _Pair, panel: Panel, *, in_part: bool) -> list[Score]:
    """Score one structure; nothing where a reference that labels a part tells nothing of it."""
    if in_part and not pair.overlap.n_predicted + pair.overlap.n_reference:
        return []
    values = _outcome(pair.overlap) | dict(_values(pair, panel, by_counts=in_part))
    return [Score(name, metric, value) for metric, value in values.items()]


def _accuracy(
    predicted: npt.NDArray[np.generic], reference: npt.NDArray[np.generic], n_labelled: int
) -> float:
    """Share of the labelled voxels that agree; where nothing is labelled both masks are 0."""
    whole = accuracy(predicted, reference)
    if n_labelled == reference.size:
        return whole
    return 1 - (1 - whole) * reference.size / max(n_labelled, 1)


def _check(
    predicted: npt.NDArray[np.generic], reference: npt.NDArray[np.generic], grid: Grid
) -> None:
    for name, mask in (("predicted", predicted), ("reference", reference)):
        if mask.shape != grid.shape:
            raise GeometryError(
                f"The {name} mask does not fit the grid", got=mask.shape, expected=grid.shape
            )
        if mask.dtype.kind not in "iub":
            raise LabelError(f"The {name} mask must hold integers", got=mask.dtype)


class _Pair:
    """One structure in both masks, cut to the box around it."""

    def __init__(
        self,
        predicted: BoolArray,
        reference: BoolArray,
        grid: Grid,
        told: tuple[InstanceMap | None, ...],
        n_voxels: int,
    ) -> None:
        self.predicted, self.reference, self.grid, self.told = predicted, reference, grid, told
        self.overlap = Overlap.of(predicted, reference, n_voxels)

    @property
    def is_one_sided(self) -> bool:
        """Whether a mask is empty, so that no surface or course is there to compare."""
        return not (self.overlap.n_predicted and self.overlap.n_reference)


def _values(pair: _Pair, panel: Panel, *, by_counts: bool) -> Iterator[tuple[str, float]]:
    """Names and values of the rows of a structure, as the policy has them.

    With ``by_counts`` those alone that are worked out from counts of voxels.
    """
    rule = panel.empty.rule_for(pair.overlap)
    if rule == "leave":
        return
    metrics = [m for m in panel.metrics if m.kind == "overlap" or not by_counts]
    found = {} if rule == "perfect" else _counted(pair, panel, metrics)
    for metric in metrics:
        if metric.kind == "whole":
            continue
        names = metric.row_names(pair.grid)
        values = found.get(metric.name, (metric.best,) * len(names))
        for name, value in zip(names, values, strict=True):
            if not math.isnan(value):
                yield name, value


def _counted(pair: _Pair, panel: Panel, metrics: Sequence[Metric]) -> dict[str, tuple[float, ...]]:
    """Return the values of each metric by its formula; what has none is not a number."""
    values: dict[str, tuple[float, ...]] = {}
    distances = None
    kinds = {metric.kind for metric in metrics}
    if "surface" in kinds and not pair.is_one_sided:
        distances = surface_distances(
            pair.predicted, pair.reference, pair.grid.unit_spacing, definition=panel.surface
        )
    instances: dict[str, float] = {}
    if "instances" in kinds:
        masks = (pair.predicted, pair.reference)
        maps = (instances_in(m, told) for m, told in zip(masks, pair.told, strict=True))
        instances = instance_values(InstanceOverlaps.of(*maps))
    for metric in metrics:
        if metric.kind == "overlap":
            values[metric.name] = (getattr(pair.overlap, metric.name),)
        elif metric.kind == "size":
            each = voxel_size(pair.grid)[2]
            values[metric.name] = (pair.overlap.n_excess * each, pair.overlap.excess_percent)
        elif metric.kind == "course":
            values[metric.name] = (cl_dice(pair.predicted, pair.reference),)
        elif metric.kind == "instances":
            values[metric.name] = (instances[metric.name],)
        elif metric.kind == "surface" and distances is not None:
            values[metric.name] = (_SURFACE[metric.name](distances, panel.nsd_tolerance_mm),)
        elif metric.kind == "surface":
            far = 0.0 if metric.unit == "share" else _farthest(pair.grid, panel)
            values[metric.name] = (far,)
    return values


def _farthest(grid: Grid, panel: Panel) -> float:
    """Distance to a structure that is not there."""
    if panel.empty.farthest == "infinite":
        return math.inf
    return math.hypot(*(n * step for n, step in zip(grid.shape, grid.unit_spacing, strict=True)))


def _outcome(overlap: Overlap) -> dict[str, float]:
    if overlap.n_reference:
        return {"missed": float(not overlap.n_predicted)}
    false = float(overlap.n_predicted > 0)
    return {"false": false, "absent": 1.0 - false}
