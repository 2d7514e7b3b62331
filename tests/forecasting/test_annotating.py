"""Minutes of a case: medians, their intervals, practice, and totals of many."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import quantile_test, theilslopes

from suffice.core import UsageError
from suffice.forecasting import annotation_time, told_time
from suffice.forecasting.annotating import median_interval, theil_sen


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 60), level=st.floats(0.3, 0.97))
def test_the_median_lies_between_the_ranks_that_scipy_names(n: int, level: float) -> None:
    values = np.arange(n, dtype=float)
    low, high = median_interval(values, level)
    assert high == n - 1 - low
    expected = quantile_test(values, p=0.5).confidence_interval(level)
    # Where not even the range holds it as often, scipy names no bound.
    assert low == (0 if math.isnan(expected.low) else expected.low)
    assert high == (n - 1 if math.isnan(expected.high) else expected.high)


@pytest.mark.parametrize(("n", "level"), [(3, 0.75), (4, 0.8), (6, 0.8), (10, 0.8), (25, 0.8)])
def test_the_interval_of_a_median_holds_as_often_as_it_says(n: int, level: float) -> None:
    logs = np.random.default_rng(n).lognormal(size=(2000, n))
    bounds = np.array([median_interval(log, 0.8) for log in logs])
    held = ((bounds[:, 0] <= 1.0) & (bounds[:, 1] >= 1.0)).mean()
    assert held >= level - 0.03
    told = annotation_time(logs[0].tolist())
    assert told.level == pytest.approx(level) and f"{100 * level:.0f} % interval" in told.sentence


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=4, max_size=30), st.sampled_from([0.8, 0.95]))
def test_slopes_are_those_of_scipy(values: list[float], level: float) -> None:
    # Ties narrow scipy's interval, and logged minutes have hardly any.
    y = np.array(values) + np.linspace(0, 1e-3, len(values)) * np.sqrt(2)
    if len(set(y.tolist())) < len(y):
        return
    x = np.log2(np.arange(1, len(y) + 1))
    slope, low, high = theil_sen(x, y, level)
    expected = theilslopes(y, x, level)
    assert slope == pytest.approx(expected.slope, abs=1e-9)
    assert low == pytest.approx(expected.low_slope, abs=1e-9)
    assert high == pytest.approx(expected.high_slope, abs=1e-9)


def test_practice_is_named_and_the_later_half_counts() -> None:
    rng = np.random.default_rng(1)
    minutes = 60 * np.arange(1, 31) ** math.log2(0.8) * np.exp(rng.normal(0, 0.05, 30))
    found = annotation_time(minutes.tolist())
    assert found.practice is not None and found.n_cases == found.practice.n_late == 15
    assert found.practice.change == pytest.approx(-0.2, abs=0.03)
    assert found.practice.low < -0.2 + 0.03 and found.practice.high > -0.2 - 0.03
    assert found.median == pytest.approx(float(np.median(minutes[15:])))
    assert "They got quicker, by 2" in found.sentence and "later half" in found.sentence
    slower = annotation_time(minutes[::-1].tolist())
    assert slower.practice is not None and "They got slower" in slower.sentence


def test_luck_is_not_taken_for_practice() -> None:
    n_named = sum(
        annotation_time(np.random.default_rng(seed).lognormal(3, 0.4, 20).tolist()).practice
        is not None
        for seed in range(100)
    )
    assert n_named <= 12


def test_what_is_told_is_taken_as_it_is() -> None:
    found = told_time(45)
    assert found.sentence == "A case takes 45 minutes to draw, as told."
    more = np.array([0.0, 9.0, math.inf])
    assert found.draw_totals(more, np.random.default_rng(0)).tolist() == [0.0, 405.0, math.inf]


def test_totals_are_as_unsure_as_the_log_is_short() -> None:
    widths = []
    for n in (4, 12, 100):
        log = np.exp(np.linspace(-0.5, 0.5, n))
        rng = np.random.default_rng(0)
        made = annotation_time((30 * rng.permutation(log)).tolist())
        totals = made.draw_totals(np.full(4000, 50.0), rng)
        assert np.median(totals) == pytest.approx(50 * made.mean, rel=0.05)
        low, high = np.quantile(totals, [0.1, 0.9])
        widths.append(high / low)
    assert widths[0] > widths[1] > widths[2]


@pytest.mark.parametrize(
    ("minutes", "words"),
    [([40, 50], "do not tell how long one takes: got 2"), ([40, 50, 0], "more than 0 minutes")],
)
def test_logs_that_say_nothing_are_refused(minutes: list[float], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        annotation_time(minutes)
    with pytest.raises(UsageError, match="more than 0 minutes"):
        told_time(0)
