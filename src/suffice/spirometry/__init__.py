"""Spirometry: reference values, tables of tests, agreement with what scans measure. No torch."""

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

__all__ = [
    "AGES_YEARS",
    "DOI",
    "GROUPS",
    "LLN_Z",
    "MEASURED",
    "REFERENCES",
    "Lms",
    "Measured",
    "Reference",
    "healthy_values",
    "interpret_spirometry",
]
