"""Several raters of one scan: how far they agree, and one mask from theirs. No torch."""

from suffice.raters.adjudicate import Dispute, adjudicate
from suffice.raters.agreement import (
    Agreement,
    Comparison,
    PairAgreement,
    StructureAgreement,
    agreement,
)
from suffice.raters.ceiling import CeilingRow, ceiling
from suffice.raters.consensus import majority, soft_mean
from suffice.raters.duplicates import DuplicateRaters, find_duplicate_raters
from suffice.raters.fuse import METHODS, Consensus, Method, RaterStatistic, fuse, staple_consensus
from suffice.raters.icc import Icc, icc_2_1
from suffice.raters.kappa import fleiss_kappa, krippendorff_alpha
from suffice.raters.shape_based import shape_based_average
from suffice.raters.simple import SimpleResult, simple
from suffice.raters.staple import StapleResult, staple, staple_cohort

__all__ = [
    "METHODS",
    "Agreement",
    "CeilingRow",
    "Comparison",
    "Consensus",
    "Dispute",
    "DuplicateRaters",
    "Icc",
    "Method",
    "PairAgreement",
    "RaterStatistic",
    "SimpleResult",
    "StapleResult",
    "StructureAgreement",
    "adjudicate",
    "agreement",
    "ceiling",
    "find_duplicate_raters",
    "fleiss_kappa",
    "fuse",
    "icc_2_1",
    "krippendorff_alpha",
    "majority",
    "shape_based_average",
    "simple",
    "soft_mean",
    "staple",
    "staple_cohort",
    "staple_consensus",
]
