"""What masks are drawn for: volumes, areas, extents. No torch."""

from suffice.measure.masks import Measure, expected_volume_ml, measure_mask

__all__ = ["Measure", "expected_volume_ml", "measure_mask"]
