"""What masks are drawn for: volumes, areas, extents. No torch."""

from suffice.measure.masks import Measure, measure_mask

__all__ = ["Measure", "measure_mask"]
