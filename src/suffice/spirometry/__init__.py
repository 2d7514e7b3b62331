"""Spirometry: reference values, tables of tests, agreement with what scans measure. No torch."""

from suffice.spirometry.cautions import cautions_on
from suffice.spirometry.gli import (
    AGES_YEARS,
    DOI,
    GROUPS,
    MEASURED,
    REFERENCES,
    Measured,
    Reference,
    healthy_values,
)
from suffice.spirometry.interpreting import interpret_spirometry
from suffice.spirometry.lms import LLN_Z, Lms
from suffice.spirometry.pairing import MAX_GAP_DAYS, Pairs, pair_by_date
from suffice.spirometry.table import SpirometryTable, read_spirometry
from suffice.spirometry.two_methods import Agreement, Bounded, agreement_of, deming

__all__ = [
    "AGES_YEARS",
    "DOI",
    "GROUPS",
    "LLN_Z",
    "MAX_GAP_DAYS",
    "MEASURED",
    "REFERENCES",
    "Agreement",
    "Bounded",
    "Lms",
    "Measured",
    "Pairs",
    "Reference",
    "SpirometryTable",
    "agreement_of",
    "cautions_on",
    "deming",
    "healthy_values",
    "interpret_spirometry",
    "pair_by_date",
    "read_spirometry",
]
