"""Measure every structure of a study: in the masks that were drawn and in those predicted."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from suffice.core import Case, Cohort, LabelMap, Listener, Progress, SufficeError, silent
from suffice.io import mask_suffix_for, read_case_mask, read_mask
from suffice.measure import measure_mask
from suffice.study import StudyFolder, held_back_errors, with_intervals

COLUMNS = ("case", "subject", "visit", "date", "label", "source")


def measure_study(
    cohort: Cohort, study: StudyFolder, rung: str, *, listener: Listener = silent
) -> pd.DataFrame:
    """Measure the masks of a study: those drawn, and those of one kind of model.

    Returns
    -------
    DataFrame
        Columns ``case, subject, visit, date, label, source`` (``drawn`` or ``predicted``) and
        one a measure, with its unit in the name; behind a predicted size its interval, by the
        errors on the scored cases, see `with_intervals`. A mask that cannot be read has no rows:
        the scores or predictions have left it out already, with the reason.
    """
    rows: list[dict[str, object]] = []
    for i, case in enumerate(cohort.cases):
        listener(Progress("measure", i / len(cohort), note=case.name))
        for source, mask in _masks(cohort, case, (study.validation(rung), study.predictions)):
            rows += _rows(case, source, mask)
    listener(Progress("measure", 1.0))
    names = dict.fromkeys([*COLUMNS, *(name for row in rows for name in row)])
    measures = pd.DataFrame(rows, columns=list(names))
    return with_intervals(measures, held_back_errors(measures))


def _masks(cohort: Cohort, case: Case, predicted: Sequence[Path]) -> Iterator[tuple[str, LabelMap]]:
    """Read the masks of a case, as far as they can be read, with their source."""
    with contextlib.suppress(SufficeError):
        if case.is_labelled:
            drawn = read_case_mask(cohort, case)
            # What was drawn of a structure in part has no size.
            if drawn.unlabelled is None:
                yield "drawn", drawn
    with contextlib.suppress(SufficeError):
        suffix = mask_suffix_for(case.images[cohort.channels[0].name])
        for folder in predicted:
            path = folder / f"{case.name}{suffix}"
            if path.is_file():
                yield "predicted", read_mask(path, cohort.legend.whole)


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
