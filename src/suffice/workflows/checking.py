"""Check a cohort folder."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from suffice.core import Listener, silent
from suffice.io import read_cohort
from suffice.qc import Finding, check_cohort


@dataclass(frozen=True, kw_only=True)
class CheckReport:
    """What was checked and what was found.

    Parameters
    ----------
    cohort : str
        Name of the cohort.
    folder : str
    n_cases, n_subjects, n_labelled : int
    findings : tuple of Finding
        Errors first.
    """

    cohort: str
    folder: str
    n_cases: int
    n_subjects: int
    n_labelled: int
    findings: tuple[Finding, ...]

    def count(self, severity: str) -> int:
        """Number of findings of ``"error"``, ``"warning"`` or ``"note"``."""
        return sum(finding.severity == severity for finding in self.findings)

    @property
    def is_clean(self) -> bool:
        """Whether there is no error; warnings and notes may be there."""
        return self.count("error") == 0

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return asdict(self)


def check(cohort_folder: Path, *, listener: Listener = silent) -> CheckReport:
    """Check the files of a cohort folder.

    Raises
    ------
    CohortError
        If the folder is no cohort; what is wrong with its files is a finding, not an error.
    """
    cohort = read_cohort(cohort_folder)
    return CheckReport(
        cohort=cohort.name,
        folder=str(cohort_folder),
        n_cases=len(cohort),
        n_subjects=len(cohort.subjects),
        n_labelled=len(cohort.labelled()),
        findings=check_cohort(cohort, listener=listener),
    )
