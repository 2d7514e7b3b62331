"""``suffice enough`` given 8 cases, beside the truth: the Dice reached with 48.

``python bench/enough.py atlas --minutes 5 --core 0`` asks for a forecast from the 8 cases of
`cases/hippocampus-train8.txt` alone, in so many minutes of one core, what is held back for the
curve included. Then the same model is trained, each time as long as the trainings of the curve
were, on these 8 and 40 others, in several draws, and scored on `cases/hippocampus-test20.txt`. The
curves go to ``results/enough_curves.csv``, what was reached to ``results/enough_truth.csv``; what
is there is not trained again. ``--reforecast`` makes ``results/enough.csv`` anew from both,
without a training: with what is shipped about other curves, and with what the curves of all other
cohorts teach, as the library of curves has hippocampi too.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import own_core
from curves import append
from datasets import DATASETS

CURVES, TRUTH, ANSWERS = "enough_curves.csv", "enough_truth.csv", "enough.csv"
FULL = 48
# What the first call asks for: the target is only known when the truth is, and changes no training.
ANY_TARGET = "dice=0.8"


def measure(options: argparse.Namespace) -> None:
    """Train whatever is not in the tables yet."""
    from suffice.workflows.importing import import_cohort

    dataset = DATASETS["hippocampus"]
    given, test = dataset.case_names(dataset.train), dataset.case_names(dataset.test)
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        folder = Path(temporary)
        cohort = import_cohort(options.data / dataset.folder, folder / "cohort").cohort
        about = own_core.where_it_ran() | {"commit": options.commit}
        curves = _of_rung(options.results / CURVES, options.rung)
        if curves is None:
            curves = ask(options, cohort.subset(given)).assign(**about)
            append(options.results / CURVES, curves)
        each = float(curves["minutes_each"].iloc[0])
        reach(options, cohort, given, test, each, about, folder)


def _of_rung(path: Path, rung: str) -> pd.DataFrame | None:
    if not path.exists():
        return None
    rows = pd.read_csv(path)
    mine = rows[rows["rung"] == rung]
    return mine if len(mine) else None


def ask(options: argparse.Namespace, cohort: Any) -> pd.DataFrame:
    """Measure a curve with ``suffice enough``: the scores of each training and test subject."""
    from suffice.study.engine import LocalEngine
    from suffice.workflows.curve_scores import curve_scores
    from suffice.workflows.enough import enough

    # Kept until it is complete, so that a killed call goes on.
    out = options.work / f"enough-{options.rung}"
    wall, core = time.perf_counter(), time.process_time()
    found = enough(
        cohort,
        out,
        targets=[ANY_TARGET],
        minutes=options.minutes,
        rungs=[options.rung],
        engine=LocalEngine(0),
    )
    wall, core = time.perf_counter() - wall, time.process_time() - core
    print(f"{core / 60:.2f} minutes of the core, {wall / 60:.2f} on the wall", flush=True)
    rows = curve_scores(found.curve, options.rung, "mean", "dice").round({"value": 6})
    rows.insert(0, "rung", options.rung)
    return rows.assign(
        given=found.given,
        minutes_asked=options.minutes,
        minutes_each=round(found.curve.minutes_each, 4),
        minutes_core=round(core / 60, 2),
        minutes_wall=round(wall / 60, 2),
    )


def reach(
    options: argparse.Namespace,
    cohort: Any,
    given: list[str],
    test: list[str],
    each: float,
    about: dict[str, Any],
    folder: Path,
) -> None:
    """Train on the cases given and as many others as make `FULL`, a draw at a time."""
    from suffice.metrics import Panel
    from suffice.segmenters import RUNGS
    from suffice.study import with_case_means
    from suffice.workflows.trying import fit_and_score

    path = options.results / TRUTH
    before = _of_rung(path, options.rung)
    done = set() if before is None else set(before["draw"])
    others = sorted({case.name for case in cohort.labelled().cases} - {*given, *test})
    for draw in sorted(set(range(options.draws)) - done):
        rng = np.random.default_rng([FULL, draw])
        names = [*given, *rng.choice(others, FULL - len(given), replace=False)]
        started = time.process_time()
        scores = fit_and_score(
            RUNGS[options.rung](),
            cohort.subset(names),
            cohort.subset(test),
            folder / f"truth-{draw}",
            minutes=each,
            seed=draw,
            panel=Panel(names=("dice",)),
        )
        means = with_case_means(scores)
        value = means[(means["label"] == "mean") & (means["metric"] == "dice")]["value"]
        row = {
            "rung": options.rung,
            "n_cases": FULL,
            "draw": draw,
            "value": round(float(value.mean()), 6),
            "sd": round(float(value.std(ddof=1)), 6),
            "n_test": len(value),
            "minutes_each": each,
            "minutes": round((time.process_time() - started) / 60, 2),
        }
        append(path, pd.DataFrame([row | about]))
        print(options.rung, "draw", draw, f"{value.mean():.4f}", flush=True)


def answers(results: Path, library: Path) -> Iterator[dict[str, Any]]:
    """Forecast each curve that was measured, with what was truly reached as the target."""
    from forecast import SOURCE, read_curves
    from suffice.forecasting import learn_experience
    from suffice.forecasting.experience import shipped_experience

    others = [c for _, c in read_curves(library) if c.cohort != "hippocampus"]
    learned = learn_experience(others, source=SOURCE, seed=0)
    curves, truths = pd.read_csv(results / CURVES), pd.read_csv(results / TRUTH)
    for rung, rows in curves.groupby("rung", sort=False):
        reached = truths[truths["rung"] == rung]["value"]
        for name, known in {"shipped": shipped_experience(), "others": learned}.items():
            if len(reached):
                yield {"rung": rung, "experience": name} | beside(rows, reached, known)


def beside(rows: pd.DataFrame, reached: pd.Series, experience: Any) -> dict[str, Any]:
    """Forecast one curve as ``suffice enough`` does, and put the truth beside it."""
    from suffice.forecasting import forecast

    first, target = rows.iloc[0], float(reached.mean())
    made = forecast(
        rows[["n_cases", "draw", "seed", "subject", "value"]],
        target=target,
        given=int(first["given"]),
        experience=experience,
    )
    needed, expected = made.needed, made.value_at(FULL)
    if needed is None:
        raise ValueError("A forecast with a target has an answer")
    asked = ["minutes_asked", "minutes_core", "minutes_wall", "minutes_each"]
    machine = [*own_core.where_it_ran(), "commit"]
    return {
        "source": made.source,
        "given": needed.given,
        "largest": made.measured.largest,
        "draws": rows["draw"].nunique(),
        **first[asked].to_dict(),
        "target": round(target, 5),
        "target_low": round(float(reached.min()), 5),
        "target_high": round(float(reached.max()), 5),
        "target_draws": len(reached),
        "forecast": round(expected.value, 5),
        "low": round(expected.low, 5),
        "high": round(expected.high, 5),
        "holds_score": expected.low <= target <= expected.high,
        "more_truth": FULL - needed.given,
        "more": needed.more,
        "more_low": needed.more_low,
        "more_high": needed.more_high,
        "most": needed.limit - needed.given,
        "holds": _between(FULL, needed.low, needed.high, needed.limit),
        "out_of_reach": round(needed.out_of_reach, 4),
        "sentence": needed.sentence,
        **first[machine].to_dict(),
    }


def _between(n_cases: int, low: int | None, high: int | None, limit: int) -> bool:
    """Whether an interval holds a number; a bound that is not named lies beyond the limit."""
    return (limit + 1 if low is None else low) <= n_cases and (high is None or n_cases <= high)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rung", nargs="?")
    parser.add_argument("--reforecast", action="store_true", help="train nothing")
    parser.add_argument("--minutes", type=float, default=30.0, help="of `suffice enough`")
    parser.add_argument("--draws", type=int, default=3, help="of the truth")
    parser.add_argument("--core", type=int)
    parser.add_argument("--commit", default="", help="of the code, for the rows")
    parser.add_argument(
        "--work", type=Path, default=Path("scratch/enough"), help="unfinished curves"
    )
    parser.add_argument("--library", type=Path, default=own_core.RESULTS / "curves.csv")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--results", type=Path, default=own_core.RESULTS)
    options = parser.parse_args()
    if not options.reforecast:
        if options.rung is None:
            parser.error("name a rung, or --reforecast")
        own_core.keep_to(options.core)
        measure(options)
    rows = pd.DataFrame(answers(options.results, options.library))
    rows.to_csv(options.results / ANSWERS, index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
