"""Laws that every strategy keeps, and what each of them promises."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist, squareform

from suffice.core import UsageError
from suffice.selecting import (
    DOUBTING,
    STRATEGIES,
    Candidates,
    Pick,
    choose,
    facts_of,
    strategy_named,
)
from suffice.selecting.badge import gradient_embeddings
from suffice.selecting.clasp import noise_power

LAWS = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def candidates_of(
    seed: int,
    n: int,
    *,
    n_known: int = 2,
    n_classes: int = 3,
    subjects: list[str] | None = None,
    features: np.ndarray | None = None,
    known: np.ndarray | None = None,
) -> Candidates:
    """Units of random probabilities and features."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (n, n_classes, 5, 6))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    rows = rng.normal(0, 1, (n, 4)) if features is None else features
    labelled = rng.normal(0, 1, (n_known, rows.shape[1])) if known is None else known
    whose = subjects or [f"s{i}" for i in range(n)]
    return Candidates.of(
        [(f"c{i:02d}", whose[i]) for i in range(n)],
        [facts_of(one) for one in shares],
        list(rows),
        known=list(labelled),
        known_subjects=[f"known{i}" for i in range(len(labelled))],
        structures=[f"part {k}" for k in range(1, n_classes)],
    )


def names(candidates: Candidates, picks: tuple[Pick, ...]) -> list[str]:
    return [candidates.names[pick.index] for pick in picks]


@pytest.mark.parametrize("strategy", STRATEGIES)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 14), n_known=st.integers(0, 4))
@LAWS
def test_all_that_can_be_picked_is_a_permutation(
    strategy: str, seed: int, n: int, n_known: int
) -> None:
    pool = candidates_of(seed, n, n_known=n_known)
    picks = choose(pool, strategy, n, seed=seed)
    assert sorted(pick.index for pick in picks) == list(range(n))
    assert all(pick.reason for pick in picks)


@pytest.mark.parametrize("strategy", STRATEGIES)
@given(seed=st.integers(0, 10**6), n=st.integers(3, 12))
@LAWS
def test_the_order_of_the_cases_does_not_matter(strategy: str, seed: int, n: int) -> None:
    pool = candidates_of(seed, n)
    turned = pool.taken(np.random.default_rng(seed).permutation(n))
    once = names(pool, choose(pool, strategy, 3, seed=1))
    assert once == names(pool, choose(pool, strategy, 3, seed=1))
    assert once == names(turned, choose(turned, strategy, 3, seed=1))


@pytest.mark.parametrize("strategy", STRATEGIES)
@given(seed=st.integers(0, 10**6), per_subject=st.integers(1, 2))
@LAWS
def test_a_subject_is_not_picked_more_often_than_asked(
    strategy: str, seed: int, per_subject: int
) -> None:
    whose = [f"s{i // 3}" for i in range(12)]
    pool = replace(candidates_of(seed, 12, subjects=whose), known_subjects=("s0", "elsewhere"))
    count = 4 * per_subject - 1
    picks = choose(pool, strategy, count, seed=seed, per_subject=per_subject)
    picked = [pool.subjects[pick.index] for pick in picks]
    assert max(picked.count(subject) for subject in picked) <= per_subject
    assert picked.count("s0") == per_subject - 1
    with pytest.raises(UsageError, match="cannot be picked") as refused:
        choose(pool, strategy, count + 1, seed=seed, per_subject=per_subject)
    assert "--per-subject" in str(refused.value)
    assert len(choose(pool, strategy, 12, seed=seed, per_subject=0)) == 12


@pytest.mark.parametrize("strategy", ["foreground", "random", "badge", "clasp"])
def test_another_seed_draws_others(strategy: str) -> None:
    pool = candidates_of(0, 30)
    drawn = {tuple(names(pool, choose(pool, strategy, 3, seed=seed))) for seed in range(8)}
    assert len(drawn) > 3


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_nothing_but_features_of_one_kind_is_no_trouble(strategy: str) -> None:
    pool = candidates_of(0, 6, features=np.ones((6, 3)), known=np.ones((1, 3)))
    assert len(choose(pool, strategy, 6, seed=0)) == 6


@given(seed=st.integers(0, 10**6), n_known=st.integers(1, 2), count=st.integers(1, 3))
@LAWS
def test_k_centre_covers_within_twice_the_best(seed: int, n_known: int, count: int) -> None:
    pool = candidates_of(seed, 8, n_known=n_known).standardised()
    picked = [pick.index for pick in choose(pool, "k-centre", count, seed=0)]

    def radius(chosen: tuple[int, ...] | list[int]) -> float:
        centres = np.concatenate([pool.known, pool.features[list(chosen)]])
        apart = np.linalg.norm(pool.features[:, None] - centres[None], axis=-1)
        return float(apart.min(axis=1).max())

    best = min(radius(chosen) for chosen in itertools.combinations(range(8), count))
    assert radius(picked) <= 2 * best + 1e-9


@given(seed=st.integers(0, 10**6))
@LAWS
def test_typiclust_takes_one_of_each_cluster_and_its_middle(seed: int) -> None:
    rng = np.random.default_rng(seed)
    middles = 100 * np.eye(5)
    whose = np.repeat(np.arange(5), [9, 8, 7, 6, 5])
    rows = middles[whose] + rng.normal(0, 0.5, (len(whose), 5))
    pool = candidates_of(0, len(rows), features=rows, known=middles[:2])
    picks = choose(pool, "typiclust", 3, seed=seed)
    assert [whose[pick.index] for pick in picks] == [2, 3, 4]
    apart = squareform(pdist(pool.standardised().features))
    for pick in picks:
        members = np.flatnonzero(whose == whose[pick.index])
        mean = apart[np.ix_(members, members)].sum(axis=1)
        assert mean[members == pick.index] == pytest.approx(mean.min())
        assert "none labelled so far" in pick.reason


def test_the_unsure_come_first() -> None:
    sure, unsure = (np.stack([p, 1 - p]) for p in (np.full((4, 4), 0.02), np.full((4, 4), 0.45)))
    pool = replace(
        candidates_of(0, 2, n_classes=2),
        entropy=np.array([facts_of(sure).entropy, facts_of(unsure).entropy]),
        margin=np.array([facts_of(sure).margin, facts_of(unsure).margin]),
    )
    for strategy in ("entropy", "margin"):
        assert names(pool, choose(pool, strategy, 2, seed=0)) == ["c01", "c00"]


def test_foreground_draws_where_a_structure_is_expected() -> None:
    pool = candidates_of(0, 30)
    shares = np.full((30, 2), 1e-6)
    shares[:6, 0], shares[6:12, 1] = 0.3, 0.01
    pool = replace(pool, shares=shares)
    picked = [pick.index for seed in range(50) for pick in choose(pool, "foreground", 6, seed=seed)]
    inside = np.mean([index < 12 for index in picked])
    # Four of six surely; the others by chance.
    assert 4 / 6 < inside < 0.9
    small = np.mean([6 <= index < 12 for index in picked])
    assert 0.3 < small < 0.5


def test_clasp_takes_structures_in_turn_and_trusts_the_model_more_and_more() -> None:
    pool = candidates_of(0, 20)
    reasons = [pick.reason for pick in choose(pool, "clasp", 6, seed=0)]
    assert reasons[2] == reasons[5] == "unsure"
    assert {*reasons[:2]} == {*reasons[3:5]} == {"unsure of 'part 1'", "unsure of 'part 2'"}
    assert noise_power(0, 20) == 1.0
    assert noise_power(20, 0) == pytest.approx(100.0)


def test_badge_takes_no_unit_twice_over() -> None:
    """Of units that give the model one and the same change, one is taken before all others."""
    pool = candidates_of(0, 8)
    index = np.repeat(np.arange(4), 2)
    pool = replace(
        pool,
        features=pool.features[index],
        residuals=pool.residuals[index],
    )
    embedded = gradient_embeddings(pool)
    assert embedded.shape == (8, 2 * 3 * 5)
    for seed in range(10):
        picked = [index[pick.index] for pick in choose(pool, "badge", 4, seed=seed)]
        assert sorted(picked) == [0, 1, 2, 3]


def test_a_model_without_doubt_is_named() -> None:
    pool = replace(candidates_of(0, 4), entropy=np.zeros(4))
    for strategy in STRATEGIES:
        if strategy in DOUBTING:
            with pytest.raises(UsageError, match="does not say how sure it is"):
                choose(pool, strategy, 1, seed=0)
        else:
            assert len(choose(pool, strategy, 1, seed=0)) == 1


def test_names_are_checked() -> None:
    assert strategy_named("auto") in STRATEGIES
    with pytest.raises(UsageError, match="no such strategy"):
        strategy_named("best")
    pool = candidates_of(0, 2)
    with pytest.raises(UsageError, match="name of its own"):
        replace(pool, names=("a", "a"))
    with pytest.raises(UsageError, match="cannot be picked"):
        choose(pool, "random", 3, seed=0)
