"""What the sections of docs/benchmarks.md share."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import bootstrap

FIXED = ("test20", "test40")
"""Lists of cases that nothing was chosen on."""


def interval(values: pd.Series) -> str:
    """Mean and its 95 % BCa interval, in percent."""
    array = 100 * values.dropna().to_numpy()
    if len(array) < 3 or np.ptp(array) == 0:
        return f"{array.mean():.1f}"
    found = bootstrap((array,), np.mean, n_resamples=9999, rng=np.random.default_rng(0))
    low, high = found.confidence_interval
    return f"{array.mean():.1f} ({low:.1f} to {high:.1f})"


def row(cells: list[object]) -> str:
    """One line of a Markdown table."""
    return "| " + " | ".join(str(cell) for cell in cells) + " |\n"


def machine_line(run: pd.Series) -> str:
    """The machine in words."""
    return (
        f"{run['cpu']} ({run['flags']}), {run['cores']} cores, {run['memory_gib']} GiB, "
        f"{run['system']}, Python {run['python']}"
    )


def with_precision(rows: pd.DataFrame) -> pd.DataFrame:
    """Tell in what precision U-Nets were trained: as recorded, else what a processor allows."""
    allowed = rows["flags"].map(lambda flags: "bf16" if "bf16" in str(flags) else "fp32")
    if "precision" not in rows:
        return rows.assign(precision=allowed)
    names = {"32-true": "fp32", "bf16-mixed": "bf16", "16-mixed": "fp16"}
    return rows.assign(precision=rows["precision"].map(names).fillna(allowed))
