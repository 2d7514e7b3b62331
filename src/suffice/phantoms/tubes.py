"""Tubes: bronchi and vessels, painted where they lie instead of over the whole volume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from suffice.phantoms.shapes import SamplePoints, capsule

Point = tuple[float, float, float]


@dataclass(frozen=True)
class Segment:
    """A tapered tube between two points, in mm; a ball where the points coincide."""

    start_mm: Point
    end_mm: Point
    radii_mm: tuple[float, float]


def share_in_tubes(
    points: SamplePoints, tubes: Sequence[Segment], *, wall_mm: float = 0.0
) -> npt.NDArray[np.float32]:
    """Share of each sample's volume that lies in any of the tubes, their walls included."""
    share = np.zeros(points.shape, np.float32)
    for tube in tubes:
        reach = max(tube.radii_mm) + wall_mm + points.step_mm
        ends = np.array([tube.start_mm, tube.end_mm])
        box = points.box_around(ends.min(0) - reach, ends.max(0) + reach)
        if box is None:
            continue
        apart = capsule(points.coordinates_mm(box), tube.start_mm, tube.end_mm, tube.radii_mm)
        np.maximum(share[box], points.share_inside(apart - wall_mm), out=share[box])
    return share
