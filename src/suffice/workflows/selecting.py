"""Which scans to label next: those that a strategy picks with a trained model."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from suffice.core import Cohort, CohortError, Listener, UsageError, silent
from suffice.files import require_free, write_text
from suffice.io import LeftOut
from suffice.segmenters import load_segmenter
from suffice.selecting import AUTO, UNITS, Pick, Unit, UnitKind, choose, strategy_named
from suffice.workflows.looking import Cutting, look_at
from suffice.workflows.predicting import SegmenterLoader

CASE_COLUMNS = ("rank", "case", "subject", "score", "reason")
PLACE_COLUMNS = ("start", "size")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What to label next.

    Parameters
    ----------
    strategy : str
    unit : {"case", "slice", "patch"}
    table : DataFrame
        Columns ``rank, case, subject, score, reason``, the most wanted first; of slices and
        patches also ``start`` and ``size``, voxels along the axes of the file with blanks
        between, counted from 0. What a score means is the strategy's; random draws have none.
    n_candidates : int
        Units that might have been picked.
    failed : tuple of LeftOut
        Scans that could not be read.
    """

    strategy: str
    unit: UnitKind
    table: pd.DataFrame
    n_candidates: int
    failed: tuple[LeftOut, ...]

    def to_csv(self) -> str:
        """Give the table as CSV."""
        buffer = io.StringIO()
        self.table.to_csv(buffer, index=False, lineterminator="\n")
        return buffer.getvalue()


def select(
    model: Path,
    cohort: Cohort,
    *,
    count: int,
    strategy: str = AUTO,
    unit: UnitKind = "case",
    per_subject: int = 1,
    axis: int | None = None,
    side: int | None = None,
    seed: int = 0,
    out: Path | None = None,
    overwrite: bool = False,
    load: SegmenterLoader = load_segmenter,
    listener: Listener = silent,
) -> Selection:
    """Pick the scans without a mask, or slices or boxes of them, that are to be labelled next.

    Parameters
    ----------
    model : Path
        Folder of a trained model.
    cohort : Cohort
        Its cases without a mask may be picked; those with one say what is known already.
    count : int
    strategy : str
        One of `suffice.selecting.STRATEGIES`; ``auto`` is the one that the benchmarks favour.
    unit : {"case", "slice", "patch"}
    per_subject : int
        Picks of one subject at most, its labelled cases included; 0 for any number.
    axis : int, optional
        Slices lie across this axis of the file, from 0; by default that of the largest spacing,
        or the last.
    side : int, optional
        Voxels of a patch along each axis, at most; by default a quarter of the scan.
    seed : int
    out : Path, optional
        A file for the table.
    overwrite : bool
        Whether ``out`` may be replaced.
    load : callable
        Reads the model's folder.
    listener : callable

    Raises
    ------
    SufficeError
        If every case has a mask, so many cannot be picked, or the model does not fit.
    """
    name = strategy_named(strategy)
    _check(unit, axis, side)
    if out is not None:
        require_free(out, overwrite=overwrite)
    pool = cohort.unlabelled()
    if not len(pool):
        raise CohortError(
            f"Every case of cohort '{cohort.name}' has a mask",
            cure="Add rows without a mask to cases.csv; `suffice rehearse` tries strategies on"
            " labelled cases.",
        )
    cutting = Cutting(unit=unit, axis=axis, side=side)
    looked = look_at(load(model), pool, cohort.labelled(), cutting=cutting, listener=listener)
    picks = choose(looked.candidates, name, count, seed=seed, per_subject=per_subject)
    found = Selection(
        strategy=name,
        unit=unit,
        table=_table(picks, looked.units, unit),
        n_candidates=len(looked.candidates),
        failed=looked.failed,
    )
    if out is not None:
        write_text(out, found.to_csv(), overwrite=overwrite)
    return found


def _check(unit: UnitKind, axis: int | None, side: int | None) -> None:
    if unit not in UNITS:
        raise UsageError("There is no such unit", got=unit, expected=", ".join(UNITS))
    if axis is not None and (unit != "slice" or not 0 <= axis <= 2):
        raise UsageError("An axis, 0 to 2, goes with slices", got=f"{axis} with {unit}")
    if side is not None and (unit != "patch" or side < 1):
        raise UsageError("A side, in voxels, goes with patches", got=f"{side} with {unit}")


def _table(picks: tuple[Pick, ...], units: tuple[Unit, ...], kind: UnitKind) -> pd.DataFrame:
    rows = []
    for rank, pick in enumerate(picks, start=1):
        unit = units[pick.index]
        row: dict[str, object] = {
            "rank": rank,
            "case": unit.case,
            "subject": unit.subject,
            "score": float(f"{pick.score:.6g}"),
            "reason": pick.reason,
        }
        if kind != "case":
            row |= {"start": _spaced(unit.start), "size": _spaced(unit.size)}
        rows.append(row)
    columns = CASE_COLUMNS if kind == "case" else (*CASE_COLUMNS, *PLACE_COLUMNS)
    return pd.DataFrame(rows, columns=list(columns))


def _spaced(numbers: tuple[int, ...]) -> str:
    return " ".join(str(n) for n in numbers)
