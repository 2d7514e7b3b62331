"""What masks are drawn for: sizes, shapes, densities, uptake. No torch."""

from suffice.measure.chest_xray import measure_cardiothoracic
from suffice.measure.intensities import measure_intensities
from suffice.measure.lungs import (
    LungPart,
    further_lungs,
    lung_part,
    measure_density,
)
from suffice.measure.masks import Examined, examine_mask, measure_mask
from suffice.measure.rounding import rounding_interval
from suffice.measure.size import measure_shape, measure_size, size_unit, surface
from suffice.measure.soft import measure_soft_sizes
from suffice.measure.structure import Measure, Structure, structure_of, structures_of
from suffice.measure.uptake import measure_uptake, peaks

__all__ = [
    "Examined",
    "LungPart",
    "Measure",
    "Structure",
    "examine_mask",
    "further_lungs",
    "lung_part",
    "measure_cardiothoracic",
    "measure_density",
    "measure_intensities",
    "measure_mask",
    "measure_shape",
    "measure_size",
    "measure_soft_sizes",
    "measure_uptake",
    "peaks",
    "rounding_interval",
    "size_unit",
    "structure_of",
    "structures_of",
    "surface",
]
