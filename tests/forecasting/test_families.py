"""Every family only rises, and means what its name says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suffice.forecasting import EXPONENTIAL, FAMILIES, LOG_LOGISTIC, PIECEWISE, POWER, Family

SIZES = np.geomspace(1, 800, 40)


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
@settings(max_examples=40, deadline=None)
@given(shares=st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_no_curve_falls_or_passes_its_asymptote(family: Family, shares: list[float]) -> None:
    low, high = np.array(family.low), np.array(family.high)
    theta = (low + np.array(shares[: len(low)]) * (high - low))[None]
    values = family.value(theta, SIZES, 8.0)[0]
    assert (np.diff(values) >= -1e-12).all()
    assert (values <= family.asymptote(theta)[0] + 1e-12).all()
    error = 1 / (1 + np.exp(-theta[0, 0]))
    assert family.value(theta, [8.0], 8.0)[0, 0] == pytest.approx(1 - error)


def test_a_power_law_is_straight_on_log_axes() -> None:
    theta = np.array([[0.0, -40.0, np.log(0.7)]])
    errors = 1 - POWER.value(theta, SIZES, 8.0)[0]
    slopes = np.diff(np.log(errors)) / np.diff(np.log(SIZES))
    np.testing.assert_allclose(slopes, -0.7)


def test_an_exponential_loses_the_same_share_with_every_case() -> None:
    theta = np.array([[0.0, -40.0, np.log(0.5)]])
    errors = 1 - EXPONENTIAL.value(theta, np.arange(1.0, 9.0), 8.0)[0]
    np.testing.assert_allclose(errors[1:] / errors[:-1], np.exp(-0.5 / 8))


def test_a_log_logistic_is_a_power_law_far_beyond_its_half_way_size() -> None:
    theta = np.array([[0.0, -1.0, np.log(0.8)]])
    like = np.array([[0.0, -1.0, np.log(0.8), -30.0]])
    np.testing.assert_allclose(
        LOG_LOGISTIC.value(like, SIZES, 8.0), POWER.value(theta, SIZES, 8.0), rtol=1e-6
    )


def test_a_log_logistic_is_half_way_where_it_says() -> None:
    theta = np.array([[0.0, -40.0, 0.4, np.log(2.0)]])
    start = 1 - LOG_LOGISTIC.value(theta, [1e-6], 8.0)[0, 0]
    assert 1 - LOG_LOGISTIC.value(theta, [16.0], 8.0)[0, 0] == pytest.approx(start / 2, rel=1e-3)


def test_a_piecewise_power_law_is_straight_beyond_its_bend() -> None:
    late, early = 0.3, 1.1
    theta = np.array([[0.0, np.log(late), np.log(early), 0.0]])
    beyond, before = np.geomspace(8, 400, 9), np.geomspace(0.5, 8, 400)
    for sizes, first, last in ((beyond, late, late), (before, early, late)):
        errors = 1 - PIECEWISE.value(theta, sizes, 8.0)[0]
        slopes = -np.diff(np.log(errors)) / np.diff(np.log(sizes))
        np.testing.assert_allclose(slopes[[0, -1]], [first, last], atol=2e-3)
