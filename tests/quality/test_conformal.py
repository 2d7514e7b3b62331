"""Lower bounds by conformal prediction."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suffice.core import UsageError
from suffice.quality import least_subjects, lower_bound


@settings(max_examples=30, deadline=None)
@given(
    values=st.lists(st.floats(0, 1), min_size=1, max_size=40),
    level=st.sampled_from([0.5, 0.8, 0.9, 0.95]),
)
def test_with_a_case_a_subject_it_is_an_order_statistic(values: list[float], level: float) -> None:
    found = lower_bound(values, [str(i) for i in range(len(values))], level)
    k = int(np.floor((1 - level) * (len(values) + 1) + 1e-9))
    assert (found is None) == (len(values) < least_subjects(level)) == (k < 1)
    if found is not None:
        assert found == sorted(values)[k - 1]


@settings(max_examples=20, deadline=None)
@given(values=st.lists(st.floats(0, 1), min_size=10, max_size=20), copies=st.integers(1, 4))
def test_a_visit_seen_twice_is_no_evidence(values: list[float], copies: int) -> None:
    names = [str(i) for i in range(len(values))]
    repeated = [v for v in values for _ in range(copies)]
    subjects = [name for name in names for _ in range(copies)]
    assert lower_bound(repeated, subjects, 0.9) == lower_bound(values, names, 0.9)


def test_it_holds_at_its_level() -> None:
    rng = np.random.default_rng(1)
    held, n_trials = 0, 4000
    for _ in range(n_trials):
        values = rng.standard_normal(20)
        found = lower_bound(values[1:], [str(i) for i in range(19)], 0.9)
        assert found is not None
        held += values[0] >= found
    assert abs(held / n_trials - 0.9) < 3 * np.sqrt(0.09 / n_trials)


def test_it_holds_for_subjects_of_several_visits() -> None:
    rng = np.random.default_rng(2)
    held, n_trials = 0, 3000
    for _ in range(n_trials):
        counts = rng.integers(1, 6, 20)
        subjects = np.repeat(np.arange(20), counts)
        values = rng.standard_normal(20)[subjects] + 0.3 * rng.standard_normal(len(subjects))
        is_new = subjects == 0
        found = lower_bound(values[~is_new], [str(s) for s in subjects[~is_new]], 0.8)
        assert found is not None
        held += values[is_new][0] >= found
    assert held / n_trials > 0.8 - 3 * np.sqrt(0.16 / n_trials)


def test_a_level_is_a_part() -> None:
    with pytest.raises(UsageError, match="between 0 and 1"):
        least_subjects(90)
