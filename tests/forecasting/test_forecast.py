"""Forecasts: their laws, their answers and what they refuse."""

import json
import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import suffice
from suffice.core import UsageError
from suffice.forecasting import (
    FAMILIES,
    FEW_DRAWS,
    FEW_SIZES,
    NO_SLOPE,
    NOT_MONOTONE,
    CasesNeeded,
    forecast,
    resolve_target,
)
from suffice.forecasting.experience import read_experience

SIZES = np.array([2, 4, 8])
# Hardly any expectation: here it is the curve's own sizes that are to speak.
WIDE = read_experience(Path(__file__).with_name("wide.json"))


def table_of(means: list[float], *, n_draws: int = 3, spread: float = 0.01) -> pd.DataFrame:
    """Scores at 2, 4, 8 ... cases, as far apart between draws as is said."""
    steps = np.linspace(-spread, spread, n_draws) if n_draws > 1 else [0.0]
    return pd.DataFrame(
        {"n_cases": 2 ** (i + 1), "draw": d, "seed": d, "value": min(max(mean + step, 0), 1)}
        for i, mean in enumerate(means)
        for d, step in enumerate(steps)
    )


@settings(max_examples=15, deadline=None)
@given(means=st.lists(st.floats(0.02, 0.98), min_size=2, max_size=5))
@example(means=[0.25, 0.75, 0.5])
def test_forecasts_never_fall_and_intervals_hold_them(means: list[float]) -> None:
    made = forecast(table_of(means), n_resamples=20)
    assert (np.diff(made.expected) >= 0).all()
    answers = [made.value_at(n) for n in np.geomspace(2, made.limit, 9)]
    for answer in answers:
        assert 0 <= answer.low <= answer.value <= answer.high <= 1
    assert all(b.low >= a.low for a, b in pairwise(answers))
    targets = [made.cases_for(t) for t in (0.3, 0.6, 0.9)]
    for found in targets:
        n = [math.inf if x is None else x for x in (found.low, found.n_cases, found.high)]
        assert n[0] <= n[1] <= n[2]
        assert 0 <= found.out_of_reach <= found.beyond_limit <= 1
    assert all((a.n_cases or math.inf) <= (b.n_cases or math.inf) for a, b in pairwise(targets))


@pytest.mark.parametrize("family", FAMILIES)
def test_curves_are_carried_on_as_they_began(family: str, make_curve, shapes) -> None:
    table = make_curve(family, sizes=(1, 2, 3, 4, 6, 8), noise=0.003, n_draws=6)
    made = forecast(table, experience=WIDE)
    truth = FAMILIES[family].value(shapes[family], [32], 8.0)[0, 0]
    answer = made.value_at(32)
    assert answer.value == pytest.approx(truth, abs=0.06)


def test_intervals_hold_on_curves_that_climb_as_few_in_the_library_do(make_curve, shapes) -> None:
    held = []
    for family in FAMILIES:
        truth = FAMILIES[family].value(shapes[family], [32], 8.0)[0, 0]
        for seed in range(3):
            rng = np.random.default_rng(seed)
            table = make_curve(family, sizes=(1, 2, 4, 8), noise=0.02, rng=rng)
            answer = forecast(table).value_at(32)
            held.append(answer.low <= truth <= answer.high)
    assert sum(held) >= 9


def test_a_first_case_that_taught_nothing_does_not_bend_the_curve(make_curve) -> None:
    table = make_curve(sizes=(1, 2, 4, 8), noise=0.005)
    nothing = table.assign(value=table["value"].where(table["n_cases"] > 1, 0.0))
    usual, spoilt = (forecast(each).value_at(32).value for each in (table, nothing))
    assert spoilt == pytest.approx(usual, abs=0.03)


def test_more_draws_make_forecasts_surer(make_curve) -> None:
    def width(n_draws: int) -> float:
        widths = []
        for seed in range(4):
            rng = np.random.default_rng(seed)
            table = make_curve(sizes=(2, 4, 8), n_draws=n_draws, noise=0.04, rng=rng)
            answer = forecast(table, n_resamples=100).value_at(16)
            widths.append(answer.high - answer.low)
        return float(np.mean(widths))

    assert width(12) < width(2)


def test_larger_sizes_make_forecasts_surer(make_curve) -> None:
    def width(sizes: tuple[int, ...]) -> float:
        answer = forecast(make_curve(sizes=sizes, noise=0.01)).value_at(32)
        return answer.high - answer.low

    assert width((2, 4, 8, 16, 32)) < width((2, 4, 8, 16)) < width((2, 4, 8))


def test_doubt_about_subjects_is_not_inflated() -> None:
    """What the factor was learned on had fixed subjects, so it must not widen their part."""
    hard = np.random.default_rng(1).normal(0, 0.1, 30)
    table = pd.DataFrame(
        {"n_cases": n, "draw": d, "seed": d, "subject": f"s{i:02d}", "value": mean + hard[i]}
        for n, mean in ((2, 0.5), (4, 0.6), (8, 0.65))
        for d in range(3)
        for i in range(30)
    )
    of_subjects = hard.std() / math.sqrt(30)
    spreads = []
    for inflation in (1e-6, 1.0):
        made = forecast(table, experience=replace(WIDE, inflation=inflation))
        at = np.searchsorted(made.n_cases, 8.0)
        spreads.append(made.paths[:, at].std())
    assert spreads[0] == pytest.approx(of_subjects, rel=0.2)
    assert spreads[1] > spreads[0]


@pytest.mark.parametrize(("n_parts", "n_draws"), [(3, 3), (1, 3), (3, 1)])
def test_intervals_hold_the_mean_of_all_subjects(n_parts: int, n_draws: int) -> None:
    """Whether draws are scored on the same subjects, on others in turn, or there is one alone."""
    n_subjects, n_curves, means = 12, 24, (0.5, 0.6, 0.65)
    rng = np.random.default_rng(2)
    held, widths = 0, []
    for _ in range(n_curves):
        hard = rng.normal(0, 0.1, n_subjects)
        luck = rng.normal(0, 0.03, (n_draws, len(means)))
        table = pd.DataFrame(
            {"n_cases": n, "draw": d, "seed": d, "subject": f"s{i:02d}", "value": value}
            for k, n in enumerate(SIZES)
            for d in range(n_draws)
            for i in range(d % n_parts, n_subjects, n_parts)
            for value in [means[k] + luck[d, k] + hard[i]]
        )
        made = forecast(table.assign(value=table["value"].clip(0, 1)), experience=WIDE)
        paths = made.paths[:, np.searchsorted(made.n_cases, 8.0)]
        low, high = np.quantile(paths, [0.1, 0.9])
        held += low <= means[-1] <= high
        widths.append(high - low)
    n_scored = n_subjects // n_parts * min(n_parts, n_draws)
    true = 2 * 1.2816 * math.hypot(0.1 / math.sqrt(n_scored), 0.03 / math.sqrt(n_draws))
    assert held / n_curves >= 0.65
    assert 0.8 < np.mean(widths) / true < 1.25


def test_the_same_seed_gives_the_same_forecast(make_curve) -> None:
    first, again = (forecast(make_curve(), target=0.8).to_json() for _ in range(2))
    assert first == again
    assert json.loads(json.dumps(first, allow_nan=False)) == first


def test_the_answer_is_the_number_of_cases_that_the_curve_needs(make_curve) -> None:
    made = suffice.forecast(make_curve(), target=0.75, given=5, experience=WIDE)
    needed = made.needed
    assert needed is not None
    assert needed.n_cases is not None

    def reached(n_cases: int) -> float:
        """Part of the curves that the truth may be that is there by then."""
        logs = np.log(made.n_cases)
        values = [np.interp(np.log(n_cases), logs, path) for path in made.paths]
        return float(np.mean(np.array(values) >= 0.75 - 1e-9))

    assert reached(needed.n_cases) >= 0.5 > reached(needed.n_cases - 1)
    assert needed.more == needed.n_cases - 5
    assert made.sentence.startswith(f"0.75 takes {needed.more} more, 80 % interval")


def test_targets_that_are_reached_take_none_more() -> None:
    needed = forecast(table_of([0.8, 0.88, 0.93]), target=0.7).needed
    assert needed is not None
    assert needed.more == 0
    assert needed.sentence == "none more: the 8 given are enough"


def test_what_a_flat_curve_never_reaches_is_said() -> None:
    made = forecast(table_of([0.60, 0.603, 0.605, 0.605, 0.605], spread=0.002), target=0.95)
    assert made.needed is not None
    assert made.needed.n_cases is None
    assert made.needed.out_of_reach > 0.5
    assert "out of reach of this model with probability" in made.sentence
    assert f"more than {8 * 32} cases in all" in made.sentence


def test_nothing_is_said_far_beyond_the_curve_unless_asked(make_curve) -> None:
    made = forecast(make_curve(), experience=WIDE)
    assert made.value_at(64).value < made.value_at(80, far=True).value
    with pytest.raises(UsageError, match="2 to 64"):
        made.value_at(65)
    with pytest.raises(UsageError, match="2 to 800"):
        made.value_at(1000, far=True)
    needed = made.cases_for(made.value_at(100, far=True).value)
    assert needed.n_cases is None
    assert made.cases_for(needed.target, far=True).n_cases == pytest.approx(100, rel=0.1)


@pytest.mark.parametrize(
    ("means", "n_draws", "kinds"),
    [
        ([0.5, 0.6, 0.68], 3, []),
        ([0.5, 0.6], 3, [FEW_SIZES]),
        ([0.5, 0.6, 0.68], 1, [FEW_DRAWS]),
        ([0.5, 0.9, 0.6], 6, [NOT_MONOTONE]),
        ([0.7, 0.7, 0.7], 3, [NO_SLOPE]),
    ],
)
def test_ill_behaved_curves_are_named(means: list[float], n_draws: int, kinds: list[str]) -> None:
    made = forecast(table_of(means, n_draws=n_draws), n_resamples=20)
    assert [caution.kind for caution in made.cautions] == kinds


def test_a_test_set_is_judged_by_its_subjects(make_curve) -> None:
    table = pd.concat(
        make_curve().assign(subject=f"s{i}", value=lambda t, i=i: t["value"] + 0.1 * (i % 2))
        for i in range(10)
    )
    made = forecast(table, target=0.80)
    assert made.resolution is not None
    assert made.resolution.n_test == 10
    assert made.resolution.sd == pytest.approx(np.std([0, 0.1] * 5, ddof=1))
    told = forecast(make_curve(), target=0.72, n_test=5, sd=0.2).resolution
    assert told is not None
    assert not told.is_enough
    assert "too few to tell" in told.sentence
    assert forecast(make_curve(), target=0.72).resolution is None


def test_so_many_test_subjects_would_do() -> None:
    found = resolve_target(0.9, 0.88, n_test=20, sd=0.1)
    enough = resolve_target(0.9, 0.88, n_test=found.n_needed, sd=0.1)
    assert enough.is_enough
    assert not resolve_target(0.9, 0.88, n_test=found.n_needed - 2, sd=0.1).is_enough
    assert resolve_target(0.8, 0.88, n_test=20, sd=0.1).n_needed == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": 1.0}, "between 0 and 1"),
        ({"level": 1.0}, "level of an interval"),
        ({"n_resamples": 1}, "Too few resamples"),
        ({"target": 0.9, "n_test": 1, "sd": 0.1}, "2 subjects or more"),
    ],
)
def test_options_without_sense_are_refused(options, message: str, make_curve) -> None:
    with pytest.raises(UsageError, match=message):
        forecast(make_curve(), **options)


def needed(**changes: object) -> CasesNeeded:
    """An answer."""
    usual = {
        "target": 0.9,
        "n_cases": 29,
        "low": 20,
        "high": 48,
        "given": 8,
        "limit": 64,
        "out_of_reach": 0.0,
        "beyond_limit": 0.0,
        "level": 0.8,
    }
    return CasesNeeded(**(usual | changes))  # type: ignore[arg-type]


def test_answers_are_plain_english() -> None:
    assert needed().sentence == "21 more, 80 % interval 12 to 40"
    assert needed(high=None, out_of_reach=0.2).sentence == (
        "21 more, 80 % interval 12 to more than 56; out of reach of this model with probability "
        "20 %"
    )
    assert needed(n_cases=None, high=None, out_of_reach=0.004).sentence == (
        "more than 64 cases in all, 80 % interval from 12 more; out of reach of this model with "
        "probability under 1 %"
    )
