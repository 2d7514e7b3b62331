"""Two ways to measure: published examples, another library, laws and coverage."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from suffice.core import UsageError
from suffice.spirometry import agreement_of, deming
from suffice.spirometry.two_methods import spread_of_differences

# Peak flow by two meters, from Bland and Altman, Lancet 1986, 10.1016/S0140-6736(86)90837-8.
LARGE = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
MINI = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]


def names(n: int) -> list[str]:
    return [f"S{i}" for i in range(n)]


def test_the_example_of_bland_and_altman():
    found = agreement_of(LARGE, MINI, names(17))
    assert found.bias.value == pytest.approx(-2.1, abs=0.05)
    assert (found.bias.low, found.bias.high) == pytest.approx((-22.0, 17.8), abs=0.1)
    assert found.correlation.value == pytest.approx(0.94, abs=0.005)
    # They rounded 1.96 to 2: limits of -79.7 and 75.5 with an SD of 38.8.
    assert found.upper_limit.value == pytest.approx(-2.1 + 1.96 * 38.8, abs=0.1)
    assert found.lower_limit.value == pytest.approx(-2.1 - 1.96 * 38.8, abs=0.1)
    # Their errors of the limits are the root of 3 s^2 / n, which is ours for many subjects.
    assert (found.lower_limit.low, found.lower_limit.high) == pytest.approx((-114.3, -45.1), abs=4)


def test_correlation_equals_scipy():
    rng = np.random.default_rng(0)
    for n in (5, 12, 60):
        x = rng.normal(5, 1, n)
        y = x + rng.normal(0, 0.7, n)
        theirs = stats.pearsonr(x, y)
        interval = theirs.confidence_interval(0.95)
        ours = agreement_of(x, y, names(n)).correlation
        assert ours.value == pytest.approx(theirs.statistic)
        assert (ours.low, ours.high) == pytest.approx((interval.low, interval.high), abs=1e-9)


def test_deming_equals_total_least_squares():
    rng = np.random.default_rng(1)
    for ratio in (0.25, 1.0, 4.0):
        x = rng.normal(5, 1, 50)
        y = 0.8 * x + 1 + rng.normal(0, 0.4, 50)
        # With errors made equal, the line is the first principal axis.
        scaled = np.column_stack([x, y / np.sqrt(ratio)])
        axis = np.linalg.svd(scaled - scaled.mean(axis=0))[2][0]
        slope = axis[1] / axis[0] * np.sqrt(ratio)
        ours = deming(x, y, ratio)
        assert ours == pytest.approx((slope, y.mean() - slope * x.mean()))


@given(st.floats(0.3, 3), st.floats(-5, 5), st.floats(0.2, 5))
def test_deming_finds_an_exact_line_and_turns_about(slope, intercept, ratio):
    x = np.array([1.0, 2.0, 4.0, 5.0])
    y = slope * x + intercept
    assert deming(x, y, ratio) == pytest.approx((slope, intercept), abs=1e-6)
    back = deming(y, x, 1 / ratio)
    assert back == pytest.approx((1 / slope, -intercept / slope), abs=1e-6)


def test_values_without_spread_have_no_line():
    assert np.isnan(deming(np.ones(4), np.arange(4.0))).all()
    found = agreement_of([3.0] * 4, [1.0, 2.0, 3.0, 4.0], names(4))
    assert np.isnan(found.correlation.value) and np.isnan(found.slope.low)
    assert found.bias.value == pytest.approx(0.5)


def test_the_spread_of_repeated_pairs_equals_a_mixed_model():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mixed = pytest.importorskip("statsmodels.regression.mixed_linear_model")
        rng = np.random.default_rng(2)
        who = np.repeat(np.arange(30), 4)
        gaps = rng.normal(0, 0.5, 30)[who] + rng.normal(0.2, 0.3, 120)
        fit = mixed.MixedLM(gaps, np.ones((120, 1)), who).fit(reml=True)
    theirs = np.sqrt(fit.scale + fit.cov_re[0, 0])
    assert spread_of_differences(gaps, who) == pytest.approx(theirs, rel=1e-3)


@pytest.mark.parametrize("each", [1, 3])
def test_intervals_hold_the_truth_about_as_often_as_they_say(each):
    rng = np.random.default_rng(3)
    who = np.repeat(np.arange(25), each)
    truth = {"bias": 1.0, "upper_limit": 1 + 1.96 * 0.5, "lower_limit": 1 - 1.96 * 0.5}
    truth |= {"slope": 1.0, "intercept": -1.0}
    held = dict.fromkeys(truth, 0)
    n_runs = 120
    for _ in range(n_runs):
        lung = rng.normal(5, 1, 25)[who]
        shift = rng.normal(0, 0.3, 25)[who] if each > 1 else np.zeros(len(who))
        noise = np.sqrt(0.25 - (0.09 if each > 1 else 0.0))
        first = lung + shift / 2 + rng.normal(0, noise / np.sqrt(2), len(who))
        second = lung - shift / 2 - 1 + rng.normal(0, noise / np.sqrt(2), len(who))
        found = agreement_of(first, second, [str(i) for i in who])
        for name, value in truth.items():
            one = getattr(found, name)
            held[name] += one.low <= value <= one.high
    assert all(0.87 <= n / n_runs <= 0.995 for n in held.values()), held


@settings(max_examples=20)
@given(st.floats(-3, 3), st.floats(0.5, 2))
def test_a_shift_moves_the_bias_alone(shift, scale):
    rng = np.random.default_rng(4)
    x = rng.normal(5, 1, 12)
    y = x + rng.normal(0, 0.3, 12)
    before, after = agreement_of(x, y, names(12)), agreement_of(x + shift, y, names(12))
    assert after.bias.value - before.bias.value == pytest.approx(shift)
    assert after.correlation.value == pytest.approx(before.correlation.value)
    assert after.slope.value == pytest.approx(before.slope.value)
    larger = agreement_of(scale * x, scale * y, names(12))
    assert larger.upper_limit.value == pytest.approx(scale * before.upper_limit.value)


def test_two_subjects_have_values_without_bounds():
    found = agreement_of([4, 5], [3, 4.5], ["a", "b"])
    assert found.bias.value == pytest.approx(0.75) and np.isnan(found.bias.low)
    assert np.isnan(found.lower_limit.low) and np.isnan(found.slope.low)


def test_no_pair_at_all():
    found = agreement_of([], [], [])
    assert (found.n_pairs, found.n_subjects) == (0, 0)
    assert np.isnan(found.bias.value) and np.isnan(found.correlation.value)


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        (([1.0], [1.0, 2.0], ["a"]), {}, "two values and its subject"),
        (([1.0, np.nan], [1.0, 2.0], ["a", "b"]), {}, "finite"),
        (([1.0], [1.0], ["a"]), {"level": 1.0}, "level"),
        (([1.0], [1.0], ["a"]), {"error_ratio": 0.0}, "ratio"),
    ],
)
def test_what_cannot_be_compared(arguments, options, words):
    with pytest.raises(UsageError, match=words):
        agreement_of(*arguments, **options)


def test_pairs_of_one_subject_count_once():
    table = pd.DataFrame({"x": [4.0, 5.0, 6.5, 7.0, 5.5], "y": [3.0, 4.2, 5.2, 6.1, 4.4]})
    one = agreement_of(table["x"], table["y"], names(5))
    twice = agreement_of(np.repeat(table["x"], 2), np.repeat(table["y"], 2), np.repeat(names(5), 2))
    assert twice.bias.value == pytest.approx(one.bias.value)
    # The same pairs again are no further evidence.
    assert twice.bias.high - twice.bias.low == pytest.approx(one.bias.high - one.bias.low, rel=0.01)
