"""The section of docs/benchmarks.md on no labels at all, and one."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from page_parts import FIXED, interval, machine_line, row


def no_labels_table(rows: pd.DataFrame) -> Iterator[str]:
    """Give the section on clusters and one shot."""
    rows = rows[rows["test"].isin(FIXED)]
    yield "\n## No labels, and one\n\n"
    yield (
        "Clusters of brightness are found in unscored cases without their masks; the masks then "
        "name them, and choose number and weight of the place, never those of the scored cases. "
        "`registration` carries the labels of one case to the other unscored ones, whose masks "
        "are not looked at, and trains a U-Net. Minutes of one core's time; intervals over the "
        "unseen cases."
    )
    if "supervised" in set(rows["way"]):
        yield " `supervised` is the same U-Net on the one case alone."
    yield "\n\n"
    yield row(["cases", "way", "masks", "draws", "minutes", "Dice, %"])
    yield row(["---"] * 6)
    for (dataset, way, n_labels), part in rows.groupby(["dataset", "way", "n_labels"], sort=False):
        masks = "1" if n_labels == 1 else f"{n_labels}, for names"
        dice = interval(part.groupby("case")["dice"].mean())
        cells = [dataset, way, masks, part["draw"].nunique(), f"{part.iloc[0]['minutes']:g}"]
        yield row([*cells, dice])
    yield f"\n- torch {rows.iloc[0]['torch']}; {machine_line(rows.iloc[0])}\n"
