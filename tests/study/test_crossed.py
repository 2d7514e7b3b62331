"""An interval over repeats and subjects: it holds the truth as often as it says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_1samp

from suffice.core import UsageError
from suffice.study.crossed import crossed_mean


def test_intervals_hold_the_truth_for_new_repeats_and_subjects() -> None:
    rng = np.random.default_rng(0)
    for of_repeat, of_subject in ((1.0, 0.0), (0.0, 1.0), (0.5, 1.0), (0.3, 0.3)):
        held = 0
        for _ in range(400):
            table = rng.normal(0, 1, (5, 12))
            table += of_repeat * rng.normal(0, 1, (5, 1)) + of_subject * rng.normal(0, 1, (1, 12))
            found = crossed_mean(table)
            held += found.low <= 0 <= found.high
        assert held / 400 >= 0.93


@given(
    seed=st.integers(0, 1000),
    n=st.integers(2, 6),
    m=st.integers(2, 6),
    factor=st.floats(0.1, 10),
)
def test_it_scales_turns_and_agrees_with_its_p(seed: int, n: int, m: int, factor: float) -> None:
    table = np.random.default_rng(seed).normal(0.5, 1, (n, m))
    found, turned = crossed_mean(table), crossed_mean(-factor * table.T)
    assert turned.mean == pytest.approx(-factor * found.mean)
    assert turned.low == pytest.approx(-factor * found.high)
    assert turned.p == pytest.approx(found.p)
    assert (found.p < 0.05) == (found.low > 0 or found.high < 0)


def test_where_subjects_are_all_alike_it_is_the_t_test_over_repeats() -> None:
    column = np.array([0.1, 0.4, 0.2, 0.35])
    found = crossed_mean(np.repeat(column[:, None], 6, axis=1))
    theirs = ttest_1samp(column, 0.0)
    low, high = theirs.confidence_interval()
    assert (found.low, found.high) == pytest.approx((low, high))
    assert found.p == pytest.approx(theirs.pvalue)


def test_one_repeat_has_no_interval_and_a_hole_is_refused() -> None:
    found = crossed_mean([[1.0, 2.0]])
    assert found.mean == 1.5 and np.isnan([found.low, found.high, found.p]).all()
    with pytest.raises(UsageError, match="finite values"):
        crossed_mean([[1.0, np.nan]])
