"""Which cases to label next: strategies against random draws, on cases that were never picked.

``python bench/selection.py chest:unet:0.12 nuclei:threshold:0.1 --core 0`` begins with few
labelled cases, lets each strategy pick among those that are not in the fixed test list, trains
anew and scores on that list. Rows of trainings that are not in ``results/select.csv`` yet are
appended as they come; the minutes are those of the process's own clock. What each round's model
saw is kept in ``--work``, from which a later call goes on.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import own_core
from curves import append
from datasets import DATASETS

TABLE = "select.csv"
KEY = ["dataset", "rung", "strategy", "seed", "round", "given"]
STRATEGIES = ("foreground", "typiclust", "entropy", "clasp", "k-centre", "badge")
# A threshold gives no probabilities, so that only strategies that look at scans can pick.
WITHOUT_DOUBT = ("threshold",)


@dataclass
class Bench:
    """One cohort and kind of model, and what of it is done."""

    dataset: str
    rung: str
    design: Any
    folder: Path
    minutes: float
    results: Path
    about: dict[str, Any]

    def cases(self, strategy: str, seed: int, number: int) -> tuple[str, ...]:
        """What a round learns from: what the round before it had, and what is picked there."""
        from suffice.selecting import Candidates
        from suffice.workflows.learning_round import pick_cases

        if number == 0:
            return self.design.begin(seed)
        before = self.cases(strategy, seed, number - 1)
        with np.load(self.seen(strategy, seed, number - 1)) as arrays:
            candidates = Candidates.from_arrays(arrays)
        names, _ = pick_cases(candidates, strategy, self.design.step, seed=seed, number=number)
        return (*before, *names)

    def seen(self, strategy: str, seed: int, number: int) -> Path:
        """Where the candidates of a round are kept; the first is that of all strategies."""
        name = f"{strategy}-{seed}-{number}" if number else f"start-{seed}-0"
        return self.folder / f"{name}.npz"

    def learn(self, strategy: str, seed: int, number: int) -> None:
        """Train and score a round, unless the table has it."""
        from suffice.metrics import Panel
        from suffice.workflows.learning_round import learn_round, round_task

        kept = strategy if number else "start"
        path = self.results / TABLE
        key = (self.dataset, self.rung, kept, seed, number, self.minutes)
        is_last = number == self.design.n_rounds
        if key in done_before(path) and (is_last or self.seen(strategy, seed, number).exists()):
            return
        cases = self.cases(strategy, seed, number)
        started = time.process_time()
        task = round_task(
            self.design,
            cases,
            strategy=kept,
            seed=seed,
            number=number,
            rung=self.rung,
            place=self.folder / "work",
            minutes=self.minutes,
            panel=Panel(names=("dice",)),
        )
        found = learn_round(task)
        minutes = (time.process_time() - started) / 60
        if found.candidates is not None:
            np.savez(self.seen(strategy, seed, number), **found.candidates.to_arrays())
        if key in done_before(path):
            return
        about = dict(zip(KEY, key, strict=True))
        dice = found.scores[found.scores["metric"] == "dice"]
        rows = dice[["case", "label", "value"]].rename(columns={"value": "dice"})
        rows = rows.assign(**about, n_cases=len(cases), took=round(minutes, 3))
        append(path, rows.assign(**self.about).round({"dice": 6}))
        print(self.dataset, task.name, f"{rows['dice'].mean():.4f} {minutes:.2f} min", flush=True)


def done_before(path: Path) -> set[tuple[Any, ...]]:
    """The trainings of the table."""
    if not path.exists():
        return set()
    return set(pd.read_csv(path, usecols=KEY)[KEY].itertuples(index=False, name=None))


def benches(options: argparse.Namespace) -> list[Bench]:
    """Import the cohorts and divide them."""
    from suffice.io import read_cohort
    from suffice.study.rehearsal_design import design_rehearsal
    from suffice.workflows.importing import import_cohort

    found = []
    for name in options.cohorts:
        dataset, rung, minutes = name.split(":")
        about = DATASETS[dataset]
        folder = options.work / f"{dataset}-{rung}-{minutes}"
        place = folder / "cohort"
        if not place.exists():
            import_cohort(options.data / about.folder, place)
        cohort = read_cohort(place)
        design = design_rehearsal(
            cohort,
            test=about.case_names(about.test),
            start=options.start,
            step=options.step,
            n_rounds=options.rounds,
        )
        where = {"test": about.test, **own_core.where_it_ran()}
        found.append(Bench(dataset, rung, design, folder, float(minutes), options.results, where))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cohorts", nargs="+", metavar="DATASET:RUNG:MINUTES")
    parser.add_argument("--strategies", nargs="+", default=STRATEGIES)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--start", type=int, default=2)
    parser.add_argument("--step", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--core", type=int)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--work", type=Path, default=Path("build/select"))
    parser.add_argument("--results", type=Path, default=own_core.RESULTS)
    options = parser.parse_args()
    own_core.keep_to(options.core)
    options.results.mkdir(exist_ok=True)
    everything = benches(options)
    # Whole seeds of all cohorts first, so that wherever it stops, comparisons are complete.
    for seed in options.seeds:
        for bench in everything:
            for number in range(options.rounds + 1):
                for strategy in usable(options.strategies, bench.rung) if number else ["start"]:
                    bench.learn(strategy, seed, number)


def usable(strategies: Sequence[str], rung: str) -> list[str]:
    """The strategies that can pick with a kind of model."""
    from suffice.selecting import DOUBTING

    return [name for name in strategies if name not in DOUBTING or rung not in WITHOUT_DOUBT]


if __name__ == "__main__":
    main()
