"""Fuse the labels of atlases that lie on a scan: where they differ, by how alike the scans are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage

FloatArray = npt.NDArray[np.float32]
Fusion = Literal["majority", "local", "joint"]
FUSIONS: tuple[Fusion, ...] = ("majority", "local", "joint")

# Voxels to either side that are compared.
_RADIUS = 2
_POWER = 2.0
# What keeps one atlas from all the weight, in the variance of normal patches.
_LEAST_LOCAL, _RIDGE = 0.01, 0.1
# Atlases that agree as well leave nothing to fuse.
_AGREED = 0.99


def fuse(
    target: FloatArray,
    images: Sequence[FloatArray],
    shares: Sequence[FloatArray],
    methods: Sequence[Fusion] = FUSIONS,
) -> dict[Fusion, FloatArray]:
    """Fuse probabilities by several methods, which share the comparing.

    "majority" is the mean. "local" weighs each atlas by how alike the patches are around a
    voxel, "joint" also by how alike the errors of two atlases are, so that two that are wrong
    together count once [1]_.

    Parameters
    ----------
    target : float32 array of shape (*spatial)
    images : sequence of float32 arrays of shape (*spatial)
        The atlases on the target's grid.
    shares : sequence of float32 arrays of shape (n_classes, *spatial)
    methods : sequence of {"majority", "local", "joint"}

    Returns
    -------
    dict of method to float32 array of shape (n_classes, *spatial)

    References
    ----------
    .. [1] H. Wang et al., "Multi-atlas segmentation with joint label fusion", IEEE TPAMI 35
       (2013), doi 10.1109/TPAMI.2012.143

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> scan = rng.normal(size=(9, 9)).astype(np.float32)
    >>> yes, no = np.zeros((2, 9, 9), np.float32), np.zeros((2, 9, 9), np.float32)
    >>> yes[1], no[0] = 1.0, 1.0
    >>> bool(fuse(scan, [scan, -scan], [yes, no])["local"][1].min() > 0.9)
    True
    """
    mean: FloatArray = np.asarray(np.mean(shares, axis=0, dtype=np.float32))
    fused: dict[Fusion, FloatArray] = {"majority": mean}
    if len(images) > 1 and set(methods) - {"majority"}:
        stacked = np.stack([s.reshape(len(mean), -1) for s in shares])
        open_ = np.flatnonzero(mean.max(axis=0).ravel() < _AGREED)
        products = _error_products(target, images, open_)
        for method in methods:
            if method != "majority":
                weights = _local(products) if method == "local" else _joint(products)
                fused[method] = _weighted(mean, stacked, weights, open_)
    return {method: fused.get(method, mean) for method in methods}


def _error_products(
    target: FloatArray, images: Sequence[FloatArray], chosen: npt.NDArray[np.intp]
) -> npt.NDArray[np.float64]:
    """Expected products of the atlases' errors, shape (n_voxels, n_atlases, n_atlases)."""
    normal = _normal_patches(target)
    errors = [np.abs(normal - _normal_patches(image)) for image in images]
    n = len(images)
    out = np.empty((len(chosen), n, n))
    for i in range(n):
        for j in range(i, n):
            product = _window_mean(errors[i] * errors[j]).ravel()[chosen]
            out[:, i, j] = out[:, j, i] = np.maximum(product, 0.0) ** _POWER
    return out


def _local(products: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    weights = 1.0 / (np.diagonal(products, axis1=1, axis2=2) + _LEAST_LOCAL)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _joint(products: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    n = products.shape[1]
    ones = np.ones((len(products), n, 1))
    weights = np.linalg.solve(products + _RIDGE * np.eye(n), ones)[..., 0]
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _weighted(
    mean: FloatArray,
    stacked: FloatArray,
    weights: npt.NDArray[np.float64],
    chosen: npt.NDArray[np.intp],
) -> FloatArray:
    flat = mean.reshape(len(mean), -1).copy()
    # Joint weights may be negative, probabilities not.
    found = np.maximum(np.einsum("vi,ikv->kv", weights, stacked[:, :, chosen]), 0.0)
    flat[:, chosen] = found / np.maximum(found.sum(axis=0), 1e-12)
    return flat.reshape(mean.shape)


def _normal_patches(array: FloatArray) -> FloatArray:
    mean = _window_mean(array)
    variance = _window_mean(array * array) - mean * mean
    floor = max(1e-4 * float(array.var()), 1e-12)
    return np.asarray((array - mean) / np.sqrt(np.maximum(variance, floor)))


def _window_mean(array: FloatArray) -> FloatArray:
    return np.asarray(ndimage.uniform_filter(array, 2 * _RADIUS + 1, mode="nearest"))
