"""Which strategy pays on a cohort: picking again what is labelled already, and scoring it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from suffice.core import Cohort, Listener, Progress, UsageError, silent
from suffice.files import writing_file
from suffice.metrics import Panel
from suffice.report.rehearsal_figure import write_rehearsal_figure
from suffice.selecting import BASELINE, STRATEGIES, Candidates, strategy_named
from suffice.study import MEAN, data_hash, read_scores, with_case_means, write_scores
from suffice.study.engine import Engine, LocalEngine
from suffice.study.rehearsal_design import START, RehearsalDesign, design_rehearsal
from suffice.study.rehearsal_effects import effects_of
from suffice.workflows.allotting import choose_rung
from suffice.workflows.curving import absolute
from suffice.workflows.learning_round import (
    RoundResult,
    RoundTask,
    learn_round,
    pick_cases,
    round_name,
    round_task,
)
from suffice.workflows.locking import alone_in
from suffice.workflows.recording import known_settings, write_settings

RECORD, TRAININGS = "rehearsal.json", "trainings"
ROUNDS, PICKS, EFFECTS, CHART = "rounds.csv", "picks.csv", "effects.csv", "rehearsal.png"
TRIED = ("foreground", "typiclust", "k-centre", "entropy", "badge", "clasp")
"""What is tried by default: `random` is `foreground` on whole scans, `margin` much as `entropy`."""
GOOD_STARTS, LEAST_MINUTES, MOST_MINUTES = 5, 0.25, 10.0
# Scoring and looking at what is left take time as well, and the minutes are those of all.
_OF_TRAINING = 0.7
PANEL = Panel(names=("dice",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What was found, and where it lies.

    Parameters
    ----------
    folder : Path
    design : RehearsalDesign
    strategies : tuple of str
    effects : DataFrame
        See `suffice.study.rehearsal_effects.effects_of`.
    rounds : DataFrame
        Columns ``strategy, seed, round, n_cases, value, n_test, minutes``.
    minutes_each : float
        Of each training.
    """

    folder: Path
    design: RehearsalDesign
    rung: str
    strategies: tuple[str, ...]
    effects: pd.DataFrame
    rounds: pd.DataFrame
    minutes_each: float

    @property
    def n_starts(self) -> int:
        """How many draws of first cases are finished."""
        return int(self.effects["n_starts"].max()) if len(self.effects) else 0

    @property
    def best(self) -> str:
        """The strategy that pays for certain, else the baseline."""
        sure = self.effects[(self.effects["p_holm"] < 0.05) & (self.effects["difference"] > 0)]
        first = sure.sort_values("difference", ascending=False)["strategy"].head(1)
        return str(first.iloc[0]) if len(first) else BASELINE

    @property
    def sentences(self) -> tuple[str, ...]:
        """The answer first, then every strategy."""
        found = [_sentence(row) for row in self.effects.to_dict("records")]
        if self.best != BASELINE:
            first = f"Here '{self.best}' pays: suffice select --strategy {self.best}."
        elif self.n_starts < GOOD_STARTS:
            first = (
                f"None is shown to beat '{BASELINE}' here, and "
                f"{'1 start shows' if self.n_starts == 1 else f'{self.n_starts} starts show'}"
                " little; more minutes add more."
            )
        else:
            first = f"None is shown to beat '{BASELINE}' here, which draws at random."
        return (first, *found)


def _sentence(row: dict[Any, Any]) -> str:
    points = 100 * float(row["difference"])
    how = "more" if points >= 0 else "less"
    text = f"{row['strategy']}: {abs(points):.1f} points of Dice {how} than {row['against']}"
    if np.isfinite(row["low"]):
        text += f" ({100 * row['low']:.1f} to {100 * row['high']:.1f})"
    return f"{text}, ahead at {row['n_better']} of {row['n_starts']} starts."


def rehearse(
    cohort: Cohort,
    out: Path,
    *,
    minutes: float,
    strategies: Sequence[str] = TRIED,
    rung: str = "auto",
    test: Sequence[str] | None = None,
    start: int | None = None,
    step: int | None = None,
    n_rounds: int | None = None,
    n_starts: int = GOOD_STARTS,
    engine: Engine | None = None,
    seed: int = 0,
    listener: Listener = silent,
) -> Rehearsal:
    """Let strategies pick among labelled cases, train on what they pick, and compare.

    A third of the labelled subjects is held back, scored on, and never picked. For every start a
    few of the others are drawn; then each strategy picks in rounds, with the model that it
    trained the round before, and what it picks gets its mask. All strategies share the start.

    Killed, the same call goes on where it was. With more minutes or strategies it adds to what
    is there.

    Parameters
    ----------
    cohort : Cohort
    out : Path
        Folder of ``rounds.csv``, ``picks.csv``, ``effects.csv``, ``rehearsal.png`` and
        ``trainings/``.
    minutes : float
        For everything, those of earlier calls included. The first start is always finished.
    strategies : sequence of str
        Beside the baseline, which is always tried.
    rung : str
        Kind of model.
    test, start, step, n_rounds
        See `suffice.study.rehearsal_design.design_rehearsal`.
    n_starts : int
        At most.
    engine : Engine, optional
        By default trainings run in this process, one after another.
    seed : int
    listener : callable

    Raises
    ------
    SufficeError
        If the cohort is too small, a name is unknown, or ``out`` holds another rehearsal.
    """
    if not (minutes > 0 and n_starts >= 1):
        raise UsageError("A rehearsal takes minutes and a start", got=f"{minutes}, {n_starts}")
    names = tuple(dict.fromkeys([BASELINE, *map(strategy_named, strategies)]))
    names = tuple(name for name in STRATEGIES if name in names)
    out, kind = Path(out).absolute(), choose_rung(rung)
    design = design_rehearsal(
        absolute(cohort), test=test, start=start, step=step, n_rounds=n_rounds, seed=seed
    )
    with alone_in(out):
        each = _opened(out, design, kind, minutes, n_starts, len(names), seed)
        run = _Run(out, design, kind, names, each, minutes, engine or LocalEngine(0), listener)
        for number in range(n_starts):
            if number and not run.has_time_for(seed + number):
                break
            run.do(seed + number)
        return run.finish()


class _Run:
    """The trainings that are done, and those to come."""

    def __init__(
        self,
        out: Path,
        design: RehearsalDesign,
        rung: str,
        strategies: tuple[str, ...],
        minutes_each: float,
        minutes: float,
        engine: Engine,
        listener: Listener,
    ) -> None:
        self.out, self.design, self.rung, self.strategies = out, design, rung, strategies
        self.each, self.minutes, self.engine = minutes_each, minutes, engine
        self.listener = listener
        self.rounds: dict[str, dict[str, Any]] = {}
        self.picks: dict[str, list[dict[str, Any]]] = {}
        if (out / ROUNDS).is_file():
            for row in pd.read_csv(out / ROUNDS).to_dict("records"):
                name = round_name(row["strategy"], row["seed"], row["round"])
                self.rounds[name] = {str(key): value for key, value in row.items()}

    def is_done(self, strategy: str, seed: int, number: int) -> bool:
        return round_name(strategy, seed, number) in self.rounds

    def has_time_for(self, seed: int) -> bool:
        """Whether all that a start still lacks fits into the minutes."""
        took = [float(row["minutes"]) for row in self.rounds.values()]
        wanted = [(START, 0)]
        wanted += [(s, n + 1) for s in self.strategies for n in range(self.design.n_rounds)]
        missing = sum(not self.is_done(name, seed, number) for name, number in wanted)
        expected = missing * sum(took) / len(took)
        return not missing or (sum(took) + expected) / self.engine.workers <= self.minutes

    def do(self, seed: int) -> None:
        """Finish a start: the training that all share, then round after round of all."""
        self._run(self._tasks(seed, 0, {START: self.design.begin(seed)}))
        cases = dict.fromkeys(self.strategies, self.design.begin(seed))
        for number in range(1, self.design.n_rounds + 1):
            cases = {name: self._picked(name, seed, number, had) for name, had in cases.items()}
            self._run(self._tasks(seed, number, cases))

    def _tasks(
        self, seed: int, number: int, cases: dict[str, tuple[str, ...]]
    ) -> Iterator[RoundTask]:
        for strategy, names in cases.items():
            if self.is_done(strategy, seed, number):
                continue
            spent = sum(float(row["minutes"]) for row in self.rounds.values())
            left = max(0.0, self.minutes - spent / self.engine.workers)
            note = round_name(strategy, seed, number)
            self.listener(Progress("rehearse", 1 - left / self.minutes, left, note))
            yield round_task(
                self.design,
                names,
                strategy=strategy,
                seed=seed,
                number=number,
                rung=self.rung,
                place=self.out / "work",
                minutes=self.each,
                panel=PANEL,
            )

    def _run(self, tasks: Iterator[RoundTask]) -> None:
        for task, result in self.engine.run(learn_round, tasks):
            self._keep(task, result)

    def _keep(self, task: RoundTask, result: RoundResult) -> None:
        """Write what a round found: the table last, as a row there says that it is done."""
        place = self.out / TRAININGS
        if result.candidates is not None:
            with writing_file(place / f"{task.name}.npz") as partial, partial.open("wb") as handle:
                arrays: dict[str, Any] = result.candidates.to_arrays()
                np.savez_compressed(handle, **arrays)
        about = {"rung": task.rung, "fold": f"n{len(task.train)}"}
        write_scores(place / f"{task.name}.csv", result.scores.assign(**about))
        means = _by_subject(result.scores)
        self.rounds[task.name] = {
            "strategy": task.strategy,
            "seed": task.seed,
            "round": task.number,
            "n_cases": len(task.train),
            "value": round(float(means.mean()), 6),
            "n_test": len(means),
            "minutes": round(result.minutes, 4),
        }
        write_scores(self.out / ROUNDS, self.table())

    def _picked(
        self, strategy: str, seed: int, number: int, had: tuple[str, ...]
    ) -> tuple[str, ...]:
        """Return the cases of a round; what is picked hangs on what the one before it saw."""
        before = round_name(strategy if number > 1 else START, seed, number - 1)
        with np.load(self.out / TRAININGS / f"{before}.npz") as arrays:
            candidates = Candidates.from_arrays(arrays)
        names, reasons = pick_cases(
            candidates, strategy, self.design.step, seed=seed, number=number
        )
        self.picks[round_name(strategy, seed, number)] = [
            {
                "strategy": strategy,
                "seed": seed,
                "round": number,
                "rank": rank,
                "case": name,
                "reason": reason,
            }
            for rank, (name, reason) in enumerate(zip(names, reasons, strict=True), start=1)
        ]
        return (*had, *names)

    def picked(self) -> pd.DataFrame:
        """List all picks; those of strategies and starts of earlier calls are made again."""
        for name, row in self.rounds.items():
            if row["round"] and name not in self.picks:
                self._picked(row["strategy"], row["seed"], row["round"], ())
        rows = pd.DataFrame([row for rows in self.picks.values() for row in rows])
        return rows.sort_values(["seed", "round", "strategy", "rank"]).reset_index(drop=True)

    def table(self) -> pd.DataFrame:
        rows = pd.DataFrame(list(self.rounds.values()))
        return rows.sort_values(["seed", "round", "strategy"]).reset_index(drop=True)

    def values(self) -> pd.DataFrame:
        """Gather the Dice of every training and test subject."""
        parts = []
        for name, row in self.rounds.items():
            means = _by_subject(read_scores(self.out / TRAININGS / f"{name}.csv"))
            about = {key: row[key] for key in ("strategy", "seed", "round")}
            parts.append(means.rename("value").reset_index().assign(**about))
        return pd.concat(parts, ignore_index=True)

    def finish(self) -> Rehearsal:
        """Compare, write and draw."""
        tried = tuple(name for name in STRATEGIES if name in set(self.table()["strategy"]))
        effects = effects_of(self.values(), tried, n_rounds=self.design.n_rounds)
        write_scores(self.out / PICKS, self.picked())
        write_scores(self.out / EFFECTS, effects)
        write_rehearsal_figure(self.out / CHART, self.table(), effects)
        return Rehearsal(
            folder=self.out,
            design=self.design,
            rung=self.rung,
            strategies=tried,
            effects=effects,
            rounds=self.table(),
            minutes_each=self.each,
        )


def _by_subject(scores: pd.DataFrame) -> pd.Series[float]:
    """Mean Dice of all structures for each subject."""
    both = with_case_means(scores.drop(columns=["rung", "fold"], errors="ignore"))
    mine = both[(both["label"] == MEAN) & (both["metric"] == "dice") & np.isfinite(both["value"])]
    return pd.Series(mine.groupby("subject")["value"].mean())


def _opened(
    out: Path,
    design: RehearsalDesign,
    rung: str,
    minutes: float,
    n_starts: int,
    n_strategies: int,
    seed: int,
) -> float:
    """Write what the rehearsal is of, or go on with one of the same, and return its minutes."""
    record: dict[str, object] = {
        "data": data_hash(design.cohort),
        "held_back": sorted(design.test),
        "rung": rung,
        "start": design.start,
        "step": design.step,
        "rounds": design.n_rounds,
        "seed": seed,
    }
    found = known_settings(out / RECORD, record, "a rehearsal")
    if found is not None:
        return float(found["minutes_each"])
    n_trainings = n_starts * (1 + design.n_rounds * n_strategies)
    each = float(np.clip(_OF_TRAINING * minutes / n_trainings, LEAST_MINUTES, MOST_MINUTES))
    write_settings(out / RECORD, record | {"minutes_each": each})
    return each


def to_json(found: Rehearsal) -> dict[str, Any]:
    """Give the answer as plain values."""
    return {
        "folder": found.folder,
        "rung": found.rung,
        "best": found.best,
        "sentences": list(found.sentences),
        "n_starts": found.n_starts,
        "n_begin": found.design.start,
        "n_each": found.design.step,
        "n_rounds": found.design.n_rounds,
        "minutes_each": round(found.minutes_each, 3),
        "effects": found.effects.to_dict("records"),
    }
