"""Sign flips, signed ranks and Holm against scipy and their definitions, and their laws."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from suffice.core import UsageError
from suffice.study.paired_tests import EXACT_SUBJECTS, holm, sign_flip_p, signed_rank_p

differences = st.lists(st.floats(-1, 1).map(lambda v: round(v, 3)), min_size=1, max_size=12)


def drawn_differences(trial: int, *, lowest: int, highest: int) -> np.ndarray:
    """Differences as scores have them: skewed, with ties and zeros in every third."""
    rng = np.random.default_rng(trial)
    values = rng.normal(rng.choice([0, 0.3, 1.0]), 1, rng.integers(lowest, highest + 1))
    return np.round(values, 1) if trial % 3 == 0 else values * rng.lognormal(size=len(values))


def test_exact_sign_flips_are_those_of_scipy():
    for trial in range(210):
        values = drawn_differences(trial, lowest=2, highest=8)
        peer = stats.permutation_test(
            (values,), np.mean, permutation_type="samples", vectorized=False, n_resamples=np.inf
        )
        # Scipy doubles the smaller tail; where the mean is 0 both hold it.
        assert sign_flip_p(values, seed=0) == pytest.approx(min(peer.pvalue, 1)), trial


def test_drawn_sign_flips_are_near_the_exact_ones():
    for trial in range(10):
        values = np.random.default_rng(trial).normal(0.4, 1, 17)
        signs = 1 - 2 * ((np.arange(2**16)[:, None] >> np.arange(17)) & 1)
        exact = (np.abs(signs @ values) >= abs(values.sum()) - 1e-9).mean()
        drawn = sign_flip_p(values, n_resamples=9999, seed=trial)
        assert drawn == pytest.approx(exact, abs=4 * math.sqrt(exact * (1 - exact) / 9999) + 1e-4)


def test_no_draw_gives_a_p_of_zero():
    far = np.linspace(1, 2, EXACT_SUBJECTS + 4)
    assert sign_flip_p(far, n_resamples=99, seed=0) == 0.01
    assert sign_flip_p(far[:EXACT_SUBJECTS], seed=0) == 2 / 2**EXACT_SUBJECTS


def test_signed_ranks_are_those_of_scipy_with_many_subjects_and_without_ties():
    for trial in range(210):
        values = drawn_differences(3 * trial + 1, lowest=3, highest=40)
        assert signed_rank_p(values) == pytest.approx(stats.wilcoxon(values).pvalue), trial


def test_signed_ranks_with_ties_are_those_of_every_sign():
    for trial in range(0, 60, 3):
        values = drawn_differences(trial, lowest=2, highest=9)
        values = values[values != 0]
        ranks = stats.rankdata(np.round(np.abs(values), 6))
        all_signs = itertools.product((-1, 1), repeat=len(ranks))
        sums = np.array([abs(np.dot(signs, ranks)) for signs in all_signs])
        expected = (sums >= abs(np.dot(np.sign(values), ranks)) - 1e-9).mean()
        assert signed_rank_p(values) == pytest.approx(expected), trial


def test_a_miss_has_the_highest_rank_whatever_the_distances():
    some = [0.5, -0.2, 0.3, 0.1, 0.7, 0.4]
    assert signed_rank_p([*some, math.inf]) == signed_rank_p([*some, 9.0])
    assert signed_rank_p([*some, -math.inf]) == signed_rank_p([*some, -9.0])


def test_holm_is_the_closure_of_bonferroni():
    """The least level at which every set of hypotheses around one is rejected by Bonferroni."""
    rng = np.random.default_rng(0)
    for _ in range(220):
        p = np.round(rng.beta(0.5, 3, rng.integers(1, 8)), rng.integers(1, 6))
        sets = [s for k in range(1, len(p) + 1) for s in itertools.combinations(range(len(p)), k)]
        closed = [max(len(s) * p[list(s)].min() for s in sets if i in s) for i in range(len(p))]
        np.testing.assert_allclose(holm(p), np.minimum(closed, 1), atol=1e-15)


def test_what_was_not_tested_is_no_part_of_the_family():
    np.testing.assert_allclose(holm([0.02, np.nan, 0.03]), [0.04, np.nan, 0.04])
    assert holm([]).size == 0


@settings(max_examples=60, deadline=None)
@given(values=differences, order=st.randoms(use_true_random=False))
def test_laws_of_the_tests(values, order):
    turned = [-value for value in values]
    shuffled = list(values)
    order.shuffle(shuffled)
    for test in (lambda v: sign_flip_p(v, seed=0), signed_rank_p):
        p = test(values)
        assert 0 < p <= 1
        assert test(turned) == pytest.approx(p)
        assert test(shuffled) == pytest.approx(p)
        assert test([3 * value for value in values]) == pytest.approx(p)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_keeps_the_order_and_never_lowers(p):
    corrected = holm(p)
    assert (corrected >= p).all() and (corrected <= 1).all()
    assert (np.diff(corrected[np.argsort(p, kind="stable")]) >= 0).all()
    assert corrected.min() == pytest.approx(min(1, len(p) * min(p)))


def test_without_a_difference_one_test_in_twenty_says_there_is_one():
    rng = np.random.default_rng(0)
    skewed = rng.laplace(size=(1000, 12)) ** 3
    flips = np.mean([sign_flip_p(values, seed=0) <= 0.05 for values in skewed])
    ranks = np.mean([signed_rank_p(values) <= 0.05 for values in skewed])
    drawn = rng.normal(size=(400, 20))
    by_draws = np.mean(
        [sign_flip_p(v, n_resamples=399, seed=i) <= 0.05 for i, v in enumerate(drawn)]
    )
    assert 0.03 <= flips <= 0.07
    assert 0.03 <= ranks <= 0.07
    assert 0.025 <= by_draws <= 0.08


def test_holm_keeps_false_ones_of_a_whole_family_below_the_level():
    rng = np.random.default_rng(1)
    families = rng.random((2000, 6))
    any_false = np.mean([(holm(p) <= 0.05).any() for p in families])
    assert 0.035 <= any_false <= 0.065


def test_edges():
    assert sign_flip_p([0.0, 0.0], seed=0) == 1 and signed_rank_p([0.0, 0.0]) == 1
    assert sign_flip_p([0.3], seed=0) == 1
    assert math.isnan(sign_flip_p([], seed=0)) and math.isnan(signed_rank_p([]))
    with pytest.raises(UsageError, match="finite difference"):
        sign_flip_p([0.1, math.inf], seed=0)
    with pytest.raises(UsageError, match="not a number"):
        signed_rank_p([math.nan])
    with pytest.raises(UsageError, match="between 0 and 1"):
        holm([0.5, 1.5])
