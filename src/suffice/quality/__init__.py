"""How good a mask is, where nobody drew the true one. No torch."""

from suffice.quality.changes import changed_image, changed_images
from suffice.quality.conformal import LEVELS, least_subjects, lower_bound
from suffice.quality.doubts import DOUBTS, Doubts, doubts_about
from suffice.quality.judge import LEAST_SUBJECTS, MEAN, Estimate, HeldBack, Judge
from suffice.quality.likeness import Likeness
from suffice.quality.store import QUALITY, Quality, doubts_of, read_quality, rounded, write_quality
from suffice.quality.traits import CaseTraits, StructureTraits, case_traits
from suffice.quality.volumes import VolumeErrors, VolumeInterval

__all__ = [
    "DOUBTS",
    "LEAST_SUBJECTS",
    "LEVELS",
    "MEAN",
    "QUALITY",
    "CaseTraits",
    "Doubts",
    "Estimate",
    "HeldBack",
    "Judge",
    "Likeness",
    "Quality",
    "StructureTraits",
    "VolumeErrors",
    "VolumeInterval",
    "case_traits",
    "changed_image",
    "changed_images",
    "doubts_about",
    "doubts_of",
    "least_subjects",
    "lower_bound",
    "read_quality",
    "rounded",
    "write_quality",
]
