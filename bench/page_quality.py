"""Section of docs/benchmarks.md on Dice predicted without a drawn mask."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import bootstrap

from page_parts import machine_line, row

LEVELS = (80, 90)
_N_SIMULATED = 20_000


def quality_table(rows: pd.DataFrame) -> Iterator[str]:
    """Give the section on predicted Dice."""
    yield "\n## Dice predicted without a drawn mask\n\n"
    yield (
        "Studies of `suffice run` with a few labelled cases; the other cases are scans that "
        "nobody drew, and their masks are kept from it. Dice as predicted for each of these "
        "against the true one: mean absolute error with its 95 % interval over cases, those of "
        "several draws drawn together; the error of saying the mean of the held-back cases every "
        "time, and how much more that is, paired; and the rank correlation. The "
        "bounds of 80 % and 90 % should hold as often as they say; in brackets where that part "
        "lies for an exact bound in 95 of 100 repetitions, as it hangs on the few held-back "
        "cases of each draw and on the cases scored.\n\n"
    )
    heads = ["cases", "model", "labels", "minutes each", "draws", "Dice of", "true mean, %"]
    heads += ["error, points", "of a constant", "gain over it", "rank correlation"]
    heads += ["80 % bound", "90 % bound"]
    yield row([*heads, "scored"])
    yield row(["---"] * (len(heads) + 1))
    setting = ["dataset", "kind", "n_labels", "minutes", "label"]
    for (dataset, kind, n_labels, minutes, label), part in rows.groupby(setting, sort=False):
        cells = [dataset, f"`{kind}`", n_labels, f"{minutes:g}", part["draw"].nunique(), label]
        errors = 100 * (part["dice"] - part["predicted_dice"]).abs()
        constant = 100 * (part["dice"] - part["constant"]).abs()
        gain = around(constant - errors, part["case"])
        ranks = [p[["dice", "predicted_dice"]].rank().corr().iloc[0, 1] for _, p in draws(part)]
        cells += [f"{100 * part['dice'].mean():.1f}", around(errors, part["case"])]
        cells += [f"{constant.mean():.1f}", gain, f"{np.mean(ranks):.2f}"]
        cells += [*(held(part, level) for level in LEVELS), len(part)]
        yield row(cells)
    yield f"\n- torch {rows.iloc[0]['torch']}; {machine_line(rows.iloc[0])}\n"


def draws(part: pd.DataFrame) -> Iterator[tuple[object, pd.DataFrame]]:
    """Rows of each draw of labels."""
    yield from part.groupby("draw", sort=False)


def around(errors: pd.Series, cases: pd.Series) -> str:
    """Mean error with its BCa interval; a case that several draws scored is drawn as one."""
    by_case = errors.groupby(cases).agg(["sum", "size"]).to_numpy(dtype=float)
    found = bootstrap(
        tuple(by_case.T), _ratio, paired=True, n_resamples=9999, rng=np.random.default_rng(0)
    )
    low, high = found.confidence_interval
    return f"{errors.mean():.1f} ({low:.1f} to {high:.1f})"


def _ratio(
    total: npt.NDArray[np.float64], count: npt.NDArray[np.float64], axis: int = -1
) -> npt.NDArray[np.float64]:
    return np.asarray(total.sum(axis=axis) / count.sum(axis=axis))


def held(part: pd.DataFrame, level: int) -> str:
    """Part of the cases above their bound, and where it lies for an exact bound."""
    column = f"dice_lower_{level}"
    known = part.dropna(subset=column)
    if known.empty:
        return "too few held back"
    share = float((known["dice"] >= known[column]).mean())
    rng = np.random.default_rng(0)
    total = np.zeros(_N_SIMULATED)
    for _, mine in draws(known):
        # With k of n + 1 places below the bound, what it holds in truth is Beta distributed.
        n = int(mine["n_held_back"].iloc[0])
        k = int(np.floor((100 - level) * (n + 1) / 100 + 1e-9))
        total += rng.binomial(len(mine), rng.beta(n + 1 - k, k, _N_SIMULATED))
    low, high = np.quantile(total / len(known), [0.025, 0.975])
    return f"{100 * share:.0f} % ({100 * low:.0f} to {100 * high:.0f})"
