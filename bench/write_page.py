"""Write docs/benchmarks.md from the tables in bench/results."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import bootstrap

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "benchmarks.md"
TITLES = {
    "hippocampus": "Hippocampus, MR, 3D: 8 labelled cases, 20 unseen",
    "chest": "Lungs on chest X-rays, 2D: 12 labelled cases, 40 unseen",
    "nuclei": "Nuclei under the microscope, 2D: 12 labelled cases, 40 unseen",
}
NAMES = {"suffice": "suffice", "nnunet": "nnU-Net"}
SETTING = ["minutes", "threads", "seed", "pinned"]

INTRODUCTION = """\
# Benchmarks

Written by `make bench` from the tables in `bench/results`; `bench/README.md` says how to run it.

## Few labels, few minutes: against nnU-Net

Both tools get the same cases, the same minutes and the same threads of the same machine, one
after the other in one run (where it says *pinned*: at the same time, each with a core of its
own). The lists of cases were drawn at random and committed before anything was tuned. One
function scores both: Dice per case and label, averaged over labels, then over cases. No
checkpoint is chosen by its score: what stands when the time is over is what is scored.

- **nnU-Net** plans with its defaults (`3d_fullres` for volumes, `2d` for pictures) and trains on
  all labelled cases (fold `all`) with its own trainer; its poly schedule is laid over the clock.
  Planning, preprocessing, start-up and finding its fastest precision and number of augmentation
  processes are not counted, and no validation, checkpoint or plot is done while the clock runs.
  It predicts in fp32.
- **suffice** runs as a user would run it: `suffice import`, `suffice train --minutes`, `suffice
  predict`. Reading, preprocessing and calibration are counted.

Intervals are 95 % BCa bootstraps over cases, paired for the difference; one seed each.

Read the differences with the machine in mind: without AMX, bfloat16 is emulated and slower than
fp32, and nnU-Net's larger networks get a few hundred steps in ten minutes. On two threads of a
processor with AMX, nnU-Net 2.8 in bf16 reached a Dice of 81.7 % (82.2 mirrored) with 8 labels in
9 minutes on other cases of the hippocampus set, and 84.4 % (84.7) with 32 labels in 35 minutes.
suffice does not mirror volumes, nor pictures of anatomy, so that its mirrored rows equal the
plain ones there.
"""

CREDITS = """\
## Data

Hippocampus: Medical Segmentation Decathlon, task 4 (CC BY-SA 4.0). Chest X-rays: Shenzhen set,
masks by Stirenko et al. (CC BY-NC-SA 4.0, research only). Nuclei: 2018 Data Science Bowl, stage
1 (CC0). Lung nodules: LIDC-IDRI, TCIA (CC BY 3.0). None of it is part of this repository.
"""


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
    for mirrored in (False, True):
        if ("suffice", mirrored) in means and ("nnunet", mirrored) in means:
            ours, theirs = means["suffice", mirrored].align(means["nnunet", mirrored])
            words = f"difference{', mirrored' if mirrored else ''}"
            yield row([f"**{words}**", f"**{interval(ours - theirs)}**", *[""] * len(extra)])
    yield "\n"
    for run in runs.itertuples():
        yield (
            f"- {NAMES[run.tool]} {run.version}, torch {run.torch}, {run.precision}: "
            f"{run.steps} steps in {run.minutes_trained:.2f} minutes; {run.plan}\n"
        )
    yield f"- {machine_line(runs.iloc[0])}\n"


def machine_line(run: pd.Series) -> str:
    """The machine in words."""
    return (
        f"{run['cpu']} ({run['flags']}), {run['cores']} cores, {run['memory_gib']} GiB, "
        f"{run['system']}, Python {run['python']}"
    )


def inference_table(rows: pd.DataFrame) -> Iterator[str]:
    """Give the section on tiled inference."""
    yield "\n## Inference on a whole volume\n\n"
    yield (
        "A U-Net with 16 channels at full resolution, trained on patches of 96x96x96 (32x32x32 "
        "for the hippocampus, so that it needs tiles); the same weights in the same process for "
        "all three. MONAI and nnU-Net tile with an overlap of 0.5 and Gaussian weights. Seconds "
        "are medians, from the normalised volume to the class of each voxel; the ratio is theirs "
        "to ours in the same precision. Dice is the mean over cases that were not trained on.\n\n"
    )
    yield row(["", "precision", "case", "seconds", "ratio", "Dice, %"])
    yield row(["---"] * 6)
    ours = rows[rows["tool"] == "suffice"].set_index(["precision", "case"])["seconds"]
    for line in rows.sort_values(["case", "precision"], kind="stable").itertuples():
        place = (line.precision, line.case)
        ratio = f"{line.seconds / ours[place]:.1f}" if place in ours.index else ""
        cells = [line.tool, line.precision, line.case, f"{line.seconds:.1f}", ratio]
        # The volume of noise has no truth.
        yield row([*cells, f"{100 * float(line.dice):.2f}" if line.dice != "" else ""])
    yield f"\n- {rows.iloc[0]['threads']} threads, torch {rows.iloc[0]['torch']}; "
    yield f"{machine_line(rows.iloc[0])}\n"


def metrics_table(rows: pd.DataFrame) -> Iterator[str]:
    """Give the section on the speed of the metrics."""
    first = rows.iloc[0]
    yield "\n## Dice, HD95 and NSD of whole label maps\n\n"
    yield (
        "From the two label maps to the three numbers of every label, all tools in one process "
        f"on one thread, by turns; medians of {first['repeats']} repeats. suffice measures "
        "between surface elements as surface-distance does, and both find the same values to a "
        "millionth; MONAI measures between voxels. Ratios are theirs to ours.\n\n"
    )
    tools = list(rows["tool"].unique())
    others = [tool for tool in tools if tool != "suffice"]
    yield row(["", *(f"{tool}, ms" for tool in tools), *(f"ratio to {tool}" for tool in others)])
    yield row(["---"] * (1 + len(tools) + len(others)))
    for case, part in rows.groupby("case", sort=False):
        seconds = part.set_index("tool")["seconds"]
        times = [f"{float(f'{1000 * seconds[tool]:.3g}'):g}" for tool in tools]
        yield row([case, *times, *(f"{seconds[o] / seconds['suffice']:.1f}" for o in others)])
    versions = rows.drop_duplicates("tool").set_index("tool")["version"].items()
    yield f"\n- {', '.join(f'{tool} {version}' for tool, version in versions)}; "
    yield f"numpy {first['numpy']}, scipy {first['scipy']}, torch {first['torch']}\n"
    yield f"- {machine_line(first)}\n"


def staple_table(rows: pd.DataFrame) -> Iterator[str]:
    """Give the section on STAPLE."""
    yield "\n## STAPLE\n\n"
    yield (
        "Five raters of one made-up volume of 256x256x128, one process, tools in turn; seconds "
        f"are medians of {rows.iloc[0]['repeats']}, from the masks to the posterior (binary) or "
        "the labels. SimpleITK runs with its own number of threads and with one. With several "
        "labels the two start from different guesses (the shares of the votes, the majority), so "
        "that voxels that are nearly tied may differ.\n\n"
    )
    yield row(["", "tool", "threads", "seconds", "ratio", "difference"])
    yield row(["---"] * 6)
    mine = rows[rows["tool"] == "suffice"].set_index("task")["seconds"]
    for line in rows.itertuples():
        ratio, apart = "", ""
        if line.tool != "suffice":
            ratio = f"{line.seconds / mine[line.task]:.0f}"
            what = "of posterior" if line.task == "binary" else "of voxels"
            apart = f"{line.difference:.2g} {what}"
        cells = [line.task, line.tool, line.threads, f"{line.seconds:.2f}", ratio, apart]
        yield row(cells)
    yield f"\n- SimpleITK {rows.iloc[0]['simpleitk']}; {machine_line(rows.iloc[0])}\n"


def augmentation_table(rows: pd.DataFrame) -> Iterator[str]:
    """Give the section on the speed of augmentation."""
    first = rows.iloc[0]
    yield "\n## Augmentation of a patch of 128x128x128\n\n"
    yield (
        "From a float32 patch and its mask to the changed ones, all tools in one process on one "
        "thread, by turns, each drawing anew every time: the median where everything is applied "
        "every time, the mean over draws where it happens with nnU-Net's probabilities. Fastest "
        "is the fastest draw, in which it may be that nothing happens. Milliseconds are those of "
        "the processor, since others used the machine; ratios are theirs to ours.\n\n"
    )
    yield row(["", "tool", "ms", "fastest, ms", "draws", "ratio", "applied"])
    yield row(["---"] * 7)
    ours = rows[rows["tool"] == "suffice"].set_index("task")["seconds"]
    for line in rows.itertuples():
        ratio = "" if line.tool == "suffice" else f"{line.seconds / ours[line.task]:.1f}"
        times = [f"{1000 * line.seconds:.0f}", f"{1000 * line.fastest:.0f}"]
        tool = f"{line.tool} {line.version}"
        yield row([line.task, tool, *times, line.repeats, ratio, line.applied])
    yield f"\n- torch {first['torch']}; {machine_line(first)}\n"


def plausible_table(rows: pd.DataFrame) -> Iterator[str]:
    """Give the section on several raters' masks."""
    first = rows.iloc[0]
    yield "\n## Plausible masks of lung nodules\n\n"
    yield (
        f"Slices of lung nodules with four raters each (LIDC-IDRI): {first['n_train']} to learn "
        f"from, {rows['case'].nunique()} of {rows['subject'].nunique()} other patients to score; "
        f"{first['minutes']:g} minutes of one core's time for each model, seed {first['seed']}. "
        "Generalised energy distance (GED, biased form, lower is better) of 16 masks, or of the "
        "one mask of a U-Net, to the four raters'; intervals are over patients. *Levels* cuts the "
        "probabilities at 16 heights. The raters' own diversity is "
        f"{rows['raters_diversity'].mean():.3f}.\n\n"
    )
    yield row(["model", "masks", "GED", "matched IoU", "diversity", "steps"])
    yield row(["---"] * 6)
    for (model, masks), part in rows.groupby(["model", "masks"], sort=False):
        means = part.groupby("subject")["ged"].mean().to_numpy()
        found = bootstrap((means,), np.mean, n_resamples=9999, rng=np.random.default_rng(0))
        low, high = found.confidence_interval
        ged = f"{means.mean():.3f} ({low:.3f} to {high:.3f})"
        rest = [f"{part[name].mean():.3f}" for name in ("matched_iou", "diversity")]
        yield row([model, masks, ged, *rest, part.iloc[0]["steps"]])
    yield f"\n- torch {first['torch']}; {machine_line(first)}\n"


def tuning_table(rows: pd.DataFrame) -> Iterator[str]:
    """Give the section on what the defaults were chosen by."""
    yield "\n## What the defaults were chosen by\n\n"
    yield (
        "Single trainings of 6 minutes of one core's time each, with one seed: a difference of "
        "less than a point is noise. Scored on cases that are in no benchmark above. Mirroring, "
        "even left to right alone, cost points; so did test images padded unlike the training "
        "ones, under instance norm; fewer convolutions at full resolution bought steps.\n\n"
    )
    yield row([name.replace("_", " ") for name in rows.columns])
    yield row(["---"] * len(rows.columns))
    for line in rows.itertuples(index=False):
        yield row([f"{100 * cell:.1f} %" if cell is line.dice else cell for cell in line])


def page(results: Path) -> str:
    """The whole page as Markdown."""
    parts = [INTRODUCTION]
    if (results / "versus_nnunet.csv").exists():
        scores = pd.read_csv(results / "versus_nnunet.csv")
        runs = pd.read_csv(results / "versus_nnunet_runs.csv", keep_default_na=False)
        parts += versus_tables(scores, runs)
    if (results / "inference.csv").exists():
        parts += inference_table(pd.read_csv(results / "inference.csv", keep_default_na=False))
    if (results / "metrics.csv").exists():
        parts += metrics_table(pd.read_csv(results / "metrics.csv"))
    if (results / "staple.csv").exists():
        parts += staple_table(pd.read_csv(results / "staple.csv"))
    if (results / "augmentation.csv").exists():
        parts += augmentation_table(pd.read_csv(results / "augmentation.csv"))
    if (results / "plausible.csv").exists():
        parts += plausible_table(pd.read_csv(results / "plausible.csv"))
    if (results / "tuning.csv").exists():
        parts += tuning_table(pd.read_csv(results / "tuning.csv", keep_default_na=False))
    return "".join([*parts, "\n", CREDITS])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=HERE / "results")
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args()
    options.page.write_text(page(options.results), encoding="utf-8")


if __name__ == "__main__":
    main()
