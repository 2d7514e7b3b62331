"""The section of docs/benchmarks.md against nnU-Net."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pandas as pd

from page_parts import interval, machine_line, row

TITLES = {
    "hippocampus": "Hippocampus, MR, 3D: 8 labelled cases, 20 unseen",
    "chest": "Lungs on chest X-rays, 2D: 12 labelled cases, 40 unseen",
    "nuclei": "Nuclei under the microscope, 2D: 12 labelled cases, 40 unseen",
}
NAMES = {
    "nnunet": "nnU-Net",
    "suffice": "suffice",
    # Of earlier calls with the same cases and minutes on the same kind of core.
    "suffice-unet": "suffice, `--model unet`, another call",
    "suffice-atlas-unet": "suffice, `--model atlas-unet`, another call",
}
SETTING = ["minutes", "threads", "seed", "pinned"]


def versus_tables(scores: pd.DataFrame, runs: pd.DataFrame) -> Iterator[str]:
    """Give a section for each data set and setting that was run on its fixed lists."""
    fixed = scores[scores["test"].isin(["test20", "test40"])]
    for dataset, title in TITLES.items():
        for setting, part in fixed[fixed["dataset"] == dataset].groupby(SETTING):
            values = dict(zip(SETTING, setting, strict=True))
            chosen = (runs["dataset"] == dataset) & (runs["test"].isin(["test20", "test40"]))
            for name, value in values.items():
                chosen &= runs[name] == value
            yield f"\n### {title}\n\n"
            yield from versus_table(part, runs[chosen], values)


def versus_table(
    part: pd.DataFrame, runs: pd.DataFrame, setting: dict[str, object]
) -> Iterator[str]:
    """One run: a line for each tool and mode, the paired differences, and what was run."""
    pinned = ", pinned to a core each, at the same time" if setting["pinned"] else ""
    yield (
        f"{setting['minutes']:g} minutes, {setting['threads']} "
        f"thread{'s' if setting['threads'] != 1 else ''} each{pinned}, seed {setting['seed']}.\n\n"
    )
    labels = list(part["label"].unique())
    extra = labels if len(labels) > 1 else []
    yield row(["", "Dice, %", *extra])
    yield row(["---"] * (2 + len(extra)))
    means: dict[tuple[str, bool], pd.Series] = {}
    for (tool, mirrored), own in part.groupby(["tool", "mirrored"], sort=False):
        means[tool, mirrored] = own.groupby("case")["dice"].mean()
        words = f"{NAMES[tool]}{', mirrored' if mirrored else ''}"
        each = [f"{100 * own.loc[own['label'] == label, 'dice'].mean():.1f}" for label in extra]
        yield row([words, interval(means[tool, mirrored]), *each])
    ours_first = [tool for tool in NAMES if tool != "nnunet"]
    for tool, mirrored in itertools.product(ours_first, (False, True)):
        if (tool, mirrored) in means and ("nnunet", mirrored) in means:
            ours, theirs = means[tool, mirrored].align(means["nnunet", mirrored])
            words = f"{NAMES[tool]}: difference{', mirrored' if mirrored else ''}"
            yield row([f"**{words}**", f"**{interval(ours - theirs)}**", *[""] * len(extra)])
    yield "\n"
    for run in runs.itertuples():
        yield (
            f"- {NAMES[run.tool]} {run.version}, torch {run.torch}, {run.precision}: "
            f"{run.steps} steps in {run.minutes_trained:.2f} minutes; {run.plan}\n"
        )
    yield f"- {machine_line(runs.iloc[0])}\n"
