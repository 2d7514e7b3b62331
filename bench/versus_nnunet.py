"""suffice against nnU-Net: the same cases, minutes and threads, scored by the same function.

Both sides run one after the other, or with ``--pin-each`` at the same time, each with one
thread on a core of its own, so that whatever disturbs the machine disturbs both.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

import side
from datasets import DATASETS, Dataset, dice, read_mask
from machine import describe_machine

HERE = Path(__file__).parent
RESULTS = HERE / "results"
TOOLS = {
    "nnunet": "nnunet_side.py",
    "suffice": "suffice_side.py",
    # The same with `--model` and what follows.
    "suffice-unet": "suffice_side.py",
    "suffice-atlas-unet": "suffice_side.py",
}
USUAL = ("nnunet", "suffice")
RUN = ["dataset", "tool", "minutes", "threads", "seed", "pinned", "train", "test"]


def command(tool: str, options: argparse.Namespace, out: Path, core: int | None) -> list[str]:
    """The command line of one side."""
    dataset = DATASETS[options.dataset]
    arguments = {
        "data": options.data,
        "train": options.train or dataset.train,
        "test": options.test or dataset.test,
        "minutes": options.minutes,
        "threads": options.threads,
        "seed": options.seed,
        "out": out,
    }
    if core is not None:
        arguments["core"] = core
    if tool.startswith("suffice-"):
        arguments["model"] = tool.removeprefix("suffice-")
    if tool == "nnunet":
        arguments["precision"] = options.nnunet_precision
    flags = [part for name, value in arguments.items() for part in (f"--{name}", str(value))]
    return [sys.executable, str(HERE / TOOLS[tool]), options.dataset, *flags]


def run_sides(options: argparse.Namespace, out: Path) -> None:
    """Run the chosen tools; what they print goes to ``out/TOOL.log``."""
    cores = sorted(os.sched_getaffinity(0)) if options.pin_each else []
    running: list[tuple[str, subprocess.Popen[bytes]]] = []
    for i, tool in enumerate(options.tools):
        (out / tool).mkdir(parents=True)
        core = cores[i] if options.pin_each else None
        with (out / f"{tool}.log").open("wb") as log:
            line = command(tool, options, out / tool, core)
            process = subprocess.Popen(line, stdout=log, stderr=subprocess.STDOUT)
        running.append((tool, process))
        if not options.pin_each:
            process.wait()
    for tool, process in running:
        if process.wait():
            tail = (out / f"{tool}.log").read_text(errors="replace")[-3000:]
            sys.exit(f"{tool} ended with {process.returncode}:\n{tail}")


def score(
    dataset: Dataset, data: Path, test: list[str], masks: Path, mode: str
) -> list[dict[str, Any]]:
    """Dice of each case and label of one tool's masks."""
    rows = []
    for case in test:
        truth = dataset.truth(data, case)
        predicted = read_mask(masks / mode / f"{case}{dataset.file_ending}")
        for label, value in dataset.labels.items():
            row = {"mirrored": mode == "mirrored", "case": case, "label": label}
            rows.append({**row, "dice": round(dice(truth, predicted, value), 6)})
    return rows


def replace_rows(path: Path, rows: pd.DataFrame, key: list[str]) -> None:
    """Add rows to a CSV file; they take the place of those of the same run."""
    if path.exists():
        old = pd.read_csv(path)
        same = old.set_index(key).index.isin(rows.set_index(key).index)
        rows = pd.concat([old[~same], rows], ignore_index=True)
    path.parent.mkdir(exist_ok=True)
    rows.to_csv(path, index=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", choices=tuple(DATASETS))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--train", help="instead of the fixed list, e.g. a file of names")
    parser.add_argument("--test", help="instead of the fixed list, e.g. develop")
    parser.add_argument("--tools", nargs="+", choices=tuple(TOOLS), default=list(USUAL))
    parser.add_argument("--nnunet-precision", choices=("auto", "fp32", "bf16"), default="auto")
    parser.add_argument("--pin-each", action="store_true", help="both at once, a core each")
    parser.add_argument("--keep", type=Path, help="keep masks and logs in this folder")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    if options.pin_each:
        options.threads = 1
    dataset = DATASETS[options.dataset]
    test = dataset.case_names(options.test or dataset.test)
    run = {
        "dataset": options.dataset,
        "minutes": options.minutes,
        "threads": options.threads,
        "seed": options.seed,
        "pinned": options.pin_each,
        "train": options.train or dataset.train,
        "test": options.test or dataset.test,
    }
    with tempfile.TemporaryDirectory(prefix="versus-") as temporary:
        out = options.keep or Path(temporary)
        run_sides(options, out)
        for tool in options.tools:
            info = json.loads((out / tool / "info.json").read_text())
            rows = [
                {**run, "tool": tool, "version": info["version"], "precision": info["precision"]}
                | row
                for mode in side.MODES
                for row in score(dataset, options.data, test, out / tool, mode)
            ]
            table = pd.DataFrame(rows)
            replace_rows(options.results / "versus_nnunet.csv", table, RUN)
            about = pd.DataFrame([{**run, "tool": tool, **info, **describe_machine()}])
            replace_rows(options.results / "versus_nnunet_runs.csv", about, RUN)
            for mirrored, part in table.groupby("mirrored"):
                mean = part.groupby("case")["dice"].mean().mean()
                words = "mirrored" if mirrored else "plain"
                print(f"{options.dataset}: {tool} {words}: mean Dice {mean:.4f}")


if __name__ == "__main__":
    main()
