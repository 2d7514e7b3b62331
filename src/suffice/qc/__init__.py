"""Findings about a cohort, before a model learns its mistakes."""

from suffice.qc.check import check_cohort, labelled_duplicates, labelled_in_part
from suffice.qc.finding import KINDS, SEVERITIES, Finding, Kind, Severity

__all__ = [
    "KINDS",
    "SEVERITIES",
    "Finding",
    "Kind",
    "Severity",
    "check_cohort",
    "labelled_duplicates",
    "labelled_in_part",
]
