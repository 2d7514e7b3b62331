"""Take away what says who a scan is of."""

from suffice.privacy.audit import AUDIT_CSV, Audit, Record, finished, make_whole
from suffice.privacy.cleaning import Job, cleaner_for
from suffice.privacy.keys import Key, read_key, write_key
from suffice.privacy.leftovers import Leftover, leftovers
from suffice.privacy.options import CLEANED, DATES, PIXELS, RETAINED, Options
from suffice.privacy.refused import Refused
from suffice.privacy.survey import Entry, Survey, survey

__all__ = [
    "AUDIT_CSV",
    "CLEANED",
    "DATES",
    "PIXELS",
    "RETAINED",
    "Audit",
    "Entry",
    "Job",
    "Key",
    "Leftover",
    "Options",
    "Record",
    "Refused",
    "Survey",
    "cleaner_for",
    "finished",
    "leftovers",
    "make_whole",
    "read_key",
    "survey",
    "write_key",
]
