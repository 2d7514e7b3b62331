"""Take what is typical: the middle of each cluster in which nothing is labelled."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from sklearn.cluster import KMeans
from sklearn.neighbors import NearestNeighbors

from suffice.selecting.candidates import Candidates, FloatArray
from suffice.selecting.picking import Free, Pick

MOST_CLUSTERS = 500
NEIGHBOURS = 20


def take_typical(
    candidates: Candidates, count: int, *, rng: np.random.Generator, free: Free
) -> Iterator[Pick]:
    """Take the most typical unit of the largest cluster with the fewest labelled units.

    All units are put into as many clusters as will then be labelled (500 at most). Typical is
    what has a small mean distance to its 20 nearest neighbours in the cluster [1]_. Small clusters
    are kept, which the paper drops: of few scans an odd one is often another kind.

    References
    ----------
    .. [1] Hacohen et al. 2022, https://doi.org/10.48550/arXiv.2202.02794
    """
    n_known = len(candidates.known)
    everything = np.concatenate([candidates.known, candidates.features])
    clusters = _clustered(everything, n_known + count, rng)
    mine, covered = (
        clusters[n_known:],
        np.bincount(clusters[:n_known], minlength=clusters.max() + 1),
    )
    sizes = np.bincount(mine, minlength=len(covered))
    typical = _typicality(candidates.features, mine)
    for _ in range(count):
        left = np.bincount(mine[free.mask], minlength=len(covered)) > 0
        order = np.lexsort((-sizes, covered, ~left))
        cluster = int(order[0])
        among = free.mask & (mine == cluster)
        index = int(np.argmax(np.where(among, typical, -np.inf)))
        words = f"typical of {sizes[cluster]} alike, {covered[cluster] or 'none'} labelled so far"
        if sizes[cluster] == 1:
            words = "unlike all others"
        covered[cluster] += 1
        free.take(index)
        yield Pick(index, float(typical[index]), words)


def _clustered(
    features: FloatArray, n_clusters: int, rng: np.random.Generator
) -> npt.NDArray[np.intp]:
    n_distinct = len(np.unique(features, axis=0))
    n = min(n_clusters, MOST_CLUSTERS, n_distinct)
    seed = int(rng.integers(2**31))
    if n == 1:
        return np.zeros(len(features), dtype=np.intp)
    found = KMeans(n, n_init=3, random_state=seed).fit_predict(features)
    return np.asarray(found, dtype=np.intp)


def _typicality(features: FloatArray, clusters: npt.NDArray[np.intp]) -> FloatArray:
    """Inverse of the mean distance to the nearest of a unit's own cluster; a lone one has 0."""
    found = np.zeros(len(features))
    for cluster in np.unique(clusters):
        members = np.flatnonzero(clusters == cluster)
        n = min(NEIGHBOURS, len(members) - 1)
        if n:
            inside = features[members]
            distances, _ = NearestNeighbors(n_neighbors=n + 1).fit(inside).kneighbors(inside)
            found[members] = 1.0 / np.maximum(distances.sum(axis=1) / n, 1e-12)
    return found
