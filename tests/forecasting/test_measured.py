"""What was measured, and resamples of it."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from suffice.forecasting import Measured, read_measured


def rows_of(scores: dict[tuple[int, int, int], float]) -> pd.DataFrame:
    """Rows by size, draw and seed."""
    keys = [dict(zip(("n_cases", "draw", "seed"), key, strict=True)) for key in scores]
    return pd.DataFrame(keys).assign(value=list(scores.values()))


def test_seeds_are_averaged_within_draws_first() -> None:
    table = rows_of({(2, 0, 0): 0.2, (2, 1, 7): 0.4, (2, 1, 8): 0.6, (4, 0, 0): 0.7})
    measured = read_measured(table)
    np.testing.assert_allclose(measured.means, [0.35, 0.7])
    np.testing.assert_array_equal(measured.n_draws, [2, 1])
    assert measured.draw_spread()[0] == pytest.approx(np.std([0.2, 0.5], ddof=1))
    assert math.isnan(measured.draw_spread()[1])


def test_few_draws_borrow_spread_from_other_curves() -> None:
    alike = read_measured(rows_of({(n, d, d): 0.5 for n in (2, 4) for d in range(3)}))
    assert (alike.standard_errors(0.2) > 0.01).all()
    assert (alike.standard_errors(0.2) < alike.usual_spread(0.2)).all()


def test_resamples_have_the_spread_that_they_should(make_curve) -> None:
    measured = read_measured(make_curve(n_draws=12, noise=0.03))
    sd = measured.distances(0.2, 0.04)
    drawn = measured.resample(4000, sd, np.random.default_rng(0))
    np.testing.assert_allclose(drawn.mean(axis=0), measured.means, atol=0.003)
    np.testing.assert_allclose(drawn.std(axis=0), sd, rtol=0.12)


def test_subjects_are_resampled_together_over_sizes() -> None:
    rng = np.random.default_rng(0)
    hard = rng.normal(0, 0.1, 20)
    table = pd.DataFrame(
        {"n_cases": n, "draw": d, "seed": d, "subject": f"s{i:02d}", "value": mean + hard[i]}
        for n, mean in ((2, 0.4), (4, 0.5), (8, 0.55))
        for d in range(2)
        for i in range(20)
    )
    measured = read_measured(table)
    drawn = measured.resample(2000, np.zeros(3), rng)
    assert drawn.std(axis=0) == pytest.approx(hard.std() / math.sqrt(20), rel=0.1)
    assert np.corrcoef(drawn.T)[0, 2] > 0.999
    np.testing.assert_allclose(measured.subject_means(), 0.55 + hard)
    of_draws = measured.resample(2000, np.zeros(3), rng, of_subjects=False)
    assert of_draws.std(axis=0) == pytest.approx(0, abs=1e-12)
    shifts = measured.subject_shifts(20000, rng, between=0.1 / 0.45)
    assert shifts.mean() == pytest.approx(0, abs=0.003)
    # Student's distribution with 21 degrees of freedom is wider than the normal one.
    assert shifts.std() == pytest.approx(hard.std() / math.sqrt(20) * math.sqrt(21 / 19), rel=0.1)


def rotating(rng: np.random.Generator, *, of_draws: float, n_parts: int = 3) -> pd.DataFrame:
    """Twelve subjects whose parts are scored on in turn, by three draws."""
    hard = rng.normal(0, 0.05, 12)
    luck = rng.normal(0, of_draws, 3)
    return pd.DataFrame(
        {"n_cases": n, "draw": d, "seed": d, "subject": f"s{i:02d}", "value": value}
        for n, mean in ((2, 0.4), (4, 0.5))
        for d in range(3)
        for i in range(12)
        if i % n_parts == d % n_parts
        for value in [mean + luck[d] + hard[i]]
    )


@pytest.mark.parametrize("of_draws", [0.0, 0.05])
def test_subjects_that_differ_between_draws_are_counted_once(of_draws: float) -> None:
    """The variance of the mean, over many curves, is that of draws and that of subjects."""
    rng = np.random.default_rng(0)
    draws, shifts = [], []
    for _ in range(200):
        measured = read_measured(rotating(rng, of_draws=of_draws))
        draws.append(measured.resample(100, np.zeros(2), rng, of_subjects=False).var(axis=0)[1])
        shifts.append(measured.subject_shifts(100, rng, between=0.0).var())
    # Of twelve subjects and of three draws, each about its own mean.
    spread = 0.05**2 * 11 / 12 + of_draws**2 * 2 / 3
    assert np.mean(shifts) == pytest.approx(spread / 11, rel=0.15)
    # A resample of three draws has two thirds of their variance. What is taken out is no more than
    # there is, so that a little of the subjects' stays where draws do not differ.
    true = of_draws**2 / 3 * 2 / 3
    assert true * 0.85 <= np.mean(draws) <= true * 1.15 + 0.05**2 / 12 / 4


def test_the_same_subjects_in_all_draws_explain_nothing_of_draws() -> None:
    """Scored with its subjects or with their means, a curve has the same spread between draws."""
    table = rotating(np.random.default_rng(1), of_draws=0.02, n_parts=1)
    means = table.groupby(["n_cases", "draw", "seed"], as_index=False)["value"].mean()
    told, untold = read_measured(table), read_measured(means)
    assert (told.draw_spread() > 0.001).all()
    np.testing.assert_allclose(told.draw_spread(), untold.draw_spread())
    np.testing.assert_allclose(told.standard_errors(0.2), untold.standard_errors(0.2))


def test_one_subject_a_draw_leaves_nothing_to_draws() -> None:
    table = rows_of({(n, d, d): 0.2 * d + n / 10 for n in (2, 4) for d in range(3)})
    alone = read_measured(table.assign(subject=table["draw"].map("s{}".format)))
    np.testing.assert_allclose(alone.draw_spread(), 0.0, atol=1e-9)
    shifts = alone.subject_shifts(4000, np.random.default_rng(0), between=0.0)
    # Three subjects and two that are usual: Student's distribution with 4 degrees of freedom.
    spread = math.sqrt(0.08 / 4 / 3)
    assert np.quantile(shifts, 0.9) == pytest.approx(stats.t(4).ppf(0.9) * spread, rel=0.1)


def test_sizes_weigh_less_by_the_doublings_before_the_last() -> None:
    scores = {8: 0.8, 4: 0.6, 2: 0.6, 1: 0.6}
    measured = read_measured(rows_of({(n, 0, 0): value for n, value in scores.items()}))
    own = np.sqrt(measured.distances(0.0, 0.1) ** 2 - measured.standard_errors(0.0) ** 2)
    np.testing.assert_allclose(own - own[-1], [0.06, 0.04, 0.02, 0.0], atol=1e-9)


def test_one_subject_that_is_told_is_in_doubt_and_means_of_untold_ones_are_not() -> None:
    table = rows_of({(n, 0, 0): 0.8 for n in (2, 4)})
    untold = read_measured(table)
    assert not untold.subject_shifts(10, np.random.default_rng(0), between=0.3).any()
    # Scored at the smaller size, but not at the largest.
    other = table[table["n_cases"] == 2].assign(subject="s1")
    told = read_measured(pd.concat([table.assign(subject="s0"), other]))
    shifts = told.subject_shifts(4000, np.random.default_rng(0), between=0.3)
    assert np.quantile(shifts, 0.9) == pytest.approx(stats.t(2).ppf(0.9) * 0.06, rel=0.1)


@pytest.mark.parametrize("n_subjects", [3, 6, 24])
def test_other_subjects_lie_where_the_shifts_say(n_subjects: int) -> None:
    """Cohorts whose subjects differ now more, now less, than is usual."""
    rng = np.random.default_rng(n_subjects)
    held = []
    for _ in range(600):
        spread = 0.1 * math.exp(rng.normal(0, 0.5))
        values = np.clip(rng.normal(0.7, spread, n_subjects), 0, 1)
        measured = Measured(np.array([2.0, 4.0]), np.tile(values, (1, 2, 1, 1)))
        low, high = np.quantile(measured.subject_shifts(300, rng, between=0.1 / 0.3), [0.1, 0.9])
        held.append(low <= 0.7 - values.mean() <= high)
    assert 0.75 <= np.mean(held) <= 0.86
