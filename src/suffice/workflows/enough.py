"""How much is enough: a learning curve, its forecast, and the answer in words."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from suffice.core import Cohort, Legend, Listener, SufficeError, UsageError, silent
from suffice.files import write_text
from suffice.forecasting import Forecast, forecast
from suffice.metrics import METRICS, Panel
from suffice.report.curve_figure import CurvePanel, write_curve_figure
from suffice.report.words import metric_words
from suffice.study import MEAN, read_scores, with_case_means
from suffice.study.curve_design import CurveDesign
from suffice.study.curve_table import KEY
from suffice.study.engine import Engine
from suffice.workflows.curving import MOST_DRAWS, PANEL, TRAININGS, Curve, learning_curve

FORECAST, CHARTS = "forecast.json", ("forecast.png", "forecast.svg")
_TARGET = re.compile(r"(?:(?P<label>.+):)?(?P<metric>\w+)=(?P<value>[0-9.]+%?)")


@dataclass(frozen=True, slots=True)
class Target:
    """A score that is wanted of a structure, or of the mean of all."""

    label: str
    metric: str
    value: float

    @property
    def words(self) -> str:
        """For a sentence, e.g. ``Dice 0.9`` or ``NSD 0.95 of lung``."""
        of = "" if self.label == MEAN else f" of {self.label}"
        return f"{metric_words(self.metric).title} {self.value:g}{of}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one kind of model needs for one target; without a forecast the reason.

    ``rows`` are those that the forecast was made of.
    """

    rung: str
    target: Target
    rows: pd.DataFrame
    forecast: Forecast | None
    problem: str = ""

    @property
    def sentences(self) -> tuple[str, ...]:
        """The answer, whether the test set can tell, and what makes it doubtful."""
        if self.forecast is None or self.forecast.needed is None:
            return (f"{self.target.words} with {self.rung}: no forecast. {self.problem}",)
        found = [f"{self.target.words} with {self.rung} takes {self.forecast.needed.sentence}."]
        if self.forecast.resolution is not None:
            found.append(self.forecast.resolution.sentence)
        return (*found, *(f"{c.message} {c.cure}" for c in self.forecast.cautions))


@dataclass(frozen=True, slots=True, kw_only=True)
class Enough:
    """A curve, and what it says about each target.

    ``unit`` is what is counted: ``subjects`` where one has several cases.
    """

    folder: Path
    curve: Curve
    answers: tuple[Answer, ...]
    given: int
    unit: str


def parse_target(text: str, legend: Legend) -> Target:
    """Read a target from the command line.

    Parameters
    ----------
    text : str
        ``METRIC=VALUE`` or ``LABEL:METRIC=VALUE``; a metric whose values lie between 0 and 1 and
        of which more is better.
    legend : Legend

    Raises
    ------
    UsageError
        If it cannot be read, or there is no such metric or structure.

    Examples
    --------
    >>> legend = Legend.from_names({1: "left lung"})
    >>> parse_target("dice=0.9", legend), parse_target("left lung:nsd=95%", legend)
    (Target(label='mean', metric='dice', value=0.9), Target(label='left lung', metric='nsd', \
value=0.95))
    """
    found = _TARGET.fullmatch(text.strip())
    if found is None:
        raise UsageError(
            "A target cannot be read", got=f"'{text}'", expected="dice=0.90 or LABEL:nsd=0.95"
        )
    label, metric, number = found["label"] or MEAN, found["metric"], found["value"]
    known = METRICS.get(metric)
    if known is None or known.unit != "share" or known.better != "higher":
        raise UsageError(
            "No target can be set in this metric",
            got=metric,
            expected=", ".join(
                m for m, one in METRICS.items() if (one.unit, one.better) == ("share", "higher")
            ),
        )
    if label not in (MEAN, *legend.names):
        raise UsageError("There is no such structure", got=label, expected=", ".join(legend.names))
    try:
        value = float(number.removesuffix("%")) / (100 if number.endswith("%") else 1)
    except ValueError:
        value = -1.0
    if not 0.0 < value < 1.0:
        raise UsageError("A target lies between 0 and 1", got=number)
    return Target(label, metric, value)


def enough(
    cohort: Cohort,
    out: Path,
    *,
    targets: Sequence[str],
    minutes: float,
    rungs: Sequence[str] = ("auto",),
    test: Sequence[str] | None = None,
    n_draws: int = MOST_DRAWS,
    n_seeds: int = 1,
    level: float = 0.8,
    engine: Engine | None = None,
    seed: int = 0,
    listener: Listener = silent,
) -> Enough:
    """Tell how many labelled cases a score takes.

    Parameters
    ----------
    cohort : Cohort
    out : Path
        Folder of the curve (see `suffice.workflows.curving.learning_curve`), ``forecast.json``,
        ``forecast.png`` and ``forecast.svg``. The same call goes on where it was; one with more
        minutes adds draws, and the answer gets better.
    targets : sequence of str
        See `parse_target`.
    minutes, rungs, test, n_draws, n_seeds, engine, seed
        See `suffice.workflows.curving.learning_curve`.
    level : float
        How often intervals are to hold the truth.
    listener : callable

    Raises
    ------
    SufficeError
        If a target cannot be read, or there can be no curve.
    """
    if not targets:
        raise UsageError("No target is named", cure="Give --target dice=0.90.")
    wanted = [parse_target(text, cohort.legend) for text in targets]
    names = dict.fromkeys([*PANEL.names, *(target.metric for target in wanted)])
    curve = learning_curve(
        cohort,
        out,
        minutes=minutes,
        rungs=rungs,
        test=test,
        n_draws=n_draws,
        n_seeds=n_seeds,
        panel=Panel(names=tuple(names)),
        engine=engine,
        seed=seed,
        listener=listener,
    )
    given = given_subjects(curve.design, is_test_named=test is not None)
    answers = [
        _answer(curve, str(rung), target, given, level, seed)
        for rung in dict.fromkeys(curve.table["rung"])
        for target in wanted
    ]
    labelled = cohort.labelled()
    unit = "cases" if len(labelled) == len(labelled.subjects) else "subjects"
    found = Enough(folder=curve.folder, curve=curve, answers=tuple(answers), given=given, unit=unit)
    _write(found)
    return found


def given_subjects(design: CurveDesign, *, is_test_named: bool) -> int:
    """Count the subjects that a final model would learn from: those named for the test never."""
    n = len(design.cohort.subjects)
    return n - len(design.parts[0]) if is_test_named else n


def curve_scores(curve: Curve, rung: str, label: str, metric: str) -> pd.DataFrame:
    """Gather the scores of one curve: a row for each training and test subject.

    Where draws are scored on different subjects, only those that are complete are taken, as means
    over different subjects at different sizes would bend the curve.

    Returns
    -------
    DataFrame
        Columns ``n_cases`` (subjects, if one has several cases), ``draw, seed, subject, value``.
    """
    trained = curve.table[(curve.table["rung"] == rung) & (curve.table["note"] == "")]
    trained = trained.drop_duplicates([*KEY])
    if not curve.design.is_fixed:
        complete = trained.groupby(["draw", "seed"])["n_subjects"].transform("nunique")
        most = complete.max() if len(trained) else 0
        trained = trained[complete == most]
    parts = []
    for row in trained.to_dict("records"):
        name = f"{rung}-n{row['n_subjects']:04d}-draw{row['draw']}-seed{row['seed']}.csv"
        scores = with_case_means(read_scores(curve.folder / TRAININGS / name))
        mine = scores[(scores["label"] == label) & (scores["metric"] == metric)]
        means = mine.groupby("subject", sort=False)["value"].mean().reset_index()
        parts.append(means.assign(n_cases=row["n_subjects"], draw=row["draw"], seed=row["seed"]))
    columns = ["n_cases", "draw", "seed", "subject", "value"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def _answer(curve: Curve, rung: str, target: Target, given: int, level: float, seed: int) -> Answer:
    rows = curve_scores(curve, rung, target.label, target.metric)
    means = rows.groupby(["n_cases", "draw", "seed"])["value"].mean().reset_index()
    try:
        made = forecast(rows, target=target.value, given=given, level=level, seed=seed)
    except SufficeError as error:
        notes = [note for note in curve.table[curve.table["rung"] == rung]["note"] if note]
        why = notes[0] if notes else str(error)
        return Answer(rung=rung, target=target, rows=means, forecast=None, problem=why)
    return Answer(rung=rung, target=target, rows=means, forecast=made)


def _write(found: Enough) -> None:
    write_text(found.folder / FORECAST, json.dumps(to_json(found), indent=1))
    panels = [
        CurvePanel(
            title=f"{answer.target.words} with {answer.rung}",
            metric=metric_words(answer.target.metric).title,
            rows=answer.rows,
            forecast=answer.forecast,
            unit=found.unit,
        )
        for answer in found.answers
        if answer.forecast is not None
    ]
    for name in CHARTS if panels else ():
        write_curve_figure(found.folder / name, panels)


def to_json(found: Enough) -> dict[str, Any]:
    """Give all answers as plain values."""
    return {
        "cohort": found.curve.design.cohort.name,
        "given": found.given,
        "unit": found.unit,
        "sizes": list(found.curve.design.sizes),
        "n_trainings": found.curve.n_trainings,
        "minutes_each": round(found.curve.minutes_each, 3),
        "minutes": round(found.curve.minutes, 2),
        "test": "the same subjects for all draws"
        if found.curve.design.is_fixed
        else "another part of the subjects for each draw",
        "answers": [
            {
                "rung": answer.rung,
                "label": answer.target.label,
                "metric": answer.target.metric,
                "wanted": answer.target.value,
                "sentences": list(answer.sentences),
                "forecast": None if answer.forecast is None else answer.forecast.to_json(),
            }
            for answer in found.answers
        ],
    }
