"""Follow single lesions from each visit of a subject to the next."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from suffice.core import Case, Cohort, Listener, Progress, SufficeError, UsageError, silent
from suffice.io import read_case_image
from suffice.tracking import Alignment, Lesion, Motion, Sizes, align, match_lesions
from suffice.workflows.visits import Visits

LESION_COLUMNS = (
    "subject",
    "label",
    "case_before",
    "case_after",
    "date_before",
    "date_after",
    "lesion",
    "fate",
    "before",
    "after",
    "change",
    "change_percent",
    "n_before",
    "n_after",
    "x_mm",
    "y_mm",
    "z_mm",
    "registered",
    "correlation",
)
_LESION = re.compile(
    r"lesion|nodule|tumou?r|metasta|plaque|wmh|cyst|infarct|haemorrhage|hemorrhage|change",
    re.IGNORECASE,
)


def lesion_labels(sizes: Sizes, visits: Visits, wanted: Sequence[str] | None) -> list[str]:
    """Choose the structures whose pieces are followed: those named, or those named like lesions.

    Raises
    ------
    UsageError
        If a structure is unknown, or there are no masks to follow it in.
    """
    labels = list(dict.fromkeys(str(label) for label in sizes.table["label"]))
    if wanted is None:
        return [] if visits.cohort is None else [x for x in labels if _LESION.search(x)]
    unknown = [name for name in wanted if name not in labels]
    if unknown:
        raise UsageError(f"There is no structure '{unknown[0]}'", got=", ".join(labels))
    if wanted and visits.cohort is None:
        raise UsageError(
            "Single lesions are followed in masks, and a table has none",
            cure="Give the cohort or the study in its place.",
        )
    return list(wanted)


def follow_lesions(
    visits: Visits,
    sizes: Sizes,
    wanted: Sequence[str] | None,
    *,
    motion: Motion,
    least_change_percent: float,
    listener: Listener = silent,
) -> tuple[pd.DataFrame, list[str]]:
    """Match the lesions of every two visits that follow each other.

    Parameters
    ----------
    visits : Visits
    sizes : Sizes
        Of one source.
    wanted : sequence of str, optional
        Structures whose pieces are followed, see `lesion_labels`.
    motion, least_change_percent
        See `suffice.track`.
    listener : callable

    Returns
    -------
    DataFrame
        With the columns `LESION_COLUMNS`.
    list of str
        Visits that could not be compared, with the reason.

    Raises
    ------
    UsageError
        See `lesion_labels`.
    """
    labels = lesion_labels(sizes, visits, wanted)
    if not labels or visits.cohort is None:
        return pd.DataFrame(columns=list(LESION_COLUMNS)), []
    table = sizes.table[["case", "subject", "source"]].drop_duplicates("case")
    by_name = {case.name: case for case in visits.cohort.cases}
    rows: list[dict[str, object]] = []
    problems: list[str] = []
    groups = [part for _, part in table.groupby("subject", sort=False) if len(part) > 1]
    for i, part in enumerate(groups):
        listener(Progress("lesions", i / len(groups)))
        pairs = zip(part["case"].astype(str), part["source"].astype(str), strict=True)
        mine = [(by_name[name], source) for name, source in pairs if name in by_name]
        for before, after in pairwise(mine):
            try:
                rows += _between(
                    visits, visits.cohort, before, after, labels, motion, least_change_percent
                )
            except SufficeError as error:
                problems.append(f"{before[0].name} to {after[0].name}: {error}")
    listener(Progress("lesions", 1.0))
    return pd.DataFrame(rows, columns=list(LESION_COLUMNS)), problems


def _between(
    visits: Visits,
    cohort: Cohort,
    before: tuple[Case, str],
    after: tuple[Case, str],
    labels: Sequence[str],
    motion: Motion,
    least_change_percent: float,
) -> list[dict[str, object]]:
    masks = [visits.read_mask(case, source) for case, source in (before, after)]
    scans = [read_case_image(cohort, case) for case, _ in (before, after)]
    found = align(scans[0], scans[1], motion)
    rows: list[dict[str, object]] = []
    for label in labels:
        value = next(known.value for known in cohort.legend if known.name == label)
        lesions = match_lesions(
            masks[0].array == value,
            masks[1].array == value,
            masks[0].grid,
            masks[1].grid,
            found,
            least_change_percent=least_change_percent,
        )
        for one in lesions:
            values = _values(before[0], after[0], label, one, found)
            rows.append(dict(zip(LESION_COLUMNS, values, strict=True)))
    return rows


def _values(
    before: Case, after: Case, label: str, one: Lesion, found: Alignment
) -> tuple[object, ...]:
    return (
        after.subject,
        label,
        before.name,
        after.name,
        before.date,
        after.date,
        one.number,
        one.fate,
        one.before,
        one.after,
        one.after - one.before,
        one.change_percent,
        one.n_before,
        one.n_after,
        *(*one.place_mm, np.nan)[:3],
        found.how,
        found.correlation,
    )
