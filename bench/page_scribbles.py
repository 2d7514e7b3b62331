"""The section of docs/benchmarks.md on scribbles."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from page_parts import interval, machine_line, row

WHOLE = "whole"


def scribbles_table(rows: pd.DataFrame) -> Iterator[str]:
    """Give the section on what strokes teach against whole masks."""
    yield "\n## Scribbles\n\n"
    yield (
        "The same planned network, cases and minutes of one core's time, learning from whole masks "
        "or from a stroke in each structure and one of background, which alone are in the loss; "
        "*strokes-consistency* is taught by the moving average of its weights in the other voxels. "
        "All are scored on whole masks of unseen cases. Dice is averaged over labels and draws, "
        "with intervals over cases; differences to whole masks are paired by case. `develop` names "
        "cases on which ways may be chosen, the others were never looked at before.\n\n"
    )
    head = ["cases", "labels", "draws", "voxels labelled, %", "way", "minutes", "scored on"]
    yield row([*head, "Dice, %", "to whole masks, points"])
    yield row(["---"] * (len(head) + 2))
    setting = ["dataset", "n_labels", "minutes", "test"]
    for (dataset, n_labels, minutes, test), part in rows.groupby(setting, sort=False):
        whole = part[part["way"] == WHOLE]
        for way, own in part.groupby("way", sort=False):
            dice, gap = own.groupby("case")["dice"].mean(), ""
            if way != WHOLE and set(own["draw"]) == set(whole["draw"]):
                gap = interval(dice - whole.groupby("case")["dice"].mean())
            percent = 100.0 if way == WHOLE else own["labelled_percent"].mean()
            cells = [dataset, n_labels, own["draw"].nunique(), f"{percent:.3g}", way]
            yield row([*cells, f"{minutes:g}", test, interval(dice), gap])
    yield f"\n- torch {rows.iloc[0]['torch']}; {machine_line(rows.iloc[0])}\n"
