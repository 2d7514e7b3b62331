"""The single objects of a case: as maps beside the masks tell them apart, else by components."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from suffice.core import Grid
from suffice.io import read_case_instances, read_mask_array
from suffice.workflows.agreeing import CONSENSUS
from suffice.workflows.predicting import INSTANCES, find_beside
from suffice.workflows.references import Pair, References

InstanceMap = npt.NDArray[np.integer[Any]]
Source = Literal["map", "components"]

OBJECT_COLUMNS = ("case", "rater", "drawn", "predicted")


@dataclass(frozen=True, slots=True)
class ObjectSource:
    """What told the objects of one case apart: a map, or the connected components of its mask."""

    case: str
    rater: str
    drawn: Source
    predicted: Source


@dataclass(frozen=True, slots=True, eq=False)
class Objects:
    """Maps of the objects of one case, ``None`` where nobody told them apart."""

    predicted: InstanceMap | None = None
    drawn: InstanceMap | None = None

    def source(self, case: str, rater: str) -> ObjectSource:
        """Say what tells the objects apart."""
        drawn, predicted = (_source(each) for each in (self.drawn, self.predicted))
        return ObjectSource(case, rater, drawn, predicted)


def read_objects(known: References, pair: Pair, rater: str, grid: Grid) -> Objects:
    """Read the maps that lie beside a predicted mask and that a cohort keeps for a rater.

    Raises
    ------
    SufficeError
        If a map cannot be read or lies on another grid.
    """
    return Objects(
        predicted=_beside(pair.predicted, grid),
        drawn=_drawn(known, pair, rater, grid),
    )


def objects_table(sources: list[ObjectSource]) -> pd.DataFrame:
    """Make a table of what told the objects apart, a row for each case and rater."""
    return pd.DataFrame([asdict(source) for source in sources], columns=list(OBJECT_COLUMNS))


def _drawn(known: References, pair: Pair, rater: str, grid: Grid) -> InstanceMap | None:
    if known.cohort is None:
        return _beside(next(iter(pair.case.masks.values())), grid)
    if rater == CONSENSUS and rater not in pair.case.masks:
        # Fused from masks, which say nothing of objects.
        return None
    return read_case_instances(known.cohort, pair.case, rater)


def _beside(mask: Path, grid: Grid) -> InstanceMap | None:
    path = find_beside(mask, INSTANCES)
    if path is None:
        return None
    values, found = read_mask_array(path)
    grid.require_match(found, "the reference", f"'{path}'")
    return values


def _source(told: InstanceMap | None) -> Source:
    return "components" if told is None else "map"
