"""Measure every structure of a study: in the masks that were drawn and in those predicted."""

from __future__ import annotations

import pandas as pd

from suffice.core import Case, Cohort, LabelMap, Listener, Progress, silent
from suffice.io import mask_suffix_for, read_case_mask, read_mask
from suffice.measure import measure_mask
from suffice.study import StudyFolder

COLUMNS = ("case", "subject", "visit", "date", "label", "source")


def measure_study(
    cohort: Cohort, study: StudyFolder, *, listener: Listener = silent
) -> pd.DataFrame:
    """Measure the masks of a study.

    Returns
    -------
    DataFrame
        Columns ``case, subject, visit, date, label, source`` (``drawn`` or ``predicted``) and
        one a measure, with its unit in the name.
    """
    rows: list[dict[str, object]] = []
    for i, case in enumerate(cohort.cases):
        listener(Progress("measure", i / len(cohort), note=case.name))
        if case.is_labelled:
            rows += _rows(case, "drawn", read_case_mask(cohort, case))
        suffix = mask_suffix_for(case.images[cohort.channels[0].name])
        for folder in (study.validation, study.predictions):
            path = folder / f"{case.name}{suffix}"
            if path.is_file():
                rows += _rows(case, "predicted", read_mask(path, cohort.legend))
    listener(Progress("measure", 1.0))
    names = dict.fromkeys([*COLUMNS, *(name for row in rows for name in row)])
    return pd.DataFrame(rows, columns=list(names))


def _rows(case: Case, source: str, mask: LabelMap) -> list[dict[str, object]]:
    """One row a label."""
    rows: dict[str, dict[str, object]] = {}
    for measure in measure_mask(mask):
        row = rows.setdefault(
            measure.label,
            {
                "case": case.name,
                "subject": case.subject,
                "visit": case.visit,
                "date": case.date,
                "label": measure.label,
                "source": source,
            },
        )
        row[measure.name] = measure.value
    return list(rows.values())
