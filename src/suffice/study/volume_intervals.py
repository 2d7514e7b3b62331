"""Intervals of predicted volumes and areas, by the cases of a table that were drawn as well."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from suffice.core import CohortError, UsageError
from suffice.quality import LEVELS, VolumeErrors, least_subjects
from suffice.study.folder import StudyFolder
from suffice.study.scores import read_scores
from suffice.study.tables import read_table

SIZES = ("volume_ml", "area_mm2", "area_px")
DRAWN, PREDICTED = "drawn", "predicted"
LEVEL, NOTE = "level", "note"

_TEXT = ("case", "subject", "visit", "date", "label", "source", NOTE)
_METRIC = "metric"
_NEEDED = ("case", "subject", "label", "source")

# By structure and by what is measured of it.
Errors = Mapping[tuple[str, str], VolumeErrors]


def bounds_of(size: str) -> tuple[str, str]:
    """Name the columns of a size's interval.

    Examples
    --------
    >>> bounds_of("volume_ml")
    ('volume_low_ml', 'volume_high_ml')
    """
    name, _, unit = size.rpartition("_")
    return f"{name}_low_{unit}", f"{name}_high_{unit}"


def read_measures(path: Path) -> pd.DataFrame:
    """Read a table of measures; names stay text, and nothing stands for no value.

    Raises
    ------
    FileFormatError
        If it is no CSV table or lacks a column.
    """
    table = read_table(path, "measures", _NEEDED, text=_TEXT, numbers=SIZES)
    numbers = [column for column in table.columns if column not in _TEXT]
    table[numbers] = table[numbers].apply(pd.to_numeric, errors="coerce")
    return table


def held_back_errors(measures: pd.DataFrame) -> dict[tuple[str, str], VolumeErrors]:
    """Find the errors of each structure's size in a table of measures.

    Parameters
    ----------
    measures : DataFrame
        With the columns ``case, subject, label, source`` and a size. What counts are cases with
        two rows for a structure: what was drawn, and what a model predicted that had not learned
        from the subject, as in the ``measures.csv`` of a study.
    """
    keys = ["case", "subject", "label"]
    found: dict[tuple[str, str], VolumeErrors] = {}
    for size in (size for size in SIZES if size in measures.columns):
        known = measures.dropna(subset=size)
        drawn, predicted = (
            known[known["source"] == source][[*keys, size]] for source in (DRAWN, PREDICTED)
        )
        pairs = drawn.merge(predicted, on=keys, suffixes=("_drawn", "_predicted"))
        for label, part in pairs.groupby("label", sort=False):
            found[str(label), size] = VolumeErrors(
                part[f"{size}_predicted"].to_numpy(dtype=float),
                part[f"{size}_drawn"].to_numpy(dtype=float),
                part["subject"].astype(str).tolist(),
            )
    return found


def scored_errors(scores: pd.DataFrame) -> dict[tuple[str, str], VolumeErrors]:
    """Find the errors of each structure's size in a table of scores.

    Parameters
    ----------
    scores : DataFrame
        With ``volume_error_percent`` or ``area_error_percent`` among its metrics, as those of
        `suffice evaluate` on cases that the model did not learn from.
    """
    found: dict[tuple[str, str], VolumeErrors] = {}
    for size in SIZES:
        metric = f"{size.partition('_')[0]}_error_percent"
        known = scores[scores["metric"] == metric].dropna(subset="value")
        for label, part in known.groupby("label", sort=False):
            excess = part["value"].to_numpy(dtype=float)
            # Only the ratio counts; nothing was drawn where the excess is infinite.
            falsely = np.isinf(excess)
            found[str(label), size] = VolumeErrors(
                np.where(falsely, 1.0, 1.0 + np.where(falsely, 0.0, excess) / 100.0),
                np.where(falsely, 0.0, 1.0),
                part["subject"].astype(str).tolist(),
            )
    return found


def read_errors(place: Path) -> dict[tuple[str, str], VolumeErrors]:
    """Read the errors that a study, a table of measures or one of scores holds.

    Raises
    ------
    FileFormatError
        If it is neither of them.
    CohortError
        If no case in it was both drawn and predicted.
    """
    path = place
    if place.is_dir():
        study = StudyFolder(place)
        path = study.measures if study.measures.is_file() else study.scores
    if _holds_scores(path):
        errors = scored_errors(read_scores(path))
    else:
        errors = held_back_errors(read_measures(path))
    if not errors:
        raise CohortError(
            f"'{path}' tells no error of a volume",
            expected="cases with a row 'drawn' and a row 'predicted' for a structure, or scores"
            " with volume_error_percent",
            cure="Name a study of `suffice run`, its measures.csv, or what `suffice evaluate`"
            " wrote.",
        )
    return errors


def _holds_scores(path: Path) -> bool:
    try:
        with path.open(encoding="utf-8") as lines:
            return _METRIC in lines.readline().strip().split(",")
    except (OSError, ValueError):
        # The reader of the table says what is wrong.
        return False


def with_intervals(
    measures: pd.DataFrame, errors: Errors, *, level: float | None = None
) -> pd.DataFrame:
    """Put the interval of each predicted size beside it, with its level and a note.

    Parameters
    ----------
    measures : DataFrame
        See `held_back_errors`. A held-back case is judged by the other subjects alone.
    errors : mapping
        As `held_back_errors` gives them.
    level : float, optional
        By default 0.9, or 0.8 where the held-back subjects are too few for that.

    Returns
    -------
    DataFrame
        With e.g. ``volume_low_ml`` and ``volume_high_ml`` behind ``volume_ml``, and ``level`` and
        ``note`` behind all. Where no interval can be had they are empty, and the note says why.
        Intervals of what was drawn stay as they are.
    """
    if level is not None and not 0 < level < 1:
        raise UsageError("The level of an interval must lie between 0 and 1", got=level)
    table = measures.reset_index(drop=True)
    levels = _kept(table, LEVEL)
    notes = table[NOTE].fillna("").astype(str).tolist() if NOTE in table else [""] * len(table)
    for size in (size for size in SIZES if size in table.columns):
        lows, highs = (_kept(table, name) for name in bounds_of(size))
        for i, row in enumerate(table.to_dict("records")):
            if row["source"] != PREDICTED or np.isnan(row[size]):
                continue
            mine = errors.get((str(row["label"]), size))
            interval, note = _interval(mine, str(row["subject"]), float(row[size]), level)
            if interval is not None:
                lows[i], highs[i], levels[i] = interval
            if note not in notes[i].split("; "):
                notes[i] = "; ".join(filter(None, (notes[i], note)))
        table = table.drop(columns=list(bounds_of(size)), errors="ignore")
        place = list(table.columns).index(size)
        for offset, (name, values) in enumerate(zip(bounds_of(size), (lows, highs), strict=True)):
            table.insert(place + 1 + offset, name, values)
    return table.drop(columns=[LEVEL, NOTE], errors="ignore").assign(level=levels, note=notes)


def _kept(table: pd.DataFrame, column: str) -> npt.NDArray[np.float64]:
    """Take over what a column has for masks that nobody predicted."""
    if column not in table.columns:
        return np.full(len(table), np.nan)
    values = pd.to_numeric(table[column], errors="coerce").to_numpy(dtype=float, copy=True)
    values[(table["source"] == PREDICTED).to_numpy()] = np.nan
    return values


def _interval(
    errors: VolumeErrors | None, subject: str, size: float, level: float | None
) -> tuple[tuple[float, float, float] | None, str]:
    """Give low, high and level, or the reason why there is none."""
    if errors is None:
        return None, "no interval: no held-back case tells the error"
    others = errors.without(subject)
    if size == 0:
        return None, "no interval: nothing was predicted"
    found = others.interval(size, level)
    if found is None:
        least = least_subjects(min(LEVELS) if level is None else level)
        return None, f"no interval: {others.n_subjects} held-back subjects, it takes {least}"
    if np.isinf(found.high):
        return (found.low, np.nan, found.level), "no upper bound"
    return (found.low, found.high, found.level), ""
