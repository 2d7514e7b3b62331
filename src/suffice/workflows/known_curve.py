"""A curve that was measured before, read from its folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from suffice.core import UsageError
from suffice.study import data_hash
from suffice.study.curve_design import CurveDesign
from suffice.study.curve_table import KEY, read_curve
from suffice.workflows.curving import CURVE, RECORD, Curve
from suffice.workflows.ways import USUALLY, Way


def known_curve(folder: Path, like: CurveDesign) -> Curve:
    """Read the curve of a folder, which is to be held against another one.

    Parameters
    ----------
    folder : Path
        Left by `suffice.workflows.curving.learning_curve`.
    like : CurveDesign
        Of the other curve, on the same subjects.

    Raises
    ------
    UsageError
        If it holds no curve, or one of other data or scored subjects.
    """
    record = _record(folder)
    mine = {
        "data": data_hash(like.cohort),
        "held_back": [list(part) for part in like.parts],
        "seed": like.seed,
    }
    other = [key for key in mine if record.get(key) != mine[key]]
    if other:
        raise UsageError(
            f"The curve in '{folder}' cannot be compared: it has other {', '.join(other)}",
            cure="Measure it on the same cohort, with the same --test and --seed.",
        )
    table = read_curve(folder / CURVE)
    ways = [USUALLY]
    for name, of in record.get("ways", {}).items():
        # What it started from is not looked at again: its rows are there.
        ways.append(Way(name=name, kind=of["kind"], unlabelled=of["unlabelled"]))
    return Curve(
        folder=folder,
        table=table,
        design=CurveDesign(
            cohort=like.cohort, parts=like.parts, sizes=tuple(record["sizes"]), seed=like.seed
        ),
        minutes_each=float(record["minutes_each"]),
        minutes=float(table.drop_duplicates([*KEY])["minutes"].sum()),
        ways=tuple(ways),
    )


def _record(folder: Path) -> dict[str, Any]:
    try:
        found: Any = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = None
    if not isinstance(found, dict) or not (folder / CURVE).is_file():
        raise UsageError(
            f"'{folder}' holds no learning curve", cure="Name a folder of 'suffice enough'."
        )
    return found
