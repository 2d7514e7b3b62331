"""What following subjects over their visits has found, and its summary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from suffice.io import LeftOut
from suffice.tracking import Repeatability, Slope
from suffice.workflows.breathing import Breathing


@dataclass(frozen=True)
class Tracking:
    """What the visits of a cohort say.

    Parameters
    ----------
    track : DataFrame
        A row a case and structure, see `suffice.tracking.changes_of`.
    slopes : tuple of Slope
    lesions : DataFrame
        A row a lesion and two following visits.
    repeatability : dict of str to Repeatability
        By structure.
    unit : str
        Of all sizes.
    breathing : Breathing or None
    notes : tuple of str
    left_out : tuple of LeftOut
    index : Path or None
        The page, where it was written.
    """

    track: pd.DataFrame
    slopes: tuple[Slope, ...]
    lesions: pd.DataFrame
    repeatability: Mapping[str, Repeatability]
    unit: str
    breathing: Breathing | None
    notes: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    index: Path | None = None


def summary_of(found: Tracking) -> dict[str, Any]:
    """What ``agreement.json`` says: repeatability, slopes of the cohort, agreement, cautions."""
    breathing = found.breathing
    told = {
        "unit": found.unit,
        "repeatability": {k: asdict(v) for k, v in found.repeatability.items()},
        "slopes": [asdict(s) for s in found.slopes if s.n_subjects != 1],
        "verdicts": {
            str(label): {str(k): int(n) for k, n in part[part != ""].value_counts().items()}
            for label, part in found.track.groupby("label", sort=False)["verdict"]
        },
        "lesions": {str(k): int(n) for k, n in found.lesions["fate"].value_counts().items()},
        "spirometry": None
        if breathing is None
        else {
            "n_pairs": len(breathing.pairs),
            "unpaired": breathing.unpaired.to_dict("records"),
            "agreement": {k: asdict(v) for k, v in breathing.agreement.items()},
            "cautions": list(breathing.cautions),
            "notes": list(breathing.notes),
        },
        "notes": list(found.notes),
    }
    plain: dict[str, Any] = _plain(told)
    return plain


def _plain(value: Any) -> Any:
    """JSON has no NaN: what is not known is null."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (np.floating, float)):
        return float(value) if np.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value
