"""The bootstrap interval: coverage, subjects kept together, degenerate cases."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from suffice.core import UsageError
from suffice.metrics import bootstrap_interval
from suffice.metrics.interval import bca_bounds, resampled_means


def drawn_values(rng, kind, n):
    """Dice, distances, failures and round numbers: what scores look like."""
    return (
        rng.beta(8, 2, n),
        rng.lognormal(1, 0.7, n),
        np.where(rng.random(n) < 0.1, 0, rng.beta(18, 2, n)),
        np.round(rng.beta(4, 2, n), 1),
    )[kind]


def test_bounds_are_those_of_scipy():
    compared = 0
    for trial in range(240):
        rng = np.random.default_rng(trial)
        values = drawn_values(rng, trial % 4, int(rng.integers(3, 40)))
        if np.ptp(values) == 0:
            continue
        tail = float(rng.uniform(0.005, 0.2))
        peer = stats.bootstrap(
            (values,),
            np.mean,
            n_resamples=300,
            confidence_level=1 - 2 * tail,
            method="BCa",
            random_state=np.random.default_rng(trial),
        ).confidence_interval
        resampled = resampled_means(values, 300, np.random.default_rng(trial))
        np.testing.assert_allclose(bca_bounds(values, resampled, tail), [*peer], atol=1e-12)
        compared += 1
    assert compared >= 200


@pytest.mark.parametrize("kind", [0, 1])
def test_few_subjects_are_covered_better_than_by_plain_bca(kind):
    rng = np.random.default_rng(kind)
    truth = [0.8, np.exp(1 + 0.7**2 / 2)][kind]
    plain = widened = 0
    for trial in range(300):
        values = drawn_values(rng, kind, 6)
        interval = bootstrap_interval(values, list("abcdef"), n_resamples=400, seed=trial)
        low, high = bca_bounds(values, resampled_means(values, 400, rng), 0.025)
        plain += low <= truth <= high
        widened += interval.low <= truth <= interval.high
    assert widened >= plain + 10
    assert widened / 300 >= [0.88, 0.80][kind]


def test_few_subjects_are_told():
    for n in range(2, 10):
        values = np.linspace(0.5, 0.9, n)
        reason = bootstrap_interval(values, [str(i) for i in range(n)], seed=0).reason
        assert reason.startswith(f"{n} subjects" if n < 6 else f"only {n} subjects")
    assert (
        "75 % of samples at best" in bootstrap_interval([0.1, 0.2, 0.4], list("abc"), seed=0).reason
    )
    assert bootstrap_interval(np.linspace(0, 1, 10), list("abcdefghij"), seed=0).reason == ""


@settings(max_examples=40, deadline=None)
@given(
    values=st.lists(st.floats(0, 1), min_size=2, max_size=12),
    scale=st.sampled_from([0.01, 3.0, 1000.0]),
    shift=st.floats(-5, 5),
)
def test_the_interval_moves_with_its_values_and_stays_among_them(values, scale, shift):
    names = [str(i) for i in range(len(values))]
    one = bootstrap_interval(values, names, n_resamples=200, seed=0)
    assert min(values) - 1e-12 <= one.low <= one.high <= max(values) + 1e-12
    if np.ptp(values) > 1e-3:
        moved = bootstrap_interval(np.array(values) * scale + shift, names, n_resamples=200, seed=0)
        # A rounding may count a resample at the mean itself as above or below it.
        assert moved.width == pytest.approx(one.width * scale, rel=0.25)


def test_covers_the_true_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    subjects = [str(i) for i in range(30)]
    hits = 0
    for trial in range(150):
        values = rng.beta(8, 2, size=30)  # skewed to the left, as Dice is
        interval = bootstrap_interval(values, subjects, level=0.9, n_resamples=500, seed=trial)
        hits += interval.low <= 0.8 <= interval.high
    assert 0.82 <= hits / 150 <= 0.97


def test_visits_are_no_evidence_of_their_own():
    rng = np.random.default_rng(1)
    once = rng.normal(size=12)
    names = [f"s{i}" for i in range(12)]
    single = bootstrap_interval(once, names, seed=3)
    repeated = bootstrap_interval(np.repeat(once, 5), np.repeat(names, 5), seed=3)
    assert repeated.n_cases == 60 and repeated.n_subjects == 12
    assert (repeated.mean, repeated.low, repeated.high) == pytest.approx(
        (single.mean, single.low, single.high)
    )


def test_every_subject_counts_once():
    assert bootstrap_interval([0.0, 1.0, 1.0, 1.0], ["a", "b", "b", "b"], seed=0).mean == 0.5


def test_the_same_seed_gives_the_same_interval():
    values, names = [0.1, 0.5, 0.7, 0.9], list("abcd")
    assert bootstrap_interval(values, names, seed=5) == bootstrap_interval(values, names, seed=5)


def test_the_interval_holds_the_mean_and_widens_with_its_level():
    values, names = np.random.default_rng(2).random(9), [str(i) for i in range(9)]
    narrow = bootstrap_interval(values, names, level=0.5, seed=0)
    wide = bootstrap_interval(values, names, level=0.99, seed=0)
    assert wide.low < narrow.low < narrow.mean < narrow.high < wide.high


@pytest.mark.parametrize(("values", "n"), [([0.8], 1), ([0.8, 0.7], 1), ([], 0)])
def test_fewer_than_two_subjects_give_no_interval_and_the_reason(values, n):
    interval = bootstrap_interval(values, ["only"] * len(values), seed=0)
    assert interval.n_subjects == n
    assert np.isnan([interval.low, interval.high]).all()
    assert "at least two subjects" in interval.reason


def test_equal_values_give_a_point():
    interval = bootstrap_interval([0.7, 0.7, 0.7], list("abc"), seed=0)
    assert interval.low == interval.high == pytest.approx(0.7)
    assert "same value" in interval.reason


def test_two_subjects_give_finite_bounds():
    interval = bootstrap_interval([0.6, 0.9], list("ab"), seed=0)
    assert 0.6 <= interval.low <= interval.high <= 0.9


def test_bad_arguments_are_named():
    with pytest.raises(UsageError, match="Each value needs its subject"):
        bootstrap_interval([1.0, 2.0], ["a"], seed=0)
    with pytest.raises(UsageError, match="needs finite values"):
        bootstrap_interval([1.0, np.inf], ["a", "b"], seed=0)
    with pytest.raises(UsageError, match="level of an interval"):
        bootstrap_interval([1.0, 2.0], ["a", "b"], level=95, seed=0)


def test_many_subjects_take_little_memory():
    tracemalloc.start()
    values = np.random.default_rng(0).random(6000)
    bootstrap_interval(values, [str(i) for i in range(6000)], n_resamples=200, seed=0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200e6
