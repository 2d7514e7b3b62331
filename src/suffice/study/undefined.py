"""Which values are in no mean, and why: so that none goes missing unseen."""

from __future__ import annotations

import numpy as np
import pandas as pd

from suffice.metrics import OUTCOMES, WHOLE_CASE, split_unit

UNDEFINED_COLUMNS = ("rung", "case", "subject", "label", "metric", "reason")

_REASONS = {
    "missed": "drawn, not predicted",
    "false": "predicted, not drawn",
    "absent": "neither drawn nor predicted",
}
_OTHERWISE = "not defined for these masks"
_NO_CALIBRATION = "no probabilities kept, or nothing drawn"


def undefined_rows(scores: pd.DataFrame) -> pd.DataFrame:
    """List the values that a mean over the cases does not take in.

    Parameters
    ----------
    scores : DataFrame
        With the columns ``case, subject, label, metric, value`` and perhaps ``rung``.

    Returns
    -------
    DataFrame
        Columns ``rung, case, subject, label, metric, reason``: every value that is not finite,
        and every one that a case lacks although others have it, as where a structure is neither
        drawn nor predicted. A value in another unit (pixels beside mm) is not lacking. One row
        a value: where raters differ, so may the reasons, which then stand side by side.
    """
    table = scores if "rung" in scores.columns else scores.assign(rung="")
    table = table.astype({"value": float})
    keys = ["rung", "case", "subject", "label"]
    is_outcome = table["metric"].isin(OUTCOMES)
    values = table.loc[~is_outcome, [*keys, "metric", "value"]]
    reported = values[["rung", "label", "metric"]].drop_duplicates()
    scored = pd.concat([table[keys], table[keys].assign(label=WHOLE_CASE)]).drop_duplicates()
    wanted = scored.merge(reported, on=["rung", "label"])
    found = wanted.merge(values, on=[*keys, "metric"], how="left")
    lacking = _without_other_units(found[~np.isfinite(found["value"])], values, keys)
    happened = table.loc[is_outcome & (table["value"] > 0), [*keys, "metric"]]
    reasons = happened.assign(reason=happened["metric"].map(_REASONS))
    reasons = reasons.groupby(keys, sort=False)["reason"].agg("; ".join).reset_index()
    named = lacking.merge(reasons, on=keys, how="left")
    otherwise = np.where(named["label"] == WHOLE_CASE, _NO_CALIBRATION, _OTHERWISE)
    named["reason"] = named["reason"].fillna(pd.Series(otherwise, index=named.index))
    return named.reset_index(drop=True)[list(UNDEFINED_COLUMNS)]


def _without_other_units(
    lacking: pd.DataFrame, values: pd.DataFrame, keys: list[str]
) -> pd.DataFrame:
    """Drop what a case has in another unit."""
    had = values.assign(stem=_stems(values["metric"]))[[*keys, "stem"]].drop_duplicates()
    there = lacking.assign(stem=_stems(lacking["metric"])).merge(had, how="left", indicator="seen")
    return there[there["value"].notna() | (there["seen"] == "left_only")]


def _stems(metrics: pd.Series[str]) -> pd.Series[str]:
    return metrics.map(lambda name: split_unit(name)[0])
