"""Fits find the curve that made the points, as scipy does."""

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import least_squares

from suffice.forecasting import FAMILIES, Points, Prior, fit_family

SIZES = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0])


@pytest.mark.parametrize("name", FAMILIES)
def test_a_curve_without_noise_is_found(name: str, shapes: dict[str, np.ndarray]) -> None:
    family = FAMILIES[name]
    values = family.value(shapes[name], SIZES, 8.0)
    theta = fit_family(family, Points(SIZES, values, np.full(len(SIZES), 0.01)), 8.0)
    np.testing.assert_allclose(theta, shapes[name], atol=1e-3)
    np.testing.assert_allclose(
        family.value(theta, [500], 8.0), family.value(shapes[name], [500], 8.0), atol=1e-5
    )


@pytest.mark.parametrize("name", FAMILIES)
def test_fits_are_those_of_scipy(name: str, shapes: dict[str, np.ndarray]) -> None:
    family, rng = FAMILIES[name], np.random.default_rng(3)
    values = family.value(shapes[name], SIZES, 8.0) + rng.normal(0, 0.01, (3, len(SIZES)))
    sd = np.linspace(0.03, 0.01, len(SIZES))
    rest = shapes[name][0, 1:]
    prior = Prior(rest + 0.1, np.full(len(rest), 0.5))
    ours = fit_family(family, Points(SIZES, values, sd), 8.0, prior=prior)
    student = stats.t(3)

    for row, theta in zip(values, ours, strict=True):

        def residuals(numbers: np.ndarray, row: np.ndarray = row) -> np.ndarray:
            off = (family.value(numbers[None], SIZES, 8.0)[0] - row) / sd
            apart = (numbers[1:] - prior.mean) / prior.sd
            loss = 2 * (student.logpdf(0.0) - student.logpdf(apart))
            return np.concatenate([off, np.sign(apart) * np.sqrt(np.maximum(loss, 0.0))])

        theirs = least_squares(residuals, [-0.8, *prior.mean], xtol=1e-12, ftol=1e-12, gtol=1e-12)
        np.testing.assert_allclose(theta, theirs.x, atol=1e-3)
        assert (residuals(theta) ** 2).sum() <= 2 * theirs.cost * (1 + 1e-6)


def test_a_size_that_a_curve_lacks_says_nothing(shapes: dict[str, np.ndarray]) -> None:
    family = FAMILIES["power"]
    values = family.value(shapes["power"], SIZES, 8.0)
    spoilt, sd = values.copy(), np.full((1, len(SIZES)), 0.01)
    spoilt[0, -1], sd[0, -1] = 0.0, np.inf
    theta = fit_family(family, Points(SIZES, spoilt, sd), 8.0)
    np.testing.assert_allclose(theta, shapes["power"], atol=1e-3)


def test_without_points_the_prior_is_all_there_is() -> None:
    prior = Prior(np.array([0.7, -0.4]), np.array([0.3, 0.3]))
    points = Points(SIZES[:1], np.array([[0.6]]), np.array([0.01]))
    theta = fit_family(FAMILIES["power"], points, 1.0, prior=prior)
    np.testing.assert_allclose(theta[0, 1:], prior.mean, atol=1e-6)
    assert FAMILIES["power"].value(theta, [1.0], 1.0)[0, 0] == pytest.approx(0.6)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_curve_like_none_before_is_not_bent_to_be_like_them(
    name: str, shapes: dict[str, np.ndarray]
) -> None:
    family = FAMILIES[name]
    points = Points(SIZES, family.value(shapes[name], SIZES, 8.0), np.full(len(SIZES), 1e-3))
    far = Prior(shapes[name][0, 1:] + 3.0, np.full(shapes[name].shape[1] - 1, 0.2))
    theta = fit_family(family, points, 8.0, prior=far)
    found, truth = (family.value(numbers, [32.0], 8.0)[0, 0] for numbers in (theta, shapes[name]))
    assert found == pytest.approx(truth, abs=0.02)


def test_priors_are_drawn_from_with_heavy_tails() -> None:
    drawn = Prior(np.array([1.0, -2.0]), np.array([0.5, 2.0])).draw(
        20_000, np.random.default_rng(0)
    )
    np.testing.assert_allclose(np.median(drawn, axis=0), [1.0, -2.0], atol=0.05)
    ends = np.quantile(drawn, [0.9], axis=0)[0] - [1.0, -2.0]
    np.testing.assert_allclose(ends, stats.t(3).ppf(0.9) * np.array([0.5, 2.0]), rtol=0.05)


def test_no_curves_are_no_fits() -> None:
    points = Points(SIZES, np.empty((0, len(SIZES))), np.full(len(SIZES), 0.01))
    assert fit_family(FAMILIES["piecewise"], points, 8.0).shape == (0, 4)
