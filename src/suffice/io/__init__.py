"""Reading and writing images, masks and cohorts."""

from suffice.io.cohort_folder import read_cohort, write_cohort
from suffice.io.left_out import LeftOut

__all__ = ["LeftOut", "read_cohort", "write_cohort"]
