"""One person under several names."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from suffice.core import Cohort
from suffice.qc.finding import Finding


def similar_subject_names(cohort: Cohort) -> Iterator[Finding]:
    """Find subjects whose names differ only in case, leading zeros or separators."""
    alike: dict[str, list[str]] = defaultdict(list)
    for subject in cohort.subjects:
        alike[plain_name(subject)].append(subject)
    for subjects in alike.values():
        if len(subjects) > 1:
            listed = ", ".join(f"'{subject}'" for subject in subjects)
            yield Finding(
                kind="similar-subject-names",
                severity="warning",
                cases=tuple(case.name for case in cohort.cases if case.subject in subjects),
                message=f"{listed} may be one subject",
                cure="If so, write one name in the column 'subject' of cases.csv.",
            )


def plain_name(name: str) -> str:
    """Strip a name of case, leading zeros and separators, but for those between numbers.

    Examples
    --------
    >>> plain_name("Patient_007") == plain_name("patient-7")
    True
    >>> plain_name("1_12") == plain_name("11_2")
    False
    """
    plain = re.sub(r"[\s_.\-]+", "-", name.casefold()).strip("-")
    plain = re.sub(r"(?<!\d)0+(?=\d)", "", plain)
    return re.sub(r"(?<!\d)-|-(?!\d)", "", plain)
