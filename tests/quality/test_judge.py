"""Predicted Dice and its bounds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from suffice.core import CohortError
from suffice.quality import LEAST_SUBJECTS, LEVELS, MEAN, HeldBack, Judge
from suffice.quality.judge import Estimate


def of(estimates: tuple[Estimate, ...], label: str) -> Estimate:
    return next(e for e in estimates if e.label == label)


def test_bounds_hold_at_their_levels_on_exchangeable_cases(make_cases) -> None:
    rng = np.random.default_rng(0)
    held = dict.fromkeys(LEVELS, 0)
    errors, n_trials, n_new = [], 30, 8
    for _ in range(n_trials):
        cases = make_cases(rng, 16 + n_new)
        judge = Judge(cases[:16])
        for case in cases[16:]:
            estimate = of(judge.estimate(case.doubts), MEAN)
            true = np.mean(list(case.dice.values()))
            errors.append(abs(true - estimate.dice))
            for level in LEVELS:
                held[level] += true >= estimate.low[level]
    assert np.mean(errors) < 0.03
    for level in LEVELS:
        # Of 16 subjects the bound is the 1st or 3rd; new cases of one trial share them.
        k = np.floor((1 - level) * 17)
        wanted = 1 - k / 17
        spread = np.sqrt(wanted * (1 - wanted) / 18 / n_trials)
        spread += np.sqrt(wanted * (1 - wanted) / (n_trials * n_new))
        assert abs(held[level] / (n_trials * n_new) - wanted) < 3 * spread


def test_more_doubt_never_means_a_better_mask(make_cases) -> None:
    rng = np.random.default_rng(3)
    judge = Judge(make_cases(rng, 12))
    case = make_cases(rng, 1)[0]
    for name in ("unsure", "pieces"):
        found = []
        for value in np.linspace(0, 0.6, 7):
            doubts = {k: {**mine, name: float(value)} for k, mine in case.doubts.items()}
            found.append(judge.estimate(doubts))
        for i in range(len(found[0])):
            assert (np.diff([e[i].dice for e in found]) <= 1e-12).all()
            for level in LEVELS:
                assert (np.diff([e[i].low[level] for e in found]) <= 1e-12).all()


def test_the_order_of_labels_and_cases_is_of_no_account(make_cases) -> None:
    rng = np.random.default_rng(4)
    cases = make_cases(rng, 10)
    other = [
        replace(c, dice=dict(reversed(c.dice.items())), doubts=dict(reversed(c.doubts.items())))
        for c in reversed(cases)
    ]
    new = make_cases(rng, 1)[0].doubts
    one, two = Judge(cases).estimate(new), Judge(other).estimate(dict(reversed(new.items())))
    for estimate in one:
        same = of(two, estimate.label)
        assert same.dice == pytest.approx(estimate.dice, abs=1e-9)
        assert same.low == pytest.approx(estimate.low, abs=1e-9)


def test_an_honest_prediction_knows_nothing_of_its_subject(make_cases) -> None:
    cases = make_cases(np.random.default_rng(5), 8, visits=2)
    spoilt = [
        replace(c, dice=dict.fromkeys(c.dice, 0.0)) if c.subject == "subject3" else c for c in cases
    ]
    one, two = Judge(cases), Judge(spoilt)
    for before, after in zip(one.held_back, two.held_back, strict=True):
        is_spoilt = before.subject == "subject3"
        assert (one.honest(before) == two.honest(after)) == is_spoilt


def test_too_few_subjects_give_no_bound_and_fewer_no_judge(make_cases) -> None:
    rng = np.random.default_rng(6)
    new = make_cases(rng, 1)[0].doubts
    few = Judge(make_cases(rng, LEAST_SUBJECTS)).estimate(new)
    assert [sorted(e.low) for e in few] == [[0.8]] * 3
    enough = Judge(make_cases(rng, 9)).estimate(new)
    assert [sorted(e.low) for e in enough] == [[0.8, 0.9]] * 3
    with pytest.raises(CohortError, match="got 3 subjects, expected at least 4"):
        Judge(make_cases(rng, 3, visits=4))


def test_a_structure_that_is_not_found(make_cases) -> None:
    cases = make_cases(np.random.default_rng(7), 10)
    doubts = {**cases[0].doubts, "posterior": {}}
    missed = Judge(cases).estimate(doubts)
    assert of(missed, "posterior") == Estimate(
        "posterior", 0.0, {0.8: 0.0, 0.9: 0.0}, ("not found",)
    )
    whole = of(missed, "anterior").dice
    assert whole is not None and of(missed, MEAN).dice == pytest.approx(whole / 2)
    rare = Judge(cases, is_usual=lambda label: label == "anterior").estimate(doubts)
    assert of(rare, "posterior").dice is None
    assert of(rare, MEAN).dice == whole


def test_what_no_held_back_case_showed_is_named(make_cases) -> None:
    cases = make_cases(np.random.default_rng(8), 10)
    doubts = {**cases[0].doubts, "posterior": {"unsure": 0.9, "pieces": 0.5}}
    estimates = Judge(cases).estimate(doubts)
    assert of(estimates, "posterior").notes == ("the model is unsure",)
    assert of(estimates, MEAN).notes == ("posterior: the model is unsure",)
    assert of(estimates, "anterior").notes == ()


def test_groups_of_many_subjects(make_cases) -> None:
    rng = np.random.default_rng(9)
    judge = Judge(make_cases(rng, 50))
    for case in make_cases(rng, 5):
        estimate = of(judge.estimate(case.doubts), MEAN)
        assert estimate.dice is not None
        assert 0 < estimate.low[0.9] < estimate.low[0.8] < estimate.dice < 1


def test_cases_without_a_defined_dice_count_for_nothing(make_cases) -> None:
    cases = make_cases(np.random.default_rng(10), 6)
    absent = HeldBack("absent", "other", {}, {"anterior": {}, "posterior": {}})
    assert Judge([*cases, absent]).held_back == tuple(cases)
