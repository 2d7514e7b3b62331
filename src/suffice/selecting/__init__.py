"""Which scans, slices or patches to label next: strategies from arrays to a ranking."""

from suffice.selecting.candidates import Candidates, Facts, facts_of
from suffice.selecting.choosing import (
    AUTO,
    BASELINE,
    DEFAULT,
    DOUBTING,
    STRATEGIES,
    choose,
    strategy_named,
)
from suffice.selecting.picking import Pick, Strategy
from suffice.selecting.units import UNITS, Unit, UnitKind, boxes_of, pooled

__all__ = [
    "AUTO",
    "BASELINE",
    "DEFAULT",
    "DOUBTING",
    "STRATEGIES",
    "UNITS",
    "Candidates",
    "Facts",
    "Pick",
    "Strategy",
    "Unit",
    "UnitKind",
    "boxes_of",
    "choose",
    "facts_of",
    "pooled",
    "strategy_named",
]
