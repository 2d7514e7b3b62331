"""Take units that would change the model much, and each in its own way."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from suffice.selecting.candidates import Candidates, FloatArray
from suffice.selecting.picking import Free, Pick


def gradient_embeddings(candidates: Candidates) -> FloatArray:
    """Sum up the gradient that a unit would give the last layer, were its own mask the truth.

    BADGE [1]_ takes the outer product of the residual (probability less the class that the model
    would choose) and the features under the last layer. Here residuals are those of a whole unit,
    which would cancel each other where the mask says a class and where it does not, so that both
    are kept; features are those of the unit, and a constant.

    Returns
    -------
    float array of shape (n, 2 K (D + 1))

    References
    ----------
    .. [1] Ash et al. 2020, arXiv 1906.03671
    """
    features = np.concatenate([candidates.features, np.ones((len(candidates), 1))], axis=1)
    outer = candidates.residuals[:, :, None] * features[:, None, :]
    return np.asarray(outer.reshape(len(features), -1))


def take_diverse_gradients(
    candidates: Candidates, count: int, *, rng: np.random.Generator, free: Free
) -> Iterator[Pick]:
    """Seed as k-means++ does on gradients: a unit is the likelier, the farther from those taken.

    The first is drawn by the square of its gradient's length.
    """
    gradients = gradient_embeddings(candidates)
    nearest = (gradients**2).sum(axis=1)
    for _ in range(count):
        chances = np.where(free.mask, nearest, 0.0)
        total = chances.sum()
        chances = chances / total if total > 0 else free.mask / free.mask.sum()
        index = int(rng.choice(len(gradients), p=chances))
        score = float(np.sqrt(nearest[index]))
        free.take(index)
        nearest = np.minimum(nearest, ((gradients - gradients[index]) ** 2).sum(axis=1))
        yield Pick(index, score, f"a change of the model unlike those before it ({score:.3g})")
