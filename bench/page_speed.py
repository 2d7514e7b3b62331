"""Sections of docs/benchmarks.md on speed and memory."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from page_parts import machine_line, row


def inference_table(rows: pd.DataFrame) -> Iterator[str]:
    """Give the section on tiled inference."""
    yield "\n## Inference on a whole volume\n\n"
    yield (
        "A U-Net with 16 channels at full resolution, trained on patches of 96x96x96 (32x32x32 "
        "for the hippocampus, so that it needs tiles); the same weights in the same process for "
        "all three. suffice runs the large volume in four tiles of three patches, the hippocampus "
        "in patches that overlap by half; MONAI and nnU-Net tile with an overlap of 0.5 and "
        "Gaussian weights. Seconds are medians, from the normalised volume to the class of each "
        "voxel; the ratio is "
        "theirs to ours in the same precision. Dice is the mean over cases that were not trained "
        "on, by networks trained for so many minutes.\n\n"
    )
    yield row(["", "precision", "case", "trained, minutes", "seconds", "ratio", "Dice, %"])
    yield row(["---"] * 7)
    ours = rows[rows["tool"] == "suffice"].set_index(["precision", "case"])["seconds"]
    for line in rows.sort_values(["case", "precision"], kind="stable").itertuples():
        place = (line.precision, line.case)
        ratio = f"{line.seconds / ours[place]:.1f}" if place in ours.index else ""
        cells = [line.tool, line.precision, line.case, f"{line.train_minutes:g}"]
        cells += [f"{line.seconds:.2f}", ratio]
        # The volume of noise has no truth.
        yield row([*cells, f"{100 * float(line.dice):.2f}" if pd.notna(line.dice) else ""])
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


def memory_table(rows: pd.DataFrame) -> Iterator[str]:
    """Give the section on the memory that a large scan takes."""
    line = rows.iloc[0]
    yield "\n## Memory for a large CT\n\n"
    yield (
        f"`suffice predict` on a CT of {line['scan']} voxels (int16) at the model's own spacing, "
        f"with the network of 16 channels: at most {line['peak_gb']:.2f} GB of memory, from the "
        f"file to the mask on the scan's grid, in {line['minutes']:.0f} minutes on "
        f"{line['threads']} thread{'s' if line['threads'] != 1 else ''}.\n"
    )
    yield f"\n- {machine_line(line)}\n"
