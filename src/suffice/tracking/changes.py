"""Changes between the visits of a subject, real ones told from noise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from suffice.tracking.repeatability import Repeatability
from suffice.tracking.sizes import Sizes

GROWN, SHRUNK, NOISE, UNKNOWN = "grown", "shrunk", "within noise", "not known"
_INTERVAL_Z = 1.96


def changes_of(sizes: Sizes, repeatability: Mapping[str, Repeatability]) -> pd.DataFrame:
    """Set every visit against the first and the previous one of its subject.

    Parameters
    ----------
    sizes : Sizes
        Of one source a subject, see `one_source`.
    repeatability : dict of str to Repeatability
        By structure.

    Returns
    -------
    DataFrame
        The rows of ``sizes`` with ``n_visits``, ``change`` and ``change_percent`` from the first
        visit, ``noise`` (how large a change may be without a reason), ``verdict`` (``grown``,
        ``shrunk``, ``within noise``, ``not known``, empty at the first visit), and the same from
        the previous visit with ``since_previous_`` in front.
    """
    rows: list[dict[Any, Any]] = []
    for (_, label), part in sizes.table.groupby(["subject", "label"], sort=False):
        known = repeatability.get(str(label), Repeatability(label=str(label), kind="unknown"))
        series: list[dict[Any, Any]] = part.to_dict("records")
        for i, row in enumerate(series):
            rows.append(
                {
                    **row,
                    "n_visits": len(series),
                    **_against(series[0] if i else None, row, known, ""),
                    **_against(series[i - 1] if i else None, row, known, "since_previous_"),
                }
            )
    return pd.DataFrame(rows)


def _against(
    before: dict[Any, Any] | None, after: dict[Any, Any], known: Repeatability, prefix: str
) -> dict[str, Any]:
    change = percent = noise = np.nan
    verdict = ""
    if before is not None:
        old, new = float(before["value"]), float(after["value"])
        change = new - old
        percent = 100 * change / old if old > 0 else np.nan
        noise = _noise(before, after, known)
        verdict = _verdict(change, noise)
    values = {"change": change, "change_percent": percent, "noise": noise, "verdict": verdict}
    return {prefix + name: value for name, value in values.items()}


def _noise(before: dict[Any, Any], after: dict[Any, Any], known: Repeatability) -> float:
    """How large a change is noise at most: by the coefficient, or by the sizes' own intervals."""
    if known.kind == "intervals":
        errors = [(row["high"] - row["low"]) / (2 * _INTERVAL_Z) for row in (before, after)]
        return _INTERVAL_Z * float(np.hypot(*errors))
    return float(known.threshold(float(before["value"]), float(after["value"])))


def _verdict(change: float, noise: float) -> str:
    if not np.isfinite(noise):
        return UNKNOWN
    if abs(change) <= noise:
        return NOISE
    return GROWN if change > 0 else SHRUNK
