import warnings

import numpy as np
import pandas as pd
import pytest

from suffice.tracking import COHORT, given_repeatability, sizes_of, slopes_of


def cohort(rng, n_subjects: int, days: list[int], slope: float, noise: float, spread: float = 0.0):
    start = pd.Timestamp(2020, 1, 1)
    rows = []
    for i in range(n_subjects):
        base, own = rng.normal(100, 10), slope + rng.normal(0, spread)
        for j, day in enumerate(days):
            value = base + own * day / 365.25 + rng.normal(0, noise)
            date = (start + pd.Timedelta(days=day)).date().isoformat()
            rows.append((f"c{i}-{j}", f"S{i}", str(j), date, "lung", value))
    names = ["case", "subject", "visit", "date", "label", "volume_ml"]
    return sizes_of(pd.DataFrame(rows, columns=names))


def of(slopes, subject):
    return next(one for one in slopes if one.subject == subject)


def test_a_straight_line_is_found_exactly():
    sizes = cohort(np.random.default_rng(0), 1, [0, 200, 365, 800], 7.0, 0.0)
    (one,) = slopes_of(sizes, {})
    assert one.slope == pytest.approx(7.0) and one.low == pytest.approx(7.0)
    assert one.method == "least squares"


def test_two_visits_take_their_interval_from_the_repeatability():
    sizes = cohort(np.random.default_rng(0), 1, [0, 365], 7.0, 0.0)
    (bare,) = slopes_of(sizes, {})
    assert np.isnan(bare.low) and "repeatability" in bare.note
    (one,) = slopes_of(sizes, {"lung": given_repeatability("5", "lung")})
    # A difference of two measurements errs by the coefficient 95 times in a hundred.
    assert one.high - one.slope == pytest.approx(5 * 365.25 / 365, rel=1e-3)


def test_a_random_intercept_of_two_visits_equals_paired_differences():
    sizes = cohort(np.random.default_rng(3), 30, [0, 365], 5.0, 2.0)
    found = of(slopes_of(sizes, {}), COHORT)
    first, second = (sizes.table[sizes.table["visit"] == v]["value"].to_numpy() for v in "01")
    years = 365 / 365.25
    differences = (second - first) / years
    error = differences.std(ddof=1) / np.sqrt(30)
    assert "random intercept of each subject" in found.method
    assert found.slope == pytest.approx(differences.mean(), rel=1e-4)
    assert (found.high - found.slope) / 1.96 == pytest.approx(error, rel=0.01)


def test_random_slopes_where_three_visits_allow_them():
    sizes = cohort(np.random.default_rng(4), 40, [0, 365, 730, 1095], 5.0, 1.0, spread=3.0)
    found = of(slopes_of(sizes, {}), COHORT)
    assert "intercept and slope" in found.method
    assert found.low < 5.0 < found.high
    # Subjects that change differently leave the mean less sure than their noise alone.
    assert found.high - found.low > 2 * 1.96 * 3.0 / np.sqrt(40) * 0.7


def test_intervals_of_the_cohort_hold_the_truth():
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(25):
        found = of(slopes_of(cohort(rng, 20, [0, 365], 5.0, 3.0), {}), COHORT)
        held += found.low <= 5.0 <= found.high
    assert held >= 20


def test_few_subjects_fall_back_to_the_mean_and_say_so():
    found = of(slopes_of(cohort(np.random.default_rng(6), 4, [0, 365], 5.0, 1.0), {}), COHORT)
    assert found.method == "mean of the subjects' slopes"
    assert "too few for a mixed model" in found.note
    assert found.low < 5.0 < found.high


def test_sizes_without_any_noise_do_not_stop_it():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = of(slopes_of(cohort(np.random.default_rng(7), 8, [0, 365], 5.0, 0.0), {}), COHORT)
    assert found.slope == pytest.approx(5.0, rel=1e-6)


def test_visits_on_one_day_or_without_a_date_have_no_slope():
    same = cohort(np.random.default_rng(8), 2, [0, 0], 5.0, 1.0)
    notes = [one.note for one in slopes_of(same, {})]
    assert notes == ["all visits are on one day"] * 2 + ["no subject has two dated visits"]
    table = same.table.assign(date="", volume_ml=same.table["value"])
    (one, *_) = slopes_of(sizes_of(table), {})
    assert one.note == "a visit has no date"
    (single,) = slopes_of(cohort(np.random.default_rng(8), 1, [0], 5.0, 1.0), {})
    assert single.note == "one visit"
