"""Cover the cohort: take what is farthest from all that is labelled."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from suffice.selecting.candidates import Candidates, FloatArray
from suffice.selecting.picking import Free, Pick


def cover(
    candidates: Candidates, count: int, *, rng: np.random.Generator, free: Free
) -> Iterator[Pick]:
    """Take the unit whose features are farthest from the nearest labelled one, again and again.

    The greedy core-set [1]_: where any unit may be taken, no unit is more than twice as far from
    a labelled one as with the best choice of as many. Where nothing is labelled, the unit nearest
    the mean comes first.

    References
    ----------
    .. [1] Sener and Savarese 2018, arXiv 1708.00489
    """
    features = candidates.features
    nearest = np.full(len(features), np.inf)
    for row in candidates.known:
        nearest = np.minimum(nearest, _distances(features, row))
    for _ in range(count):
        if np.isinf(nearest).all():
            central = -_distances(features, features.mean(axis=0))
            index = int(np.argmax(np.where(free.mask, central, -np.inf)))
            pick = Pick(index, float("nan"), "nearest to the middle of the cohort")
        else:
            index = int(np.argmax(np.where(free.mask, nearest, -np.inf)))
            far = float(nearest[index])
            pick = Pick(index, far, f"{far:.2f} from the nearest that is labelled")
        free.take(index)
        nearest = np.minimum(nearest, _distances(features, features[index]))
        yield pick


def _distances(features: FloatArray, row: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.norm(features - row, axis=1))
