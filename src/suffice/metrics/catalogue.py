"""The metrics that exist: what each measures, in which unit and range, and which way is better."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from suffice.core import Grid
from suffice.metrics.instance_values import INSTANCE_METRICS

Kind = Literal["overlap", "course", "surface", "size", "instances", "whole"]
Unit = Literal["share", "length", "size", "count"]
Better = Literal["higher", "lower", "near 0"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Parameters
    ----------
    name : str
        Without the unit, as a `Panel` takes it.
    kind : {'overlap', 'course', 'surface', 'size', 'instances', 'whole'}
        What it is worked out from: voxel counts, centrelines, surfaces, sizes, the pieces of
        both masks as instances, or the whole image with all its structures at once.
    unit : {'share', 'length', 'size', 'count'}
        Shares and counts have none; lengths are in mm, or pixels where the spacing is unknown;
        sizes have two rows, one in ml (mm2 or pixels for pictures) and one in percent of the
        reference.
    low : float
        The least value that it can have; the highest of a share is 1, else there is none.
    better : {'higher', 'lower', 'near 0'}
    """

    name: str
    kind: Kind
    unit: Unit
    low: float
    better: Better

    @property
    def high(self) -> float:
        """The highest value that it can have."""
        return 1.0 if self.unit == "share" else math.inf

    @property
    def best(self) -> float:
        """Its value for a perfect mask."""
        return 1.0 if self.better == "higher" else 0.0

    def row_names(self, grid: Grid) -> tuple[str, ...]:
        """Names of its rows, with the units that ``grid`` gives.

        Examples
        --------
        >>> METRICS["hd95"].row_names(Grid((4, 4)))
        ('hd95_px',)
        >>> METRICS["volume_error"].row_names(Grid.from_spacing((4, 4, 4), (1, 1, 2)))
        ('volume_error_ml', 'volume_error_percent')
        """
        if self.unit in ("share", "count"):
            return (self.name,)
        if self.unit == "length":
            return (f"{self.name}_{'px' if grid.spacing_mm is None else 'mm'}",)
        quantity, unit, _ = voxel_size(grid)
        stem = self.name.replace("volume", quantity)
        return f"{stem}_{unit}", f"{stem}_percent"


def voxel_size(grid: Grid) -> tuple[str, str, float]:
    """What a voxel or pixel measures: quantity, unit and amount."""
    if grid.voxel_volume_ml is not None:
        return "volume", "ml", grid.voxel_volume_ml
    if grid.pixel_spacing_mm is not None:
        return "area", "mm2", grid.pixel_spacing_mm[0] * grid.pixel_spacing_mm[1]
    return "area", "px", 1.0


UNITS = ("mm", "ml", "percent", "px", "mm2")
"""Units that end the name of a row."""


def split_unit(row_name: str) -> tuple[str, str]:
    """Part the name of a row from its unit; empty where it has none.

    Examples
    --------
    >>> split_unit("hd95_mm"), split_unit("volume_similarity")
    (('hd95', 'mm'), ('volume_similarity', ''))
    """
    stem, _, unit = row_name.rpartition("_")
    return (stem, unit) if stem and unit in UNITS else (row_name, "")


_OF_MASKS = (
    Metric("dice", "overlap", "share", 0.0, "higher"),
    Metric("iou", "overlap", "share", 0.0, "higher"),
    Metric("nsd", "surface", "share", 0.0, "higher"),
    Metric("cldice", "course", "share", 0.0, "higher"),
    Metric("sensitivity", "overlap", "share", 0.0, "higher"),
    Metric("precision", "overlap", "share", 0.0, "higher"),
    Metric("specificity", "overlap", "share", 0.0, "higher"),
    Metric("kappa", "overlap", "share", -1.0, "higher"),
    Metric("volume_similarity", "overlap", "share", 0.0, "higher"),
    Metric("hd95", "surface", "length", 0.0, "lower"),
    Metric("hd", "surface", "length", 0.0, "lower"),
    Metric("assd", "surface", "length", 0.0, "lower"),
    Metric("masd", "surface", "length", 0.0, "lower"),
    Metric("volume_error", "size", "size", -math.inf, "near 0"),
    Metric("accuracy", "whole", "share", 0.0, "higher"),
)

_OF_INSTANCES = tuple(
    Metric(name, "instances", "count", -math.inf, "near 0")
    if name == "count_error"
    else Metric(name, "instances", "share", 0.0, "higher")
    for name in INSTANCE_METRICS
)

METRICS = {metric.name: metric for metric in (*_OF_MASKS, *_OF_INSTANCES)}
"""Every metric by name, in the order of the tables."""

DEFAULT_METRICS = ("dice", "iou", "nsd", "hd95", "assd", "volume_error", "accuracy")
"""What is reported unless asked otherwise."""
