import numpy as np
import pytest
from scipy import stats

from suffice.core import UsageError
from suffice.raters import icc_2_1

SHROUT = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]


def test_equals_what_was_published():
    """Shrout and Fleiss 1979, table 4; the interval as in R's psych and pingouin."""
    found = icc_2_1(SHROUT)
    assert found.value == pytest.approx(0.2897638)
    assert (found.low, found.high) == pytest.approx((0.0188, 0.7611), abs=5e-5)


def by_sums(table):
    """ICC(A,1) and its interval in the symbols of McGraw and Wong, from sums of squares."""
    n, k = len(table), len(table[0])
    total = sum(map(sum, table))
    correction = total**2 / (n * k)
    rows = sum(sum(row) ** 2 for row in table) / k - correction
    columns = sum(sum(column) ** 2 for column in zip(*table, strict=True)) / n - correction
    whole = sum(x * x for row in table for x in row) - correction
    msr, msc = rows / (n - 1), columns / (k - 1)
    mse = (whole - rows - columns) / ((n - 1) * (k - 1))
    icc = (msr - mse) / (msr + (k - 1) * mse + k / n * (msc - mse))
    fj = msc / mse
    top = (n - 1) * (k - 1) * (k * icc * fj + n * (1 + (k - 1) * icc) - k * icc) ** 2
    bottom = (n - 1) * k**2 * icc**2 * fj**2 + (n * (1 + (k - 1) * icc) - k * icc) ** 2
    v = top / bottom
    upper, lower = stats.f.ppf(0.975, v, n - 1), stats.f.ppf(0.975, n - 1, v)
    low = n * (msr - lower * mse) / (lower * (k * msc + (k * n - k - n) * mse) + n * msr)
    high = n * (upper * msr - mse) / (k * msc + (k * n - k - n) * mse + n * upper * msr)
    return icc, low, high


def test_equals_an_independent_way_with_raters_missing():
    rng = np.random.default_rng(0)
    for _ in range(200):
        n, k = int(rng.integers(3, 15)), int(rng.integers(2, 7))
        table = 5 + rng.normal(0, 1, (n, 1)) + rng.normal(0, 0.3, (1, k))
        table = table + rng.normal(0, rng.uniform(0.1, 1.5), (n, k))
        holed = np.vstack([table, np.full((1, k), np.nan)])
        found = icc_2_1(holed)
        assert found.n_incomplete == 1
        expected = by_sums(table.tolist())
        assert (found.value, found.low, found.high) == pytest.approx(expected, abs=1e-7)


def test_perfect_constant_and_too_few():
    perfect = icc_2_1([[1.0, 1.0], [2.0, 2.0], [4.0, 4.0]])
    assert (perfect.value, perfect.low, perfect.high) == (1, 1, 1)
    assert "same" in icc_2_1(np.ones((4, 3))).reason
    assert "two subjects" in icc_2_1([[1.0, 2.0]]).reason
    with pytest.raises(UsageError, match="a row a subject"):
        icc_2_1([1.0, 2.0])


@pytest.mark.parametrize(
    ("table", "value", "reason"),
    [
        ([[0, 1], [1, 0]], np.nan, "subjects do not differ beyond"),
        ([[0, 5], [0, 5]], 0.0, "no interval"),
        ([[1, 2], [2, 1], [1, 2], [2, 1]], -2.0, "no interval"),
    ],
)
def test_subjects_that_do_not_differ_have_a_reason_and_no_warning(table, value, reason):
    found = icc_2_1(table)
    np.testing.assert_equal(found.value, value)
    assert np.isnan([found.low, found.high]).all()
    assert found.reason.startswith(reason)
