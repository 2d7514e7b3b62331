"""Sizes over time: change beyond repeatability, slopes, the fate of single lesions. No torch."""

from suffice.tracking.changes import changes_of
from suffice.tracking.lesions import FATES, LEAST_CHANGE_PERCENT, Lesion, match_lesions
from suffice.tracking.registration import Alignment, Motion, align, onto_grid
from suffice.tracking.repeatability import (
    RC_FACTOR,
    Repeatability,
    estimate_repeatability,
    given_repeatability,
    repeatability_of,
)
from suffice.tracking.sizes import Sizes, one_source, sizes_of
from suffice.tracking.slopes import COHORT, Slope, slopes_of

__all__ = [
    "COHORT",
    "FATES",
    "LEAST_CHANGE_PERCENT",
    "RC_FACTOR",
    "Alignment",
    "Lesion",
    "Motion",
    "Repeatability",
    "Sizes",
    "Slope",
    "align",
    "changes_of",
    "estimate_repeatability",
    "given_repeatability",
    "match_lesions",
    "one_source",
    "onto_grid",
    "repeatability_of",
    "sizes_of",
    "slopes_of",
]
