from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from skimage.feature import hessian_matrix, hessian_matrix_eigvals, structure_tensor_eigenvalues

from suffice.segmenters.features import NARROWER, TENSOR_WINDOW, FilterBank, eigenvalues

SPACING = (1.0, 1.0, 1.0)


def volume(shape: tuple[int, ...]) -> np.ndarray:
    rng = np.random.default_rng(0)
    return ndimage.gaussian_filter(rng.normal(size=shape), 1.0).astype(np.float32)


def smoothed(array: np.ndarray, sigma: float) -> np.ndarray:
    return ndimage.gaussian_filter(array, sigma, mode="nearest", truncate=3.0)


@pytest.mark.parametrize("shape", [(20, 24), (14, 12, 10)])
def test_features_are_those_of_scipy_and_scikit_image(shape: tuple[int, ...]) -> None:
    array, sigma, ndim = volume(shape), 2.0, len(shape)
    found = list(FilterBank(scales=(sigma,)).maps(array[None], SPACING[:ndim]))
    blurred = smoothed(array, sigma)
    first = np.gradient(blurred)
    # Already smoothed, so that only scikit-image's differences are compared.
    hessian = hessian_matrix(blurred, sigma=0, use_gaussian_derivatives=False, mode="nearest")
    tensor = [
        smoothed(first[i] * first[j], TENSOR_WINDOW * sigma)
        for i in range(ndim)
        for j in range(i, ndim)
    ]
    expected = [
        blurred,
        np.sqrt(sum(d**2 for d in first)),
        sum(np.gradient(first[i], axis=i) for i in range(ndim)),
        blurred - smoothed(array, NARROWER * sigma),
        *hessian_matrix_eigvals(hessian),
        *structure_tensor_eigenvalues(tensor),
    ]
    assert len(found) == FilterBank(scales=(sigma,)).n_features(ndim, 1)
    for mine, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=2e-5)


def test_the_laplacian_is_about_that_of_a_gaussian() -> None:
    array = volume((40, 40))
    laplacian = list(FilterBank(scales=(3.0,)).maps(array[None], (1.0, 1.0)))[2]
    theirs = ndimage.gaussian_laplace(array, 3.0, mode="nearest")
    assert np.corrcoef(laplacian.ravel(), theirs.ravel())[0, 1] > 0.98


def test_eigenvalues_are_those_of_a_solver() -> None:
    rng = np.random.default_rng(1)
    square = rng.normal(size=(500, 3, 3)).astype(np.float32)
    symmetric = square + square.transpose(0, 2, 1)
    # Multiples of one matrix have three equal eigenvalues, zero none.
    symmetric[:3] = np.array([0.0, 1.0, -2.0])[:, None, None] * np.eye(3)
    entries = {(i, j): symmetric[:, i, j] for i in range(3) for j in range(i, 3)}
    theirs = np.linalg.eigvalsh(symmetric)[:, ::-1]
    np.testing.assert_allclose(np.stack(eigenvalues(entries), -1), theirs, atol=1e-4)


def test_scales_are_in_the_unit_of_the_spacing() -> None:
    coarse = volume((16, 16, 8))
    fine = np.repeat(coarse, 3, axis=2)
    bank = FilterBank(scales=(4.0,))
    blurred = next(bank.maps(coarse[None], (1.0, 1.0, 3.0)))
    same = next(bank.maps(fine[None], (1.0, 1.0, 1.0)))[..., 1::3]
    assert np.corrcoef(blurred.ravel(), same.ravel())[0, 1] > 0.99


def test_context_comes_last_and_position_before_it() -> None:
    array = volume((10, 20))[None]
    bank = FilterBank(scales=(1.0,), context=(2.0,), has_position=True)
    maps = list(bank.maps(array, (1.0, 1.0), context=array))
    assert len(maps) == bank.n_features(2, 1, 1)
    np.testing.assert_array_equal(maps[-1], next(bank.context_maps(array, (1.0, 1.0))))
    np.testing.assert_allclose(maps[-2][3], (np.arange(20) + 0.5) / 20)


def test_a_single_slice_has_no_gradient_across() -> None:
    maps = list(FilterBank(scales=(1.0,)).maps(volume((8, 8, 1))[None], (1.0, 1.0, 5.0)))
    assert all(np.isfinite(m).all() for m in maps)
