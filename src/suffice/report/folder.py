"""What a study folder holds, read once; a part that is absent is ``None``."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from suffice.core import FileFormatError, UsageError
from suffice.study import Caution, StudyFolder, read_cautions
from suffice.study.estimates import COLUMNS as ESTIMATE_COLUMNS
from suffice.study.estimates import LOWER, PREDICTIONS_CSV, QUALITY_COLUMNS
from suffice.study.ladder import COLUMNS as LADDER_COLUMNS

_NUMBERS = (
    "value",
    "mean",
    "low",
    "high",
    "level",
    "n_subjects",
    "n_cases",
    "n_undefined",
    "median",
    "step",
    "seconds",
    "learning_rate",
    "loss",
    "dice",
    "minutes",
    "memory_gb",
    "seconds_per_scan",
    "behind",
    "behind_low",
    "behind_high",
    "predicted_dice",
    "lungs_l",
    "gap_days",
    *(f"{name}{end}" for name in ("fvc", "fev1") for end in ("_l", "_percent", "_z")),
    "ratio_z",
    *LOWER.values(),
)


@dataclass(frozen=True)
class History:
    """How one model learned: a row for each logged step; no fold is the final model."""

    rung: str
    fold: str
    table: pd.DataFrame

    @property
    def is_final(self) -> bool:
        """Whether this is the model for the unlabelled scans, not one of the scored folds."""
        return not self.fold


@dataclass(frozen=True)
class Study:
    """The tables of a study folder; ``None`` where a file is absent."""

    folder: Path
    config: dict[str, Any] | None
    splits: pd.DataFrame | None
    scores: pd.DataFrame | None
    summary: pd.DataFrame | None
    measures: pd.DataFrame | None
    left_out: pd.DataFrame | None
    histories: tuple[History, ...]
    cautions: tuple[Caution, ...] = ()
    ceiling: pd.DataFrame | None = None
    ladder: pd.DataFrame | None = None
    estimates: pd.DataFrame | None = None
    quality: pd.DataFrame | None = None
    tracked: Mapping[str, Any] | None = None
    breathing: pd.DataFrame | None = None

    @property
    def rung(self) -> str | None:
        """The model that the report is about: the configured one, else the first scored."""
        scored = _first_values(self.summary, "rung") + _first_values(self.scores, "rung")
        wanted = (self.config or {}).get("rung")
        if isinstance(wanted, str) and (wanted in scored or not scored):
            return wanted
        return scored[0] if scored else None

    def of_rung(self, table: pd.DataFrame | None) -> pd.DataFrame | None:
        """Return the rows of ``table`` that belong to the report's model.

        Where cases were set apart for the test these are the rows of the test: the others told
        which kind of model to choose.
        """
        if table is None or table.empty:
            return None
        mine = table[table["rung"] == self.rung]
        for column, test in (("part", "test"), ("fold", "")):
            if column in mine and (mine[column] == test).any():
                return mine[mine[column] == test]
        return mine


def read_study(folder: Path) -> Study:
    """Read the tables of a study folder.

    Raises
    ------
    UsageError
        If ``folder`` is not a study folder.
    FileFormatError
        If one of its tables is damaged.
    """
    known = ("study.toml", "splits.csv", "scores.csv", "summary.csv", "models", "measures.csv")
    if not any((folder / name).exists() for name in known):
        raise UsageError(
            f"'{folder}' is not a study folder",
            expected="study.toml, splits.csv, scores.csv or models/ in it",
            cure="Make one with: suffice run COHORT --minutes 10 --out STUDY",
        )
    place = StudyFolder(folder)
    return Study(
        folder=folder,
        config=_read_config(place.record),
        splits=_read_table(place.splits, ("case", "subject", "part")),
        scores=_read_table(place.scores, ("case", "subject", "label", "metric", "value", "rung")),
        summary=_read_table(place.summary, ("rung", "label", "metric", "mean", "low", "high")),
        measures=_read_table(place.measures, ("case", "subject", "label", "source")),
        left_out=_read_table(place.left_out, ("path", "reason")),
        histories=_read_histories(folder / "models"),
        cautions=read_cautions(place.cautions),
        ladder=_read_table(place.ladder, LADDER_COLUMNS),
        ceiling=_read_table(place.ceiling_summary, ("rater", "label", "metric", "mean")),
        estimates=_read_table(place.predictions / PREDICTIONS_CSV, ESTIMATE_COLUMNS),
        quality=_read_table(place.quality_table, QUALITY_COLUMNS),
        tracked=_read_json(place.track / "agreement.json"),
        breathing=_read_table(place.track / "spirometry.csv", ("subject", "lungs_l", "test_date")),
    )


def _read_config(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FileFormatError(
            f"'{path.name}' is not TOML", got=error, cure="Mend it, or run the study again."
        ) from error


def _read_json(path: Path) -> Mapping[str, Any] | None:
    if not path.is_file():
        return None
    try:
        found: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise FileFormatError(
            f"'{path.name}' is not JSON", got=error, cure="Run suffice track again, with --force."
        ) from error
    return found


def _read_table(path: Path, needed: Sequence[str]) -> pd.DataFrame | None:
    if not path.is_file():
        return None
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise FileFormatError(
            f"'{path.name}' is not a table",
            got=error,
            cure=f"Delete '{path}' and run the study again.",
        ) from error
    absent = [name for name in needed if name not in table.columns]
    if absent:
        raise FileFormatError(
            f"'{path.name}' lacks columns",
            got=", ".join(map(str, table.columns)),
            expected=", ".join(needed),
            cure="Run the study again.",
        )
    for name in table.columns.intersection(list(_NUMBERS)):
        table[name] = pd.to_numeric(table[name], errors="coerce")
    return table


def _read_histories(models: Path) -> tuple[History, ...]:
    found = []
    for path in sorted(models.glob("*/history.csv")):
        table = _read_table(path, ("seconds",))
        if table is None or table.empty:
            continue
        rung, _, fold = path.parent.name.partition("-fold-")
        found.append(History(rung, fold, table))
    return tuple(found)


def _first_values(table: pd.DataFrame | None, column: str) -> list[str]:
    if table is None:
        return []
    return [str(value) for value in dict.fromkeys(table[column])]
