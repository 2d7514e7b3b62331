"""Trainings of a learning curve: nested by subject, nobody on both sides, usable wherever cut."""

from __future__ import annotations

import re
from itertools import islice, pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suffice.core import Case, Channel, Cohort, CohortError, Legend, UsageError
from suffice.study.curve_design import (
    FEW_SUBJECTS,
    LEAST_MINUTES,
    design_curve,
    geometric_sizes,
    spread_minutes,
)


def cohort_of(n_subjects: int, n_visits: int = 1) -> Cohort:
    mask = {"expert": Path("m.png")}
    cases = tuple(
        Case(f"s{i}v{v}", f"s{i}", {"image": Path("a.png")}, mask)
        for i in range(n_subjects)
        for v in range(n_visits)
    )
    bare = Case("bare", "nobody", {"image": Path("b.png")})
    return Cohort("toy", Path(), (Channel(),), Legend.from_names({1: "x"}), (*cases, bare))


@settings(max_examples=40, deadline=None)
@given(
    n_subjects=st.integers(5, 60),
    n_visits=st.integers(1, 3),
    ratio=st.floats(1.2, 3.0),
    seed=st.integers(0, 5),
)
def test_larger_subsets_hold_smaller_and_nobody_is_scored_who_taught(
    n_subjects: int, n_visits: int, ratio: float, seed: int
) -> None:
    cohort = cohort_of(n_subjects, n_visits)
    design = design_curve(cohort, ratio=ratio, seed=seed)
    subject = {case.name: case.subject for case in cohort.cases}
    by_draw: dict[int, list[set[str]]] = {}
    for one in design.trainings(["threshold"], draws=range(5)):
        taught = {subject[name] for name in one.cases}
        assert len(taught) == one.n_subjects
        assert len(one.cases) == one.n_subjects * n_visits
        assert not taught & {subject[name] for name in one.test}
        assert "nobody" not in taught
        by_draw.setdefault(one.draw, []).append(taught)
    for subsets in by_draw.values():
        assert all(small < large for small, large in pairwise(subsets))


def test_many_subjects_have_one_test_part_and_few_are_each_scored_in_turn() -> None:
    many = design_curve(cohort_of(FEW_SUBJECTS))
    tests = {one.test for one in many.trainings(["unet"], draws=range(6))}
    assert many.is_fixed and len(tests) == 1
    few = design_curve(cohort_of(8))
    tests = {one.test for one in few.trainings(["unet"], draws=range(4))}
    assert sorted(name for test in tests for name in test) == [f"s{i}v0" for i in range(8)]
    assert few.sizes == (1, 2, 4, 6)
    # The minutes are laid over so many draws, that no subject need be left out.
    assert (many.n_good_draws, few.n_good_draws) == (3, 4)
    assert spread_minutes(30, few.sizes, n_draws=few.n_good_draws) == (few.sizes, 30 / 16)
    assert spread_minutes(3, few.sizes, n_draws=few.n_good_draws) == (few.sizes, 0.25)


def test_what_is_done_when_time_is_up_is_a_curve() -> None:
    design = design_curve(cohort_of(40))
    first = list(islice(design.trainings(["a", "b"], draws=range(9), n_seeds=2), 2 * 6))
    assert {one.draw for one in first} == {0}
    assert [one.n_subjects for one in first if one.rung == "b"] == list(design.sizes)


def test_seeds_differ_between_draws_and_repeats_and_more_draws_leave_the_others() -> None:
    design = design_curve(cohort_of(30))
    few = list(design.trainings(["unet"], draws=range(2)))
    more = list(design.trainings(["unet"], draws=range(4), n_seeds=2))
    assert few == more[: len(few)]
    keys = [one.key for one in more]
    assert len(set(keys)) == len(keys)
    assert len({one.seed for one in more}) == 8
    assert len({one.cases for one in more if one.n_subjects == design.sizes[-2]}) == 4


def test_named_test_cases_hold_back_all_of_their_subjects() -> None:
    design = design_curve(cohort_of(10, 2), test=["s0v0", "s3v1"])
    one = next(design.trainings(["unet"], draws=range(1)))
    assert one.test == ("s0v0", "s0v1", "s3v0", "s3v1")


def test_too_few_subjects_are_refused() -> None:
    with pytest.raises(CohortError, match="4 labelled subjects, expected 5"):
        design_curve(cohort_of(4))
    with pytest.raises(CohortError, match="left to learn from: got 2 of 8"):
        design_curve(cohort_of(8), test=[f"s{i}v0" for i in range(6)])
    with pytest.raises(UsageError, match="1 to 6"):
        design_curve(cohort_of(8), sizes=[2, 7])


@settings(max_examples=40, deadline=None)
@given(largest=st.integers(1, 3000), smallest=st.integers(1, 4), ratio=st.floats(1.1, 4.0))
def test_sizes_rise_from_end_to_end(largest: int, smallest: int, ratio: float) -> None:
    if smallest > largest:
        return
    sizes = geometric_sizes(largest, smallest=smallest, ratio=ratio)
    assert sizes[0] == smallest and sizes[-1] == largest
    assert list(sizes) == sorted(set(sizes))


@settings(max_examples=60, deadline=None)
@given(
    minutes=st.floats(0.1, 600.0),
    n_sizes=st.integers(3, 12),
    n_rungs=st.integers(1, 3),
    workers=st.integers(1, 8),
)
def test_the_first_draw_fits_into_the_minutes(
    minutes: float, n_sizes: int, n_rungs: int, workers: int
) -> None:
    sizes = geometric_sizes(2 ** (n_sizes - 1))
    try:
        kept, each = spread_minutes(minutes, sizes, n_rungs=n_rungs, workers=workers)
    except UsageError:
        assert minutes < 3 * n_rungs * LEAST_MINUTES / workers
        return
    assert len(kept) * n_rungs * each / workers <= minutes * 1.0001
    assert each >= LEAST_MINUTES * 0.9999
    assert kept[0] == sizes[0] and kept[-1] == sizes[-1]


@pytest.mark.parametrize(("n_rungs", "workers", "n_draws"), [(1, 1, 3), (2, 3, 4), (7, 1, 5)])
def test_the_minutes_that_an_error_names_are_enough(
    n_rungs: int, workers: int, n_draws: int
) -> None:
    options = {"n_rungs": n_rungs, "workers": workers, "n_draws": n_draws, "of_training": 0.85}
    sizes = (1, 2, 4, 6)
    with pytest.raises(UsageError) as refused:
        spread_minutes(0.01, sizes, **options)
    least, better = map(float, re.findall(r"[0-9.]+", str(refused.value.expected)))
    assert spread_minutes(least, sizes, **options)[1] >= LEAST_MINUTES
    kept, each = spread_minutes(better, sizes, **options)
    assert kept == sizes
    assert each == pytest.approx(LEAST_MINUTES, rel=0.02)
