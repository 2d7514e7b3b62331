"""How much is enough: a learning curve, its forecast, and the answer in words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from suffice.core import Cohort, Listener, SufficeError, UsageError, silent
from suffice.files import write_text
from suffice.forecasting import (
    Choice,
    Forecast,
    NextCases,
    Price,
    cheapest,
    forecast,
    next_cases,
    price_of,
)
from suffice.metrics import Panel
from suffice.report.curve_figure import CurveLine, CurvePanel, write_curve_figure
from suffice.report.words import metric_words
from suffice.study.curve_design import USUAL, CurveDesign
from suffice.study.engine import Engine
from suffice.workflows.curve_scores import curve_scores
from suffice.workflows.curving import MOST_DRAWS, PANEL, Curve, learning_curve
from suffice.workflows.exchanging import Worth, worth_of
from suffice.workflows.known_curve import known_curve
from suffice.workflows.pricing import UNPRICED, Priced
from suffice.workflows.targets import Target, parse_target
from suffice.workflows.ways import USUALLY, Way

FORECAST, CHARTS = "forecast.json", ("forecast.png", "forecast.svg")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one kind of model, trained in one way, needs for a target; or why there is no forecast.

    ``rows`` are those that the forecast was made of, ``price`` is what the target takes and
    ``next`` what the next cases are worth.
    """

    rung: str
    way: str = USUAL
    minutes_each: float
    target: Target
    rows: pd.DataFrame
    forecast: Forecast | None
    problem: str = ""
    price: Price | None = None
    next: NextCases | None = None

    @property
    def model(self) -> str:
        """The kind of model and how it was trained, in words."""
        return self.rung if self.way == USUAL else f"{self.rung}, {self.way}"

    @property
    def sentences(self) -> tuple[str, ...]:
        """The answer, whether the test set can tell, and what makes it doubtful."""
        if self.forecast is None or self.forecast.needed is None:
            return (f"{self.target.words} with {self.model}: no forecast. {self.problem}",)
        found = [f"{self.target.words} with {self.model} takes {self.forecast.needed.sentence}."]
        if self.price is not None and self.price.sentence:
            found.append(self.price.sentence)
        if self.forecast.resolution is not None:
            found.append(self.forecast.resolution.sentence)
        return (*found, *(f"{c.message} {c.cure}" for c in self.forecast.cautions))


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What to do for a target: the cheapest of several ways to it, and whether to label on."""

    target: Target
    choice: Choice | None
    model: str
    next: NextCases | None

    @property
    def sentences(self) -> tuple[str, ...]:
        """The advice in words."""
        found = []
        if self.choice is not None:
            found.append(f"{self.target.words}: {self.choice.sentence}")
        if self.next is not None:
            found.append(f"{self.target.measure} with {self.model}: {self.next.sentence}")
        return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Enough:
    """A curve, and what it says about each target.

    ``unit`` is what is counted: ``subjects`` where one has several cases. ``worths`` say what
    other ways to train are worth in labelled cases, ``advice`` what to do next for each target,
    and ``beside`` the answers of curves with other minutes.
    """

    folder: Path
    curve: Curve
    answers: tuple[Answer, ...]
    worths: tuple[Worth, ...] = ()
    advice: tuple[Advice, ...] = ()
    beside: tuple[Answer, ...] = ()
    priced: Priced = UNPRICED
    given: int
    unit: str


def enough(
    cohort: Cohort,
    out: Path,
    *,
    targets: Sequence[str],
    minutes: float,
    rungs: Sequence[str] = ("auto",),
    ways: Sequence[Way] = (USUALLY,),
    test: Sequence[str] | None = None,
    n_draws: int = MOST_DRAWS,
    n_seeds: int = 1,
    level: float = 0.8,
    priced: Priced = UNPRICED,
    beside: Sequence[Path] = (),
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
        See `suffice.workflows.targets.parse_target`.
    minutes, rungs, ways, test, n_draws, n_seeds, engine, seed
        See `suffice.workflows.curving.learning_curve`.
    level : float
        How often intervals are to hold the truth.
    priced : Priced
        What is known of the price of a case, see `suffice.workflows.pricing.read_prices`.
    beside : sequence of Path
        Folders of earlier calls on the same cohort whose trainings got other minutes: their curves
        are among the ways of which the cheapest is named.
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
        ways=ways,
        test=test,
        n_draws=n_draws,
        n_seeds=n_seeds,
        panel=Panel(names=tuple(names)),
        engine=engine,
        seed=seed,
        listener=listener,
    )
    given = given_subjects(curve.design, is_test_named=test is not None)
    asked = partial(_answers, wanted=wanted, given=given, level=level, priced=priced, seed=seed)
    answers = asked([curve])
    others = asked([known_curve(folder, curve.design) for folder in beside])
    labelled = cohort.labelled()
    unit = "cases" if len(labelled) == len(labelled.subjects) else "subjects"
    found = Enough(
        folder=curve.folder,
        curve=curve,
        answers=answers,
        worths=_worths(curve, wanted, level=level, seed=seed),
        advice=tuple(_advice(target, answers, others) for target in wanted),
        beside=others,
        priced=priced,
        given=given,
        unit=unit,
    )
    _write(found)
    return found


def given_subjects(design: CurveDesign, *, is_test_named: bool) -> int:
    """Count the subjects that a final model would learn from: those named for the test never."""
    n = len(design.cohort.subjects)
    return n - len(design.parts[0]) if is_test_named else n


def _arms(curve: Curve) -> list[tuple[str, str]]:
    """List kinds of models with their ways, the usual way first."""
    arms = curve.table[["rung", "way"]].drop_duplicates().itertuples(index=False, name=None)
    order = [way.name for way in curve.ways]
    return sorted(
        ((str(rung), str(way)) for rung, way in arms),
        key=lambda arm: order.index(arm[1]) if arm[1] in order else len(order),
    )


def _answers(
    curves: Sequence[Curve],
    *,
    wanted: Sequence[Target],
    given: int,
    level: float,
    priced: Priced,
    seed: int,
) -> tuple[Answer, ...]:
    """Answer for each curve, target, kind of model and way."""
    return tuple(
        _priced(_answer(curve, *arm, target, given, level, seed), priced, seed)
        for curve in curves
        for target in wanted
        for arm in _arms(curve)
    )


def _worths(
    curve: Curve, wanted: Sequence[Target], *, level: float, seed: int
) -> tuple[Worth, ...]:
    """Say what each way but the usual one is worth, in labelled cases."""
    by_name = {way.name: way for way in curve.ways}
    return tuple(
        worth_of(curve, rung, by_name[way], target, level=level, seed=seed)
        for target in wanted
        for rung, way in _arms(curve)
        if way != USUAL and way in by_name
    )


def _answer(
    curve: Curve, rung: str, way: str, target: Target, given: int, level: float, seed: int
) -> Answer:
    rows = curve_scores(curve, rung, target.label, target.metric, way=way)
    means = rows.groupby(["n_cases", "draw", "seed"])["value"].mean().reset_index()
    made: Forecast | None
    problem = ""
    try:
        made = forecast(rows, target=target.value, given=given, level=level, seed=seed)
    except SufficeError as error:
        is_mine = (curve.table["rung"] == rung) & (curve.table["way"] == way)
        notes = [note for note in curve.table[is_mine]["note"] if note]
        made, problem = None, notes[0] if notes else str(error)
    return Answer(
        rung=rung,
        way=way,
        minutes_each=curve.minutes_each,
        target=target,
        rows=means,
        forecast=made,
        problem=problem,
    )


def _priced(answer: Answer, priced: Priced, seed: int) -> Answer:
    """Add what the target costs, and what the next cases are worth."""
    made = answer.forecast
    if made is None:
        return answer
    time, rates = priced.time, priced.rates
    return replace(
        answer,
        price=price_of(
            made,
            name=answer.model,
            minutes_each=answer.minutes_each,
            time=time,
            rates=rates,
            seed=seed,
        ),
        next=next_cases(
            made,
            n_more=priced.n_next,
            time=time,
            rates=rates,
            value_a_point=priced.value_a_point,
            seed=seed,
        ),
    )


def _advice(target: Target, answers: Sequence[Answer], others: Sequence[Answer]) -> Advice:
    """Advise the cheapest way to a target, or else the first that has a forecast."""
    mine = [one for one in (*answers, *others) if one.target == target]
    priced = [(one, one.price) for one in mine if one.price is not None]
    if others:
        # What else but the minutes tells curves of one way apart.
        priced = [
            (one, replace(price, name=f"{one.model}, trained for {one.minutes_each:.3g} minutes"))
            for one, price in priced
        ]
    choice = cheapest([price for _, price in priced]) if len(priced) > 1 else None
    best = None if choice is None else choice.price
    name, chosen = next(
        ((price.name, one) for one, price in priced if price is best or best is None), ("", None)
    )
    return Advice(
        target=target,
        choice=choice,
        model=name,
        next=None if chosen is None else chosen.next,
    )


def _write(found: Enough) -> None:
    write_text(found.folder / FORECAST, json.dumps(to_json(found), indent=1))
    panels = [
        CurvePanel(
            title=f"{target.words} with {rung}",
            metric=metric_words(target.metric).title,
            lines=lines,
            unit=found.unit,
        )
        for (rung, target), lines in _lines(found.answers).items()
    ]
    for name in CHARTS if panels else ():
        write_curve_figure(found.folder / name, panels)


def _lines(answers: Sequence[Answer]) -> dict[tuple[str, Target], list[CurveLine]]:
    """Gather the curves that share a panel: all ways of a kind of model."""
    panels: dict[tuple[str, Target], list[CurveLine]] = {}
    for one in answers:
        if one.forecast is not None:
            line = CurveLine(name=one.way, rows=one.rows, forecast=one.forecast)
            panels.setdefault((one.rung, one.target), []).append(line)
    return panels


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
        "answers": [_answer_json(answer) for answer in found.answers],
        "beside": [_answer_json(answer) for answer in found.beside],
        "worth": [worth.to_json() for worth in found.worths],
        "prices": found.priced.to_json(),
        "advice": [
            {
                "label": one.target.label,
                "metric": one.target.metric,
                "wanted": one.target.value,
                "cheapest": None if one.choice is None else one.choice.to_json(),
                "model": one.model,
                "next": None if one.next is None else one.next.to_json(),
                "sentences": list(one.sentences),
            }
            for one in found.advice
        ],
    }


def _answer_json(answer: Answer) -> dict[str, Any]:
    return {
        "rung": answer.rung,
        "way": answer.way,
        "minutes_each": round(answer.minutes_each, 3),
        "label": answer.target.label,
        "metric": answer.target.metric,
        "wanted": answer.target.value,
        "sentences": list(answer.sentences),
        "forecast": None if answer.forecast is None else answer.forecast.to_json(),
        "price": None if answer.price is None else answer.price.to_json(),
        "next": None if answer.next is None else answer.next.to_json(),
    }
