"""Voxels that are alike, without a label: k-means, a Gaussian mixture, or superpixels."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
from skimage.segmentation import slic
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from suffice.core import CohortError
from suffice.segmenters.brightness import Brightness
from suffice.segmenters.features import positions
from suffice.segmenters.searching import FloatArray, View

Method = Literal["kmeans", "gmm", "superpixels"]
METHODS: tuple[Method, ...] = get_args(Method)

# Of all scans together: a handful of clusters is known as well from these as from all voxels.
_SAMPLE = 40_000
# Voxels that are compared with the clusters at once.
_CHUNK = 1 << 16
# Air beyond the field of view has values far below air's; metal far above bone's.
_HOUNSFIELD = (-1000.0, 1500.0)
_N_SUPERPIXELS = {2: 800, 3: 2000}
# Between following edges and being round, for brightness from 0 to 1.
_COMPACTNESS = 0.1

Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


class TooFewValuesError(CohortError):
    """Scans that cannot be parted into as many clusters."""


@dataclass(frozen=True, kw_only=True)
class Description:
    """What of a voxel is compared.

    Parameters
    ----------
    n_channels : int
        Of the images; each gives its brightness and its brightness smoothed.
    in_hu : bool
        Whether brightness is taken as it is, or as a share of the scan's own range.
    blur : float
        Standard deviation of the smoothing in mm (pixels).
    position : float
        How much the place in the scan weighs against brightness; 0 leaves it out.
    """

    n_channels: int
    in_hu: bool
    blur: float
    position: float = 0.0

    def of(self, view: View) -> FloatArray:
        """Describe a scan, shape ``(n_features, *spatial)``; brightness of all channels first."""
        if self.in_hu:
            view = View(np.clip(view.array, *_HOUNSFIELD), view.spacing)
        scale: Literal["unit", "scan"] = "unit" if self.in_hu else "scan"
        maps = [
            Brightness(channel=channel, blur=blur, scale=scale).of(view, 0)
            for blur in (0.0, self.blur)
            for channel in range(self.n_channels)
        ]
        if self.position:
            maps += positions(view.shape)
        return np.stack(maps)


@dataclass(frozen=True, eq=False)
class Clusters:
    """Groups of voxels, the darkest first.

    Parameters
    ----------
    centres : float array of shape (K, n_features)
    weights : float array of shape (K,)
        Part of the voxels in each; of k-means all alike.
    precisions : float array of shape (K, n_features, n_features)
        Roots of the inverse covariances; of k-means the scale of each feature.
    """

    centres: Array
    weights: Array
    precisions: Array

    def nearest(self, features: npt.NDArray[np.floating]) -> npt.NDArray[np.uint8]:
        """Number from 0 on of the likeliest cluster, for features ``(n_features, n)``."""
        found = np.empty(features.shape[1], np.uint8)
        volume = np.log(np.abs(np.linalg.det(self.precisions))) + np.log(self.weights)
        for start in range(0, len(found), _CHUNK):
            part = features[:, start : start + _CHUNK].T.astype(np.float64)
            apart = [
                np.square((part - centre) @ root).sum(axis=1)
                for centre, root in zip(self.centres, self.precisions, strict=True)
            ]
            found[start : start + _CHUNK] = (volume[:, None] - 0.5 * np.stack(apart)).argmax(0)
        return found

    def of(self, features: FloatArray, pieces: IntArray | None = None) -> npt.NDArray[np.uint8]:
        """Give each voxel of ``(n_features, *spatial)`` its cluster, or each piece of a scan."""
        shape, flat = features.shape[1:], features.reshape(len(features), -1)
        if pieces is None:
            return self.nearest(flat).reshape(shape)
        return self.nearest(means_within(flat, pieces))[pieces]


def superpixels(view: View, description: Description) -> IntArray:
    """Number the superpixels (SLIC [1]_) of a scan from 0 on, shape ``(*spatial)``.

    References
    ----------
    .. [1] Achanta et al., IEEE TPAMI 2012, https://doi.org/10.1109/TPAMI.2012.120
    """
    brightness = description.of(view)[: description.n_channels]
    low = brightness.min()
    scaled = (brightness - low) / max(float(brightness.max() - low), 1e-6)
    found = slic(
        scaled.astype(np.float64),
        n_segments=_N_SUPERPIXELS[len(view.shape)],
        compactness=_COMPACTNESS,
        spacing=view.spacing,
        channel_axis=0,
        convert2lab=False,
        start_label=0,
    )
    return np.asarray(np.unique(found, return_inverse=True)[1].reshape(view.shape), np.int64)


def means_within(features: FloatArray, pieces: IntArray) -> Array:
    """Mean of features ``(n_features, n)`` within each piece, shape ``(n_features, n_pieces)``."""
    numbers = pieces.ravel()
    sizes = np.bincount(numbers)
    return np.stack([np.bincount(numbers, weights=feature) / sizes for feature in features])


def find_clusters(
    described: Sequence[npt.NDArray[np.floating]],
    description: Description,
    n_clusters: int,
    method: Method,
    seed: int,
) -> Clusters:
    """Find groups in the voxels, or superpixels, of all scans together.

    Parameters
    ----------
    described : sequence of array of shape (n_features, n)
        One of each scan.
    description : Description
    n_clusters : int
    method : {"kmeans", "gmm", "superpixels"}
        Superpixels are grouped by k-means.
    seed : int

    Raises
    ------
    TooFewValuesError
        If the scans have fewer values than clusters are wanted.
    """
    rng = np.random.default_rng(seed)
    each = max(1, _SAMPLE // len(described))
    chosen = [d[:, rng.permutation(d.shape[1])[:each]] for d in described]
    points = np.concatenate(chosen, axis=1).T.astype(np.float64)
    n_distinct = len(np.unique(points, axis=0))
    if n_distinct < n_clusters:
        raise TooFewValuesError(
            "The scans hold fewer values than clusters are wanted",
            got=f"{n_distinct} values",
            expected=f"{n_clusters} clusters",
            cure="Ask for fewer.",
        )
    scale = 1.0 / np.maximum(points.std(axis=0), 1e-6)
    n_seen = 2 * description.n_channels
    weight = np.concatenate([np.ones(n_seen), np.full(len(scale) - n_seen, description.position)])
    scale = scale * weight
    found = _mixture(points * scale, n_clusters, seed) if method == "gmm" else None
    if found is None:
        near = KMeans(n_clusters, n_init=4, random_state=seed).fit(points * scale)
        eye = np.broadcast_to(np.eye(len(scale)), (n_clusters, len(scale), len(scale)))
        found = near.cluster_centers_, np.full(n_clusters, 1 / n_clusters), eye
    centres, weights, roots = found
    centres, roots = centres / scale, scale[:, None] * roots
    order = np.argsort(centres[:, :n_seen].mean(axis=1), kind="stable")
    return Clusters(centres[order], weights[order], roots[order])


def _mixture(points: Array, n_clusters: int, seed: int) -> tuple[Array, Array, Array]:
    mixture = GaussianMixture(n_clusters, reg_covar=1e-4, random_state=seed)
    with warnings.catch_warnings():
        # Where the likelihood still creeps after a hundred rounds the groups stand.
        warnings.simplefilter("ignore", ConvergenceWarning)
        mixture.fit(points)
    return mixture.means_, mixture.weights_, mixture.precisions_cholesky_


def name_clusters(counts: npt.NDArray[np.int64]) -> tuple[int, ...]:
    """Say which structure each cluster is: that whose Dice with a union of clusters it raises.

    Parameters
    ----------
    counts : int array of shape (K, n_classes)
        Voxels of each class, the background first, in each cluster, over labelled cases.

    Returns
    -------
    tuple of int
        The class of each cluster, 0 for the background. A cluster that two structures want goes
        to the one that fills more of it.

    Examples
    --------
    >>> name_clusters(np.array([[90, 2], [5, 30], [10, 12], [50, 1]]))
    (0, 1, 1, 0)
    """
    sizes = counts.sum(axis=1)
    shares = counts / np.maximum(sizes, 1)[:, None]
    claims = np.zeros(counts.shape)
    for k in range(1, counts.shape[1]):
        # Of all unions the best takes clusters in the order of the share that is the structure.
        order = np.argsort(-shares[:, k], kind="stable")
        hits, taken = np.cumsum(counts[order, k]), np.cumsum(sizes[order])
        dice = 2 * hits / np.maximum(taken + counts[:, k].sum(), 1)
        best = order[: int(dice.argmax()) + 1]
        claims[best, k] = shares[best, k]
    return tuple(
        int(k) if claim[k] > 0 else 0 for claim, k in zip(claims, claims.argmax(1), strict=True)
    )
