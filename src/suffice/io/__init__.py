"""Read and write scans, masks and cohorts; imaging libraries load when a format needs them."""

from suffice.io.cases import (
    known_units,
    read_case_image,
    read_case_instances,
    read_case_mask,
    read_soft_mask,
)
from suffice.io.cohort_folder import read_cohort, write_cohort
from suffice.io.images import read_grid, read_image
from suffice.io.left_out import LeftOut
from suffice.io.masks import (
    mask_suffix_for,
    read_mask,
    read_mask_array,
    write_instances,
    write_mask,
    write_probabilities,
)
from suffice.io.objects.opening import open_drawn
from suffice.io.scans import Scan, find_scans
from suffice.io.write_image import write_image

__all__ = [
    "LeftOut",
    "Scan",
    "find_scans",
    "known_units",
    "mask_suffix_for",
    "open_drawn",
    "read_case_image",
    "read_case_instances",
    "read_case_mask",
    "read_cohort",
    "read_grid",
    "read_image",
    "read_mask",
    "read_mask_array",
    "read_soft_mask",
    "write_cohort",
    "write_image",
    "write_instances",
    "write_mask",
    "write_probabilities",
]
