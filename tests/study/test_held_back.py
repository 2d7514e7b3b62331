"""What designs of many trainings score on."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suffice.core import Case, Channel, Cohort, CohortError, Legend, UsageError
from suffice.study.held_back import MOST_TEST, hold_back, require_subjects


def cohort_of(n_subjects: int, visits: int = 2) -> Cohort:
    cases = tuple(
        Case(f"c{i}v{v}", f"s{i}", {"image": Path("x.png")}, {"expert": Path("m.png")})
        for i in range(n_subjects)
        for v in range(visits)
    )
    return Cohort("toy", Path(), (Channel(),), Legend.from_names({1: "a"}), cases)


@given(n=st.integers(8, 40), least=st.integers(1, 6), seed=st.integers(0, 99))
def test_a_third_of_the_subjects_or_the_least_whatever_the_order(n, least, seed):
    cohort = cohort_of(n)
    held = hold_back(cohort, None, design="A curve", seed=seed, least=least)
    assert len(held) == len(set(held)) == max(least, round(n / 3))
    turned = cohort.subset(reversed(cohort.names))
    assert set(hold_back(turned, None, design="A curve", seed=seed, least=least)) == set(held)


def test_of_many_subjects_no_more_than_say_enough():
    cohort = cohort_of(3 * MOST_TEST + 30, visits=1)
    assert len(hold_back(cohort, None, design="A curve", seed=0)) == MOST_TEST


def test_cases_that_are_named_stand_for_their_subjects():
    cohort = cohort_of(9)
    assert hold_back(cohort, ["c4v1", "c2v0"], design="A curve", seed=0) == ("s4", "s2")
    with pytest.raises(UsageError, match="A rehearsal needs cases to score on: got none"):
        hold_back(cohort, [], design="A rehearsal", seed=0)
    with pytest.raises(CohortError, match="no such cases"):
        hold_back(cohort, ["stranger"], design="A curve", seed=0)


def test_too_few_subjects_are_counted_not_their_cases():
    require_subjects(cohort_of(2), 2, purpose="to rehearse on", cure="Draw more.")
    with pytest.raises(CohortError, match=r"too small to rehearse on: got 1 labelled subject[ ,;]"):
        require_subjects(cohort_of(1), 2, purpose="to rehearse on", cure="Draw more.")
