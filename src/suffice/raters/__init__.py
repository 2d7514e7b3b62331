"""Several raters of one scan: how far they agree, and one mask from theirs. No torch."""

from suffice.raters.agreement import Agreement, PairAgreement, StructureAgreement, agreement
from suffice.raters.ceiling import CeilingRow, ceiling
from suffice.raters.consensus import majority, soft_mean
from suffice.raters.duplicates import DuplicateRaters, find_duplicate_raters
from suffice.raters.fuse import Consensus, RaterStatistic, fuse

__all__ = [
    "Agreement",
    "CeilingRow",
    "Consensus",
    "DuplicateRaters",
    "PairAgreement",
    "RaterStatistic",
    "StructureAgreement",
    "agreement",
    "ceiling",
    "find_duplicate_raters",
    "fuse",
    "majority",
    "soft_mean",
]
