"""What a rehearsal consists of, and what it says of strategies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from suffice.core import Case, Channel, Cohort, CohortError, Legend, UsageError
from suffice.study.rehearsal_design import START, design_rehearsal
from suffice.study.rehearsal_effects import effects_of


def cohort_of(n_subjects: int, visits: int = 1) -> Cohort:
    from pathlib import Path

    cases = tuple(
        Case(f"c{i:02d}v{v}", f"s{i}", {"image": Path("x.png")}, {"expert": Path("m.png")})
        for i in range(n_subjects)
        for v in range(visits)
    )
    return Cohort("toy", Path(), (Channel(),), Legend.from_names({1: "a"}), cases)


@given(n=st.integers(8, 60), visits=st.integers(1, 2), seed=st.integers(0, 99))
def test_nothing_that_is_scored_on_can_be_picked(n: int, visits: int, seed: int) -> None:
    cohort = cohort_of(n, visits)
    design = design_rehearsal(cohort, seed=seed)
    test, pool = set(cohort.subset(design.test).subjects), set(design.pool.subjects)
    assert not test & pool and test | pool == set(cohort.subjects)
    begun = cohort.subset(design.begin(seed))
    assert set(begun.subjects) <= pool
    assert len(begun.subjects) == len(begun) == design.start
    assert design.n_cases(design.n_rounds) <= len(pool)
    turned = replace(cohort, cases=cohort.cases[::-1])
    assert design_rehearsal(turned, seed=seed).begin(seed) == design.begin(seed)


def test_sizes_are_those_asked_for_or_refused() -> None:
    cohort = cohort_of(20)
    test = [case.name for case in cohort.cases[:8]]
    design = design_rehearsal(cohort, test=test, start=2, step=3, n_rounds=2)
    assert set(design.test) == set(test)
    assert [design.n_cases(n) for n in range(3)] == [2, 5, 8]
    with pytest.raises(UsageError, match="12 together at most"):
        design_rehearsal(cohort, test=test, start=2, step=6, n_rounds=2)
    with pytest.raises(CohortError, match="got 7 labelled subjects"):
        design_rehearsal(cohort_of(7))


def values_of(gains: dict[str, float], n_starts: int, noise: float = 0.004) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    rows = []
    for seed in range(n_starts):
        rows += [(START, seed, 0, f"s{i}", 0.7) for i in range(10)]
        for number in (1, 2):
            for name, gain in gains.items():
                for i in range(10):
                    value = 0.8 + 0.01 * i + 0.02 * number + gain + rng.normal(0, noise)
                    rows.append((name, seed, number, f"s{i}", value))
    return pd.DataFrame(rows, columns=["strategy", "seed", "round", "subject", "value"])


def test_what_a_strategy_gains_is_told_with_an_interval() -> None:
    gains = {"foreground": 0.0, "typiclust": 0.03, "entropy": 0.0, "k-centre": -0.02}
    effects = effects_of(values_of(gains, 5), list(gains), n_rounds=2).set_index("strategy")
    assert list(effects.index) == ["typiclust", "entropy", "k-centre"]
    for name, row in effects.iterrows():
        assert row["difference"] == pytest.approx(gains[str(name)], abs=0.003)
        assert row["low"] <= gains[str(name)] + 1e-3 and row["high"] >= gains[str(name)] - 1e-3
        assert (row["n_starts"], row["n_subjects"]) == (5, 10)
    assert effects.loc["typiclust", "p_holm"] < 0.05 < effects.loc["entropy", "p_holm"]
    assert effects.loc["typiclust", "n_better"] == 5


def test_a_start_that_is_not_finished_is_in_no_difference() -> None:
    values = values_of({"foreground": 0.0, "entropy": 0.01}, 3)
    cut = values[
        ~((values["strategy"] == "entropy") & (values["seed"] == 2) & (values["round"] == 2))
    ]
    (row,) = effects_of(cut, ["foreground", "entropy"], n_rounds=2).to_dict("records")
    assert row["n_starts"] == 2
    (one,) = effects_of(values[values["seed"] == 0], ["foreground", "entropy"], n_rounds=2).to_dict(
        "records"
    )
    assert one["n_starts"] == 1 and np.isnan(one["low"]) and np.isnan(one["p_holm"])


def test_a_subject_without_a_score_in_a_round_is_in_no_difference() -> None:
    """Later rounds score more: a mean over them alone is no gain over one of all."""
    values = values_of({"foreground": 0.0, "entropy": 0.0}, 3, noise=0.0)
    is_first = (values["strategy"] == "entropy") & (values["round"] == 1)
    values.loc[is_first & values["subject"].isin(["s0", "s1"]), "value"] = np.nan
    (row,) = effects_of(values, ["foreground", "entropy"], n_rounds=2).to_dict("records")
    assert row["difference"] == pytest.approx(0.0, abs=1e-9) and row["n_subjects"] == 8
