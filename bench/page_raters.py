"""The section of docs/benchmarks.md on learning from several raters."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from page_parts import interval, machine_line, row

FIRST = "first"
NOISE = {"none": "as they are", "two": "two of five spoilt"}


def raters_table(rows: pd.DataFrame) -> Iterator[str]:
    """Give the section on what several masks a case are worth to a training."""
    run = rows.iloc[0]
    yield "\n## Noisy raters\n\n"
    yield (
        "Cells in phase contrast, shrunk sixfold, drawn by five persons each; a small U-Net, the "
        f"same for all, {run['minutes']:g} minutes of one core's time (about {run['steps']} "
        "steps). For the spoilt ones the first person draws four pixels too many all around and "
        "the second nothing in half of the pictures, in training alone. Dice of "
        f"{rows['case'].nunique()} unseen pictures with the majority of the persons as they are "
        "and with their STAPLE; differences are paired by picture; size is the median of area "
        "drawn by area of the majority.\n\n"
    )
    heads = ["raters", "way", "seeds", "Dice, majority, %", "Dice, STAPLE, %", "size"]
    yield row([*heads, "gain over the first one's masks, points"])
    yield row(["---"] * (len(heads) + 1))
    for noise, part in rows.groupby("noise", sort=False):
        by_case = part.groupby(["way", "truth", "case"])["dice"].mean()
        for way, own in part.groupby("way", sort=False):
            gain = ""
            if way != FIRST and set(own["seed"]) == set(part.loc[part["way"] == FIRST, "seed"]):
                gain = interval(by_case[way, "majority"] - by_case[FIRST, "majority"])
            scores = [interval(by_case[way, truth]) for truth in ("majority", "staple")]
            size = own.loc[own["truth"] == "majority", "size"].median()
            seeds = own["seed"].nunique()
            yield row([NOISE[str(noise)], way, seeds, *scores, f"{size:.2f}", gain])
    yield f"\n- torch {run['torch']}; {machine_line(run)}\n"
