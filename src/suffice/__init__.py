"""suffice: medical image segmentation when labels are scarce.

What is named here is loaded when it is first used, so that ``import suffice`` is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from suffice.core import (
        Budget,
        Case,
        Channel,
        Cohort,
        Grid,
        Image,
        Label,
        LabelMap,
        Legend,
        Progress,
        SufficeError,
    )
    from suffice.io import read_cohort, write_cohort

__version__ = "0.1.0"

__all__ = [
    "Budget",
    "Case",
    "Channel",
    "Cohort",
    "Grid",
    "Image",
    "Label",
    "LabelMap",
    "Legend",
    "Progress",
    "SufficeError",
    "__version__",
    "read_cohort",
    "write_cohort",
]

_HOMES = {
    "suffice.core": [
        "Budget",
        "Case",
        "Channel",
        "Cohort",
        "Grid",
        "Image",
        "Label",
        "LabelMap",
        "Legend",
        "Progress",
        "SufficeError",
    ],
    "suffice.io": ["read_cohort", "write_cohort"],
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'suffice' has no attribute '{name}'")
    value = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__]
