"""Prices of a target, the cheapest way to it, and when to stop."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suffice.core import UsageError
from suffice.forecasting import (
    Forecast,
    Price,
    Rates,
    annotation_time,
    cheapest,
    forecast,
    next_cases,
    price_of,
    told_time,
)
from suffice.forecasting.experience import read_experience
from suffice.forecasting.pricing import amount
from suffice.forecasting.resolving import half_width

SIZES = (1, 2, 4, 8, 16)
# Hardly any expectation: the curve is known, and is to be carried on as it is.
WIDE = read_experience(Path(__file__).with_name("wide.json"))


def made(times: float = 1.0, *, target: float = 0.85, n_subjects: int = 10) -> Forecast:
    """0.9 - 0.5 n^-0.7, as if there were so many times the cases; 10 subjects."""
    rows = []
    for draw in range(3):
        luck = np.random.default_rng(draw).normal(0, 0.004)
        for n in SIZES:
            for k in range(n_subjects):
                value = 0.9 - 0.5 * (times * n) ** -0.7 + luck + 0.01 * np.sin(k + n)
                row = {"n_cases": n, "draw": draw, "seed": 0, "subject": f"s{k}", "value": value}
                rows.append(row)
    return forecast(pd.DataFrame(rows), target=target, given=16, experience=WIDE)


@pytest.fixture(scope="module")
def plain() -> Forecast:
    return made()


@pytest.fixture(scope="module")
def doubled() -> Forecast:
    return made(2.0)


def test_a_price_is_cases_times_minutes_times_the_rate(plain: Forecast) -> None:
    rates = Rates(expert=80, compute=2, currency="CHF")
    found = price_of(plain, name="unet", minutes_each=30, time=told_time(45), rates=rates)
    needed = plain.needed
    assert needed is not None and needed.more is not None
    assert found.drawing is not None and found.money is not None
    assert found.drawing.value == pytest.approx(needed.more * 0.75)
    assert found.money.value == pytest.approx(needed.more * 60 + 1)
    # With minutes that are sure, the interval is that of the cases.
    assert needed.more_low is not None
    assert found.drawing.low == pytest.approx(needed.more_low * 0.75)
    assert found.cases.low == needed.more_low
    if needed.more_high is not None:
        assert found.money.high == pytest.approx(needed.more_high * 60 + 1)
    assert "hours" in found.sentence and "CHF" in found.sentence


def test_an_unsure_log_widens_the_interval(plain: Forecast) -> None:
    log = [20.0, 80.0, 40.0, 45.0]
    sure, unsure = (
        price_of(plain, name="unet", minutes_each=30, time=time)
        for time in (told_time(46.25), annotation_time(log))
    )
    assert sure.drawing is not None and unsure.drawing is not None
    assert sure.drawing.value == pytest.approx(unsure.drawing.value)
    assert unsure.drawing.low < sure.drawing.low


def test_what_is_out_of_reach_has_no_price() -> None:
    far = price_of(made(target=0.95), name="unet", minutes_each=30, time=told_time(60))
    assert far.drawing is not None and math.isinf(far.drawing.value)
    # As many hours as cases that the forecast still speaks about.
    assert "more than 112 hours" in far.sentence
    assert far.to_json()["drawing_hours"]["value"] is None
    found = cheapest([far])
    assert found.price is None and found.sentence.startswith("None of 1 ways")


def test_the_way_that_doubles_the_cases_is_the_cheaper(plain: Forecast, doubled: Forecast) -> None:
    time, rates = told_time(45), Rates(expert=80)
    prices = [
        price_of(one, name=name, minutes_each=30, time=time, rates=rates)
        for name, one in (("unet", plain), ("unet, pool", doubled))
    ]
    found = cheapest(prices)
    assert found.price is prices[1] and found.surely > 0.9
    assert found.sentence.startswith("Cheapest: unet, pool, ")
    assert "of 2 ways none cheaper with probability" in found.sentence
    bare = [price_of(one, name="x", minutes_each=30) for one in (plain, doubled)]
    assert cheapest(bare).sentence.startswith("Fewest cases: x, ")
    with pytest.raises(UsageError, match="in one unit: got EUR, cases"):
        cheapest([prices[0], bare[0]])


@settings(max_examples=30, deadline=None)
@given(
    rows=st.lists(
        st.lists(st.one_of(st.integers(0, 20), st.just(math.inf)), min_size=8, max_size=8),
        min_size=1,
        max_size=4,
    )
)
def test_probabilities_of_the_cheapest_are_counted(
    plain: Forecast, rows: list[list[float]]
) -> None:
    base = price_of(plain, name="a", minutes_each=1)
    prices: list[Price] = []
    for row in rows:
        middle = float(np.quantile(row, 0.5, method="inverted_cdf"))
        span = replace(base.cases, value=middle, low=min(row), high=max(row))
        prices.append(replace(base, cases=span, totals=np.array(row, dtype=float)))
    found = cheapest(prices)
    if found.price is None:
        assert all(math.isinf(price.cases.value) for price in prices)
        return
    assert found.price.cases.value == min(price.cases.value for price in prices)
    totals = np.array(rows, dtype=float)
    mine = found.price.totals
    counted = [m < math.inf and m <= column.min() for m, column in zip(mine, totals.T, strict=True)]
    assert found.surely == pytest.approx(float(np.mean(counted)))


def test_prices_without_what_they_need_are_refused(plain: Forecast) -> None:
    with pytest.raises(UsageError, match="Hours have a price, but not how many"):
        price_of(plain, name="unet", minutes_each=30, rates=Rates(expert=80))
    with pytest.raises(UsageError, match="forecast has none"):
        price_of(replace(plain, needed=None), name="unet", minutes_each=30)
    with pytest.raises(UsageError, match="An hour costs 0 or more"):
        Rates(expert=-1)
    with pytest.raises(UsageError, match="A currency has a name"):
        Rates(expert=1, currency=" ")


def test_it_stops_where_the_gain_is_worth_less_than_it_costs(plain: Forecast) -> None:
    time, rates = told_time(60), Rates(expert=100)
    found = next_cases(plain, time=time, rates=rates, value_a_point=1.0)
    assert found is not None and found.n_more == 16
    true = 100 * 0.5 * (16**-0.7 - 32**-0.7)
    assert found.low <= true <= found.high
    assert found.cost == pytest.approx(1600) and found.worth == pytest.approx(found.gain)
    assert found.is_too_dear and found.stops and found.pays == 0.0
    assert found.sentence.startswith("Stop: 16 more cases are expected to bring ")
    rich = next_cases(plain, time=time, rates=rates, value_a_point=1e5)
    assert rich is not None and not rich.is_too_dear and rich.pays is not None and rich.pays > 0.9


def test_it_stops_where_the_test_set_cannot_tell(plain: Forecast) -> None:
    plain = replace(plain, needed=None)
    few = next_cases(plain, n_more=1)
    many = next_cases(plain)
    assert few is not None and many is not None and few.least_told is not None
    assert few.least_told == many.least_told and few.n_test == 10
    # sin(k + n) at the two largest sizes, over subjects.
    apart = 0.01 * (np.sin(np.arange(10) + 16) - np.sin(np.arange(10) + 8))
    expected = 100 * half_width(10, float(apart.std(ddof=1)))
    assert few.least_told == pytest.approx(expected, rel=1e-6)
    assert few.is_untold and few.stops and not many.is_untold
    assert f"less than the {few.least_told:.1f} that 10 test subjects tell" in few.sentence
    assert many.sentence.startswith("Go on: ")


def test_a_step_towards_a_target_within_reach_is_no_reason_to_stop(plain: Forecast) -> None:
    assert plain.needed is not None
    needed = replace(plain.needed, n_cases=plain.given + 20, high=None, out_of_reach=0.5)
    found = next_cases(replace(plain, needed=needed), n_more=1)
    assert found is not None and found.is_untold and not found.stops
    assert found.sentence.startswith("Go on: 1 more case is") and "takes 20 more" in found.sentence
    last = next_cases(replace(plain, needed=replace(needed, n_cases=plain.given + 1)), n_more=1)
    assert last is not None and last.stops
    doubtful = next_cases(replace(plain, needed=replace(needed, out_of_reach=0.51)), n_more=1)
    assert doubtful is not None and doubtful.stops and "takes" not in doubtful.sentence
    assert doubtful.to_json()["out_of_reach"] == 0.51
    dear = next_cases(
        replace(plain, needed=needed),
        time=told_time(60),
        rates=Rates(expert=100),
        value_a_point=1.0,
    )
    assert dear is not None and dear.stops


def test_nothing_is_said_of_cases_that_the_forecast_does_not_reach(plain: Forecast) -> None:
    assert next_cases(replace(plain, given=100)) is None
    assert next_cases(plain, n_more=10_000) is None
    with pytest.raises(UsageError, match="1 or more"):
        next_cases(plain, n_more=0)
    with pytest.raises(UsageError, match="a case has no price"):
        next_cases(plain, value_a_point=3.0)


@pytest.mark.parametrize(
    ("value", "words"),
    [(0, "0"), (0.254, "0.25"), (6.83, "6.8"), (9.96, "10"), (12345.6, "12,346")],
)
def test_amounts_are_written_as_closely_as_they_deserve(value: float, words: str) -> None:
    assert amount(value) == words
