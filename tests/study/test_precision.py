"""The size of a test set."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from suffice.core import UsageError
from suffice.metrics import bootstrap_interval
from suffice.study import expected_width, subjects_for_difference, subjects_for_width
from suffice.study.paired_tests import sign_flip_p
from suffice.study.precision import MOST_SUBJECTS, paired_power


def spread_of(sd, n=20):
    values = np.random.default_rng(0).normal(size=n)
    return 0.85 + sd * (values - values.mean()) / values.std(ddof=1)


def test_a_point_takes_100_to_200_cases_at_3_points_of_spread():
    """El Jurdi and Colliot 2023, https://arxiv.org/abs/2307.10926."""
    size = subjects_for_width(spread_of(0.03), 0.01)
    assert 100 <= size.n <= 200
    assert size.n == 141  # (2 * 1.96 * 3)^2 = 138, and Student's quantile adds 3
    assert size.low < size.n < size.high


def test_the_width_of_so_many_subjects_is_the_one_wanted():
    scores = 1 - np.random.default_rng(1).gamma(2, 0.03, 30)
    size = subjects_for_width(scores, 0.02)
    assert expected_width(scores, size.n, seed=0) == pytest.approx(0.02, rel=0.12)


def test_expected_width_of_the_present_number_is_near_the_present_width():
    scores = np.random.default_rng(2).beta(20, 3, 60)
    present = bootstrap_interval(scores, [str(i) for i in range(60)], seed=0).width
    assert expected_width(scores, 60, seed=0) == pytest.approx(present, rel=0.15)
    assert expected_width([0.5, 0.6], 2, n_draws=3, n_resamples=20, seed=1) >= 0


def test_power_is_that_of_the_definition():
    """Chance that a normal mean over a chi-distributed spread passes the critical value."""
    for n in (3, 5, 12, 40):
        for effect in (0.05, 0.5, 1.0):
            for alpha in (0.05, 0.01):
                critical, shift = stats.t.ppf(1 - alpha / 2, n - 1), effect * n**0.5

                def passes(spread, n=n, critical=critical, shift=shift):
                    far = critical * spread / (n - 1) ** 0.5
                    outside = stats.norm.sf(far - shift) + stats.norm.cdf(-far - shift)
                    return stats.chi.pdf(spread, n - 1) * outside

                spreads = np.linspace(0, 6 + 1.5 * n**0.5, 4001)
                expected = integrate.simpson(passes(spreads), x=spreads)
                assert paired_power(n, effect, alpha) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(("effect", "n"), [(0.2, 199), (0.5, 34), (0.8, 15), (1.0, 10)])
def test_subjects_for_a_difference_are_those_of_the_tables(effect, n):
    """Of G*Power 3.1: difference of dependent means, two-sided, 0.05, power 0.8."""
    assert subjects_for_difference(spread_of(0.04), effect * 0.04).n == n


def test_the_permutation_test_sees_the_difference_as_often_as_planned():
    n = subjects_for_difference(spread_of(0.04), 0.03).n
    rng = np.random.default_rng(3)
    seen = [
        sign_flip_p(rng.normal(0.03, 0.04, n), n_resamples=499, seed=0) <= 0.05 for _ in range(300)
    ]
    assert np.mean(seen) == pytest.approx(0.8, abs=0.08)


def test_the_true_spread_lies_within_the_bounds_as_often_as_it_should():
    rng = np.random.default_rng(4)
    truth = subjects_for_width(spread_of(0.03), 0.01).n
    sizes = [subjects_for_width(rng.normal(0.85, 0.03, 10), 0.01) for _ in range(200)]
    assert np.mean([size.low <= truth <= size.high for size in sizes]) == pytest.approx(
        0.95, abs=0.05
    )


def test_edges():
    assert subjects_for_width([0.8, 0.8, 0.8], 0.01).n == 2
    assert subjects_for_difference([0.1, 0.1], 0.01).n == 2
    assert subjects_for_width([0.0, 1.0], 1e-6).n == MOST_SUBJECTS
    with pytest.raises(UsageError, match="two subjects at least"):
        subjects_for_width([0.8], 0.01)
    with pytest.raises(UsageError, match="above 0"):
        subjects_for_width([0.8, 0.9], 0)
    with pytest.raises(UsageError, match="power lies"):
        subjects_for_difference([0.1, 0.2], 0.1, power=1.2)
