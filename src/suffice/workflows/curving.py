"""The learning curve of a cohort: many trainings on more and more cases, row by row."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from suffice.core import (
    Case,
    Cohort,
    Listener,
    Progress,
    StorageError,
    SufficeError,
    UsageError,
    silent,
)
from suffice.metrics import Panel
from suffice.study import data_hash, write_scores
from suffice.study.curve_design import CurveDesign, Training, design_curve, spread_minutes
from suffice.study.curve_table import KEY, curve_rows, read_curve, write_curve
from suffice.study.engine import Engine, LocalEngine
from suffice.workflows.allotting import choose_rungs
from suffice.workflows.locking import alone_in
from suffice.workflows.recording import known_settings, write_settings
from suffice.workflows.trying import fit_and_score
from suffice.workflows.ways import USUALLY, Way, ways_by_rung

RECORD, CURVE, TRAININGS = "curve.json", "curve.csv", "trainings"
MOST_DRAWS = 10
"""By then the spread between draws is known, and minutes are better spent on larger subsets."""
# Reading, predicting and scoring take time as well, and the minutes are those of all.
_OF_TRAINING = 0.85
PANEL = Panel(names=("dice", "nsd"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A learning curve, and how it came about.

    Parameters
    ----------
    folder : Path
    table : DataFrame
        See `suffice.study.curve_table.curve_rows`.
    design : CurveDesign
    minutes_each : float
        Of every training.
    minutes : float
        Spent on all, at this number of workers.
    ways : tuple of Way
        How its models were trained; the usual way first.
    """

    folder: Path
    table: pd.DataFrame
    design: CurveDesign
    minutes_each: float
    minutes: float
    ways: tuple[Way, ...] = (USUALLY,)

    @property
    def n_trainings(self) -> int:
        """How many there are in the table."""
        return len(self.table.drop_duplicates([*KEY]))


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveTask:
    """One training as it is sent to a worker, with all that it needs."""

    training: Training
    way: Way
    train: Cohort
    pool: Cohort
    test: Cohort
    place: Path
    minutes: float
    panel: Panel

    @property
    def name(self) -> str:
        """Name of the training."""
        return self.training.name


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveResult:
    """What a worker sends back: scores of every case, or why there are none."""

    scores: pd.DataFrame
    minutes: float
    note: str = ""


def score_training(task: CurveTask) -> CurveResult:
    """Train and score one point of a curve, in whatever process.

    Raises
    ------
    StorageError, UsageError
        What concerns all trainings; a model that does not apply to its cases is noted instead.
    """
    started = time.monotonic()
    scores, note = pd.DataFrame(), ""
    try:
        scores = fit_and_score(
            task.way.segmenter(task.training.rung, task.train, task.pool),
            task.train,
            task.test,
            task.place,
            minutes=task.minutes,
            seed=task.training.seed,
            panel=task.panel,
        )
    except (StorageError, UsageError):
        raise
    except SufficeError as error:
        note = str(error)
    return CurveResult(scores=scores, minutes=(time.monotonic() - started) / 60, note=note)


def learning_curve(
    cohort: Cohort,
    out: Path,
    *,
    minutes: float,
    rungs: Sequence[str] = ("auto",),
    ways: Sequence[Way] = (USUALLY,),
    test: Sequence[str] | None = None,
    sizes: Sequence[int] | None = None,
    n_draws: int = MOST_DRAWS,
    n_seeds: int = 1,
    panel: Panel = PANEL,
    engine: Engine | None = None,
    seed: int = 0,
    listener: Listener = silent,
) -> Curve:
    """Train on more and more cases, and score on the same unseen ones.

    All sizes of one draw are trained first, small before large; then come other draws, as far as
    the minutes reach. Killed, the same call goes on: trainings in the table are not done again,
    and one that was under way goes on from its checkpoint. Called with more minutes, it adds
    draws.

    Parameters
    ----------
    cohort : Cohort
    out : Path
        Folder of ``curve.csv``, ``curve.json`` and ``trainings/``, scores of every case.
    minutes : float
        For everything, those spent by earlier calls included. The first draw is always finished.
    rungs : sequence of str
        Kinds of models, see `suffice.segmenters.RUNGS`.
    ways : sequence of Way
        How U-Nets are trained, all on the same cases with the same seeds and minutes, see
        `suffice.workflows.ways.parse_ways`. A later call may add some.
    test, sizes : optional
        See `suffice.study.curve_design.design_curve`.
    n_draws, n_seeds : int
        At most.
    panel : Panel
    engine : Engine, optional
        By default one process at a time of this machine.
    seed : int
    listener : callable

    Raises
    ------
    SufficeError
        If the cohort or the minutes are too small, ``out`` holds another curve, or a training's
        process dies again and again.
    """
    out, engine = Path(out).absolute(), engine or LocalEngine(1)
    names = choose_rungs(rungs)
    cohort = absolute(cohort)
    design = design_curve(cohort, test=test, sizes=sizes, seed=seed)
    arms = ways_by_rung(ways, names, design.cohort)
    with alone_in(out):
        n_arms = sum(map(len, arms.values()))
        design, each = _opened(out, design, minutes, n_arms, engine.workers, seed, panel)
        _record_ways(out, ways, cohort)
        run = _Run(out, design, cohort, ways, each, minutes, engine.workers, panel, listener)
        planned = design.trainings(names, draws=range(n_draws), n_seeds=n_seeds, ways=arms)
        for task, result in engine.run(score_training, run.waiting(planned)):
            run.keep(task, result)
        table = run.write()
    return Curve(
        folder=out,
        table=table,
        design=design,
        minutes_each=each,
        minutes=run.spent / run.workers,
        ways=tuple(ways),
    )


class _Run:
    """The trainings that are done, those under way, and the minutes of all workers."""

    def __init__(
        self,
        out: Path,
        design: CurveDesign,
        cohort: Cohort,
        ways: Sequence[Way],
        minutes_each: float,
        minutes: float,
        workers: int,
        panel: Panel,
        listener: Listener,
    ) -> None:
        self.out, self.design, self.each, self.workers = out, design, minutes_each, workers
        self.cohort, self.ways = cohort, {way.name: way for way in ways}
        self.minutes, self.panel, self.listener = minutes * workers, panel, listener
        self.rows: list[pd.DataFrame] = []
        if (out / CURVE).is_file():
            self.rows = [part for _, part in read_curve(out / CURVE).groupby([*KEY])]
        self.took = {_key(part): float(part["minutes"].iloc[0]) for part in self.rows}
        self.expected: dict[tuple[object, ...], float] = {}

    @property
    def spent(self) -> float:
        return sum(self.took.values())

    def waiting(self, planned: Iterator[Training]) -> Iterator[CurveTask]:
        """Give what is not done yet, while the minutes reach for it."""
        for training in planned:
            if training.key in self.took:
                continue
            expected = self._expect(training)
            taken = self.spent + sum(self.expected.values())
            is_first = training.draw == 0 and training.seed == self.design.seed
            if not is_first and taken + expected > self.minutes:
                return
            self.expected[training.key] = expected
            self.listener(
                Progress(
                    "learning curve",
                    min(1.0, self.spent / self.minutes),
                    max(0.0, self.minutes - self.spent) / self.workers,
                    training.name,
                )
            )
            way = self.ways[training.way]
            yield CurveTask(
                training=training,
                way=way,
                pool=way.pool(self.cohort, training),
                train=self.design.cohort.subset(training.cases),
                test=self.design.cohort.subset(training.test),
                place=self.out / "work" / training.name,
                minutes=self.each,
                panel=self.panel,
            )

    def _expect(self, training: Training) -> float:
        """Minutes that a training takes with all around it: the most that one has taken."""
        known = [took for key, took in self.took.items() if key[:2] == training.key[:2]]
        return max(known, default=self.each / _OF_TRAINING)

    def keep(self, task: CurveTask, result: CurveResult) -> None:
        """Write what a training found: its cases first, as a row in the table says it is done."""
        training = task.training
        del self.expected[training.key]
        if len(result.scores):
            place = self.out / TRAININGS / f"{training.name}.csv"
            about = {"rung": training.rung, "fold": f"n{training.n_subjects}"}
            write_scores(place, result.scores.assign(**about))
        rows = curve_rows(training, result.scores, minutes=result.minutes, note=result.note)
        self.rows.append(rows)
        self.took[training.key] = result.minutes
        self.write()

    def write(self) -> pd.DataFrame:
        return write_curve(self.out / CURVE, self.rows)


def _key(part: pd.DataFrame) -> tuple[str, str, int, int, int]:
    rung, way, *numbers = part[[*KEY]].iloc[0]
    n_subjects, draw, seed = (int(number) for number in numbers)
    return (str(rung), str(way), n_subjects, draw, seed)


def _opened(
    out: Path,
    design: CurveDesign,
    minutes: float,
    n_arms: int,
    workers: int,
    seed: int,
    panel: Panel,
) -> tuple[CurveDesign, float]:
    """Write what the curve is of, or go on with one that is of the same.

    The sizes and the minutes of a training are those of the first call: with others, later rows
    would belong to another curve.
    """
    record: dict[str, object] = {
        "data": data_hash(design.cohort),
        "held_back": [list(part) for part in design.parts],
        "seed": seed,
        "metrics": list(panel.names),
        "nsd_tolerance_mm": panel.nsd_tolerance_mm,
    }
    found = known_settings(out / RECORD, record, "a learning curve")
    if found is not None:
        return replace(design, sizes=tuple(found["sizes"])), float(found["minutes_each"])
    sizes, each = spread_minutes(
        minutes,
        design.sizes,
        n_rungs=n_arms,
        workers=workers,
        n_draws=design.n_good_draws,
        of_training=_OF_TRAINING,
    )
    record |= {"sizes": list(sizes), "minutes_each": each}
    write_settings(out / RECORD, record)
    return replace(design, sizes=sizes), each


def _record_ways(out: Path, ways: Sequence[Way], cohort: Cohort) -> None:
    """Write what rows of other ways are of, beside those of earlier calls.

    Raises
    ------
    UsageError
        If an earlier call meant another thing by a name, so that its rows are of another curve.
    """
    record: dict[str, Any] = json.loads((out / RECORD).read_text(encoding="utf-8"))
    known = record.get("ways", {})
    now = {way.name: way.record(cohort) for way in ways if way != USUALLY}
    # Through JSON, which knows no tuples.
    for name, mine in json.loads(json.dumps(now)).items():
        other = [key for key in mine if known.get(name, mine).get(key) != mine[key]]
        if other:
            raise UsageError(
                f"'{out}' holds a curve whose way '{name}' had other {', '.join(other)}",
                cure=f"Name another --out, or tell them apart, as {name}=WHICH.",
            )
        known[name] = mine
    if known:
        write_settings(out / RECORD, record | {"ways": known})


def absolute(cohort: Cohort) -> Cohort:
    """Name files so that processes with another working folder find them."""

    def moved(case: Case) -> Case:
        images, masks, soft, instances = (
            {name: path.absolute() for name, path in files.items()}
            for files in (case.images, case.masks, case.soft_masks, case.instance_maps)
        )
        return replace(case, images=images, masks=masks, soft_masks=soft, instance_maps=instances)

    return replace(cohort, root=cohort.root.absolute(), cases=tuple(map(moved, cohort.cases)))
