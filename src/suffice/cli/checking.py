"""`suffice check`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from suffice.cli.console import answer, answer_json, remark, showing_progress
from suffice.cli.options import CohortFolder, Json
from suffice.cli.problems import PROBLEM, named_problems

if TYPE_CHECKING:
    from suffice.qc import Finding

MAX_NAMED = 5


@named_problems
def check(cohort: CohortFolder, as_json: Json = False) -> None:
    """Look for what would spoil a training or a score.

    Grids that differ, labels outside the legend, empty masks, outliers, duplicates and leaks;
    headers and file names that seem to say whose a scan is.

    Exit status 1 where there is an error, 0 where there are warnings and notes alone.
    """
    from suffice.workflows.checking import check

    with showing_progress() as listener:
        report = check(cohort, listener=listener)
    if as_json:
        answer_json({**report.to_dict(), "is_clean": report.is_clean})
    else:
        answer(
            f"{report.n_cases} cases of {report.n_subjects} subjects, {report.n_labelled} labelled:"
            f" {report.count('error')} errors, {report.count('warning')} warnings,"
            f" {report.count('note')} notes"
        )
        for finding in report.findings:
            answer(_in_words(finding))
    if not report.is_clean:
        remark(f"error: {report.count('error')} errors in '{cohort}'. Mend them as said above.")
        raise typer.Exit(PROBLEM)


def _in_words(finding: Finding) -> str:
    names = ", ".join(finding.cases[:MAX_NAMED])
    if len(finding.cases) > MAX_NAMED:
        names += f" and {len(finding.cases) - MAX_NAMED} more"
    where = f" [{names}]" if names else ""
    message = finding.message.rstrip(".")
    return f"{finding.severity:8}{finding.kind}{where}: {message}. {finding.cure}"
