"""Every rung of the ladder on the same cases: Dice on unseen ones, minutes and memory.

Each rung is fitted in a process of its own, so that memory is its alone, and a rung that is done
is not fitted again: give the command again to add rungs, or ``--again`` to measure anew. Rungs
that learn as long as they are given time get ``--minutes``, as does every other, which stops when
it is done.
"""

from __future__ import annotations

import argparse
import tempfile
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pandas as pd

import side
from datasets import DATASETS
from machine import describe_machine

RESULTS = Path(__file__).parent / "results"
DOCS = Path(__file__).parents[1] / "docs"
# What lies between these lines of docs/ladder.md is written here.
BEGIN, END = "<!-- {}: made by bench/ladder.py -->\n", "<!-- end of {} -->"
KEYS = ["dataset", "minutes_given", "threads", "seed", "rung"]


def fit_and_score(rung: str, options: argparse.Namespace) -> tuple[dict[str, Any], pd.DataFrame]:
    """Fit a rung, predict the unseen cases and score them; a refusal is a row with its reason."""
    side.limit_threads(options.threads, None)
    from suffice.core import SufficeError
    from suffice.io import read_cohort
    from suffice.segmenters.gauging import gauging
    from suffice.workflows.evaluating import evaluate
    from suffice.workflows.predicting import predict
    from suffice.workflows.training import train

    dataset = DATASETS[options.dataset]
    cohort = read_cohort(options.cohort)
    row: dict[str, Any] = {"rung": rung, "note": ""}
    with tempfile.TemporaryDirectory(prefix="suffice-") as temporary:
        folder = Path(temporary)
        names = dataset.case_names(options.train or dataset.train)
        try:
            with gauging() as training:
                train(
                    cohort,
                    folder / "model",
                    minutes=options.minutes,
                    cases=names,
                    seed=options.seed,
                    model=rung,
                )
        except SufficeError as error:
            return {**row, "note": str(error)}, pd.DataFrame()
        unseen = dataset.case_names(options.test or dataset.test)
        scans = [dataset.image_path(options.data, case) for case in unseen]
        with gauging() as predicting:
            predict(folder / "model", scans, folder / "masks")
        scores = evaluate(folder / "masks", cohort.subset(unseen)).scores
    row |= {
        "minutes": round(training.minutes, 3),
        "memory_gb": round(training.peak_gb, 2),
        "seconds_per_scan": round(predicting.seconds / len(scans), 3),
    }
    return row, scores.assign(rung=rung)


def keep(path: Path, rows: pd.DataFrame) -> pd.DataFrame:
    """Add rows to a table; those of the same run before are replaced."""
    known = pd.read_csv(path, dtype={"case": str, "subject": str}) if path.exists() else rows[:0]
    both = known.merge(rows[KEYS].drop_duplicates(), how="left", on=KEYS, indicator=True)
    table = pd.concat([known[(both["_merge"] == "left_only").to_numpy()], rows])
    table.to_csv(path, index=False, lineterminator="\n")
    return table


def summarise(options: argparse.Namespace) -> None:
    """Write ``ladder.csv`` and the chart from all rungs that were run alike."""
    from suffice.report.ladder import write_ladder_figure
    from suffice.segmenters import RUNGS
    from suffice.study import Cost, ladder_table

    runs, scores = (
        pd.read_csv(RESULTS / name, dtype={"case": str, "subject": str}, keep_default_na=True)
        for name in ("ladder_runs.csv", "ladder_scores.csv")
    )
    runs, scores = (
        table[
            (table["dataset"] == options.dataset)
            & (table["minutes_given"] == options.minutes)
            & (table["threads"] == options.threads)
            & (table["seed"] == options.seed)
        ]
        for table in (runs, scores)
    )
    order = list(RUNGS)
    scores = scores.sort_values("rung", key=lambda r: r.map(order.index), kind="stable")
    done = runs[runs["minutes"].notna()].to_dict("records")
    costs = [
        Cost(row["rung"], "", row["minutes"], row["memory_gb"], row["seconds_per_scan"])
        for row in done
    ]
    refused = runs[runs["minutes"].isna()].set_index("rung")["note"].to_dict()
    table = ladder_table(scores, costs, refused, seed=options.seed)
    place = RESULTS / "ladder.csv"
    rows = table.round(4).assign(**{key: getattr(options, key, None) for key in KEYS[:1]})
    rows["minutes_given"], rows["threads"], rows["seed"] = (
        options.minutes,
        options.threads,
        options.seed,
    )
    keep(place, rows)
    write_ladder_figure(DOCS / "images" / f"ladder-{options.dataset}.svg", table)
    shown = ["rung", "dice", "low", "high", "minutes", "memory_gb", "seconds_per_scan", "verdict"]
    print(table[shown].round(3).to_string(index=False))
    write_docs(options, table)


def write_docs(options: argparse.Namespace, table: pd.DataFrame) -> None:
    """Put the chart and the table into the page of the ladder."""
    from suffice.report.words import duration

    dataset = DATASETS[options.dataset]
    n_labels, n_unseen = (len(dataset.case_names(n)) for n in (dataset.train, dataset.test))
    lines = [
        f"![Dice against time, {options.dataset}](images/ladder-{options.dataset}.svg)",
        "",
        f"{dataset.folder}, {n_labels} labelled cases, {n_unseen} unseen, at most"
        f" {options.minutes:g} minutes and {options.threads} threads a rung, seed {options.seed};"
        f" {describe_machine()['cpu']}. Intervals are of 95 %; behind: paired, by subject.",
        "",
        "| rung | Dice | interval | behind the best | training | memory | a scan | |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in table.to_dict("records"):
        if row["note"]:
            lines.append(f"| `{row['rung']}` | | | | | | | does not apply: {row['note']} |")
            continue
        lines.append(
            f"| `{row['rung']}` | {row['dice']:.3f} | {row['low']:.3f} to {row['high']:.3f} |"
            f" {row['behind']:.3f} ({row['behind_low']:.3f} to {row['behind_high']:.3f}) |"
            f" {duration(row['minutes'])} | {row['memory_gb']:.1f} GB |"
            f" {row['seconds_per_scan']:.2f} s | {row['verdict']} |"
        )
    page = DOCS / "ladder.md"
    text = page.read_text(encoding="utf-8")
    begin, end = BEGIN.format(options.dataset), END.format(options.dataset)
    head, _, rest = text.partition(begin)
    _, _, tail = rest.partition(end)
    page.write_text(head + begin + "\n" + "\n".join(lines) + "\n\n" + end + tail, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", choices=sorted(DATASETS))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--rungs", help="names with commas between; all by default")
    parser.add_argument("--train", help="a list of bench/cases, or a file of names")
    parser.add_argument("--test", help="a list of bench/cases, or a file of names")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--again", action="store_true", help="fit what was fitted before")
    options = parser.parse_args()

    from suffice.segmenters import RUNGS
    from suffice.workflows.importing import import_cohort

    about = {key: getattr(options, key) for key in ("dataset", "threads", "seed")}
    about |= {"minutes_given": options.minutes}
    machine = {"suffice": version("suffice"), "cpu": describe_machine()["cpu"]}
    names = options.rungs.split(",") if options.rungs else list(RUNGS)
    with tempfile.TemporaryDirectory(prefix="suffice-") as temporary:
        options.cohort = Path(temporary) / "cohort"
        import_cohort(options.data / DATASETS[options.dataset].folder, options.cohort)
        for rung in names:
            if not options.again and is_done(rung, about):
                print(f"{rung}: done before")
                continue
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                row, scores = pool.submit(fit_and_score, rung, options).result()
            print(f"{rung}: {row}", flush=True)
            keep(RESULTS / "ladder_runs.csv", pd.DataFrame([{**about, **row, **machine}]))
            if len(scores):
                dice = scores[scores["metric"] == "dice"].drop(columns="fold").assign(**about)
                keep(RESULTS / "ladder_scores.csv", dice)
    summarise(options)


def is_done(rung: str, about: dict[str, Any]) -> bool:
    """Whether a rung was fitted alike before."""
    path = RESULTS / "ladder_runs.csv"
    if not path.exists():
        return False
    runs = pd.read_csv(path)
    alike = runs["rung"] == rung
    for key, value in about.items():
        alike &= runs[key] == value
    return bool(alike.any())


if __name__ == "__main__":
    main()
