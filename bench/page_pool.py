"""The section of docs/benchmarks.md on scans without masks."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from page_parts import FIXED, interval, machine_line, row

ALONE = "supervised"


def pool_table(rows: pd.DataFrame) -> Iterator[str]:
    """Give the section on what a pool of unlabelled scans is worth."""
    yield "\n## Few labels and scans without masks\n\n"
    yield (
        "The same planned network, labelled cases and minutes of one core's time, with a pool of "
        "all other scans that are not scored, without their masks, and without it. Dice is "
        "averaged over labels and draws of labelled cases, with intervals over the unseen cases, "
        "which say nothing of other draws: that of one draw holds for these labelled cases alone; "
        "differences to no pool are paired by case, and given where both had the same draws. "
        "`atlas` and `atlas-unet` are kinds of models that know no pool.\n\n"
    )
    yield row(["cases", "labels", "draws", "way", "pool", "minutes", "Dice, %", "gain, points"])
    yield row(["---"] * 8)
    setting = ["dataset", "n_labels", "minutes"]
    # Cases that ways may be chosen on tell nothing of unseen ones.
    rows = rows[rows["test"].isin(FIXED)]
    for (dataset, n_labels, minutes), part in rows.groupby(setting, sort=False):
        means = {
            way: own.groupby("case")["dice"].mean()
            for way, own in part.groupby("strategy", sort=False)
        }
        for way, dice in means.items():
            own = part[part["strategy"] == way]
            gain = ""
            # A gain over other draws of labelled cases would be no gain.
            alone = part[part["strategy"] == ALONE]
            if way != ALONE and set(own["draw"]) == set(alone["draw"]):
                gain = interval(dice - means[ALONE])
            cells = [dataset, n_labels, own["draw"].nunique(), way, own.iloc[0]["n_pool"]]
            yield row([*cells, f"{minutes:g}", interval(dice), gain])
    yield f"\n- torch {rows.iloc[0]['torch']}; {machine_line(rows.iloc[0])}\n"
