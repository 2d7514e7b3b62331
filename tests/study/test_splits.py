"""Splits by subject: disjoint, complete, balanced, repeatable."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suffice.core import Case, Channel, Cohort, CohortError, FileFormatError, Legend, UsageError
from suffice.study import hold_out, k_folds, read_splits, write_splits

LEGEND = Legend.from_names({1: "lung", 2: "nodule"})


def cohort_of(visits, n_unlabelled=0):
    """A cohort with ``visits[i]`` labelled cases of subject i."""
    cases = [
        Case(f"c{i}-{v}", f"s{i}", {"image": Path("i.png")}, {"expert": Path("m.png")})
        for i, n in enumerate(visits)
        for v in range(n)
    ]
    cases += [Case(f"u{i}", f"s{i}", {"image": Path("i.png")}) for i in range(n_unlabelled)]
    return Cohort("toy", Path(), (Channel(),), LEGEND, tuple(cases))


COHORTS = st.lists(st.integers(1, 3), min_size=2, max_size=12).map(cohort_of)


def subjects_of(cohort, names):
    return {case.subject for case in cohort.subset(names).cases}


@settings(max_examples=50, deadline=None)
@given(COHORTS, st.data())
def test_no_subject_lies_on_both_sides_and_every_case_on_one(cohort, data):
    n_test = data.draw(st.integers(1, len(cohort.subjects) - 1))
    split = hold_out(cohort, n_test=n_test, seed=data.draw(st.integers(0, 99)))
    assert not subjects_of(cohort, split.train) & subjects_of(cohort, split.test)
    assert sorted(split.train + split.test) == sorted(cohort.names)
    assert len(subjects_of(cohort, split.test)) == n_test


@settings(max_examples=50, deadline=None)
@given(COHORTS, st.data())
def test_each_case_is_tested_in_one_fold(cohort, data):
    n_folds = data.draw(st.integers(2, len(cohort.subjects)))
    folds = k_folds(cohort, n_folds=n_folds, seed=3)
    assert sorted(name for fold in folds for name in fold.test) == sorted(cohort.names)
    sizes = [len(subjects_of(cohort, fold.test)) for fold in folds]
    assert max(sizes) - min(sizes) <= 1
    for fold in folds:
        assert sorted(fold.train + fold.test) == sorted(cohort.names)
        assert not subjects_of(cohort, fold.train) & subjects_of(cohort, fold.test)


def test_the_same_seed_gives_the_same_split_whatever_the_order():
    cohort = cohort_of([1] * 10)
    turned = Cohort("toy", Path(), (Channel(),), LEGEND, cohort.cases[::-1])
    split, again = (hold_out(c, n_test=3, seed=5) for c in (cohort, turned))
    assert set(split.test) == set(again.test)
    others = {hold_out(cohort, n_test=3, seed=seed).test for seed in range(10)}
    assert len(others) > 3


@pytest.mark.parametrize("seed", range(5))
def test_a_rare_label_is_shared_among_the_parts(seed):
    cohort = cohort_of([1] * 12)
    presence = {name: ["lung"] for name in cohort.names}
    presence |= {name: ["lung", "nodule"] for name in cohort.names[:4]}
    rare = set(cohort.names[:4])
    for fold in k_folds(cohort, n_folds=4, seed=seed, presence=presence):
        assert len(rare & set(fold.test)) == 1
    split = hold_out(cohort, n_test=6, seed=seed, presence=presence)
    assert len(rare & set(split.test)) == 2


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n_with_it", [2, 3, 5])
def test_a_label_of_few_subjects_is_learned_and_scored(seed, n_with_it):
    cohort = cohort_of([1] * 40)
    presence = {name: ["lung"] for name in cohort.names}
    rare = set(cohort.names[:n_with_it])
    presence |= {name: ["lung", "nodule"] for name in rare}
    split = hold_out(cohort, test_fraction=0.2, seed=seed, presence=presence)
    assert len(split.test) == 8
    assert rare & set(split.test) and rare & set(split.train)


def test_unlabelled_cases_are_in_no_part():
    split = hold_out(cohort_of([1, 1, 1], n_unlabelled=3), test_fraction=0.3, seed=0)
    assert not any(name.startswith("u") for name in split.train + split.test)
    assert len(split.test) == 1


@pytest.mark.parametrize("visits", [[], [1], [3]])
def test_one_subject_cannot_be_split_and_the_cure_is_named(visits):
    cohort = cohort_of(visits, n_unlabelled=2)
    for split in (
        lambda: hold_out(cohort, n_test=1, seed=0),
        lambda: k_folds(cohort, n_folds=2, seed=0),
    ):
        with pytest.raises(CohortError, match=r"at least 2\. Draw masks for another subject"):
            split()


def test_sizes_that_cannot_be_had_are_named():
    cohort = cohort_of([1, 1, 1])
    with pytest.raises(UsageError, match="got 3, expected 1 to 2 of the 3 labelled subjects"):
        hold_out(cohort, n_test=3, seed=0)
    with pytest.raises(UsageError, match="got 4, expected 2 to 3"):
        k_folds(cohort, n_folds=4, seed=0)
    with pytest.raises(UsageError, match="one of the two"):
        hold_out(cohort, seed=0)


def test_splits_come_back_from_their_table(tmp_path):
    cohort = cohort_of([1, 2, 1, 1, 1], n_unlabelled=1)
    held = hold_out(cohort, n_test=1, seed=0)
    folds = k_folds(cohort.subset(held.train), n_folds=2, seed=0)
    write_splits(tmp_path / "splits.csv", cohort, held.test, folds)
    assert read_splits(tmp_path / "splits.csv") == (held, folds)
    text = (tmp_path / "splits.csv").read_text()
    assert text.startswith("case,subject,part,fold\n")
    assert "u0,s0,unlabelled,\n" in text


def test_a_damaged_table_is_named(tmp_path):
    path = tmp_path / "splits.csv"
    with pytest.raises(FileFormatError, match="cannot be read"):
        read_splits(path)
    path.write_text("case,fold\na,0\n")
    with pytest.raises(FileFormatError, match="not a table of splits"):
        read_splits(path)
