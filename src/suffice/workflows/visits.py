"""Where sizes and masks of visits come from: a table, a cohort or a study."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from suffice.core import (
    Case,
    Cohort,
    LabelMap,
    Listener,
    Progress,
    SufficeError,
    UsageError,
    silent,
)
from suffice.io import LeftOut, mask_suffix_for, read_case_mask, read_cohort, read_mask
from suffice.io.cohort_folder import COHORT_TOML
from suffice.measure import measure_mask
from suffice.report.folder import read_study
from suffice.study import StudyFolder
from suffice.tracking.sizes import DRAWN


@dataclass(frozen=True)
class Visits:
    """What is known of the visits of a cohort's subjects.

    Parameters
    ----------
    measures : DataFrame
        Columns ``case, subject, visit, date, label, source`` and sizes.
    cohort : Cohort or None
        Whose scans they are; ``None`` for a table alone.
    mask_of : callable or None
        Reads the mask of a case by its source.
    left_out : tuple of LeftOut
    name : str
    """

    measures: pd.DataFrame
    cohort: Cohort | None
    mask_of: Callable[[Case, str], LabelMap] | None
    left_out: tuple[LeftOut, ...]
    name: str

    def read_mask(self, case: Case, source: str) -> LabelMap:
        """Read the mask of a case by its source; raise where there are no masks."""
        if self.mask_of is None:
            raise UsageError(f"There is no mask of case '{case.name}', only its sizes")
        return self.mask_of(case, source)


def gather_visits(source: Path, *, listener: Listener = silent) -> Visits:
    """Read a table of measurements, measure the masks of a cohort, or open a study.

    Raises
    ------
    UsageError
        If it is none of these, or a study has no measurements.
    """
    if source.is_file():
        return Visits(_read_table(source), None, None, (), source.stem)
    if (source / COHORT_TOML).is_file():
        return _of_cohort(read_cohort(source), listener)
    if StudyFolder(source).measures.is_file():
        return _of_study(source)
    raise UsageError(
        f"'{source}' holds nothing that can be tracked",
        expected="a cohort, a study with measures.csv, or a table of measurements",
        cure="Make masks with suffice run, or measure them with suffice measure.",
    )


def _read_table(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"'{path}' is not a table of measurements",
            got=error,
            cure="Give the measures.csv of suffice run or suffice measure.",
        ) from error


def _of_cohort(cohort: Cohort, listener: Listener) -> Visits:
    """Measure the mask of every rater; a rater is a source."""
    rows: list[dict[str, object]] = []
    left_out: list[LeftOut] = []
    for i, case in enumerate(cohort.cases):
        listener(Progress("measure", i / len(cohort), note=case.name))
        for rater, path in case.masks.items():
            try:
                mask = read_case_mask(cohort, case, rater)
                if mask.unlabelled is not None:
                    raise SufficeError("A structure that was drawn in part has no size")
            except SufficeError as error:
                left_out.append(LeftOut(path, str(error)))
                continue
            rows += _rows(case, rater, mask)
    listener(Progress("measure", 1.0))
    if not rows:
        raise UsageError(
            f"Cohort '{cohort.name}' has no mask that can be measured",
            got=left_out[0].reason if left_out else "no mask",
            cure="Draw masks, or track a study of suffice run, whose predictions are measured.",
        )

    def mask_of(case: Case, source: str) -> LabelMap:
        return read_case_mask(cohort, case, source)

    return Visits(pd.DataFrame(rows), cohort, mask_of, tuple(left_out), cohort.name)


def _rows(case: Case, source: str, mask: LabelMap) -> list[dict[str, object]]:
    about = {"case": case.name, "subject": case.subject, "visit": case.visit, "date": case.date}
    rows: dict[str, dict[str, object]] = {}
    for measure in measure_mask(mask):
        row = rows.setdefault(measure.label, {**about, "label": measure.label, "source": source})
        row[measure.name] = measure.value
    return list(rows.values())


def _of_study(folder: Path) -> Visits:
    study, known = StudyFolder(folder), read_study(folder)
    measures = _read_table(study.measures)
    path = (known.config or {}).get("cohort")
    try:
        cohort = read_cohort(folder / path) if isinstance(path, str) else None
    except SufficeError:
        # The scans may lie on another machine; the sizes are here.
        cohort = None
    name = str((known.config or {}).get("name") or folder.resolve().name)
    if cohort is None:
        return Visits(measures, None, None, (), name)
    channel, legend = cohort.channels[0].name, cohort.legend.whole
    whose: Cohort = cohort

    def mask_of(case: Case, source: str) -> LabelMap:
        if source == DRAWN:
            return read_case_mask(whose, case)
        suffix = mask_suffix_for(case.images[channel])
        places = [study.validation(known.rung or ""), study.predictions]
        for place in (folder / f"{case.name}{suffix}" for folder in places):
            if place.is_file():
                return read_mask(place, legend)
        raise UsageError(f"The study has no predicted mask of case '{case.name}'")

    return Visits(measures, cohort, mask_of, (), name)
