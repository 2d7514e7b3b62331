"""Take what the model is unsure of, structure by structure, with noise that dies away."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from suffice.selecting.candidates import Candidates, FloatArray
from suffice.selecting.picking import Free, Pick

# Two of three picks are for one structure each, in turn.
STRATIFIED, OF = 2, 3
# Inverse scale of the noise, from the first label to the last.
FIRST_POWER, LAST_POWER = 1.0, 100.0
_TINY = 1e-12


def noise_power(n_known: int, n_left: int) -> float:
    """Inverse scale of the noise: small at first, large when little is left.

    Examples
    --------
    >>> noise_power(0, 10), noise_power(5, 5)
    (1.0, 10.0)
    """
    done = n_known / max(1, n_known + n_left)
    return float(FIRST_POWER * (LAST_POWER / FIRST_POWER) ** done)


def take_unsure_by_class(
    candidates: Candidates, count: int, *, rng: np.random.Generator, free: Free
) -> Iterator[Pick]:
    """Take units of high entropy where one structure is expected, each structure in its turn.

    After ClaSP PE [1]_: picks are shared out among structures so that small ones are not
    forgotten, and Gumbel noise on the logarithm of the entropy keeps the first picks from being
    all alike; it dies away as more is labelled. Share and schedule are ours, as is the mean over
    a unit; the paper's are for patches of a large cohort.

    References
    ----------
    .. [1] Lueth et al. 2026, arXiv 2601.13677
    """
    power = noise_power(len(candidates.known), len(candidates))
    noise = rng.gumbel(size=(1 + len(candidates.structures), len(candidates))) / power
    overall = _noisy(candidates.entropy, noise[0])
    by_class = [_noisy(d, n) for d, n in zip(candidates.doubts.T, noise[1:], strict=True)]
    turns = rng.permutation(len(by_class))
    n_stratified = 0
    for number in range(count):
        scores, words = overall, "unsure"
        if number % OF < STRATIFIED and len(turns):
            k = int(turns[n_stratified % len(turns)])
            scores, words = by_class[k], f"unsure of '{candidates.structures[k]}'"
            n_stratified += 1
        index = int(np.argmax(np.where(free.mask, scores, -np.inf)))
        free.take(index)
        yield Pick(index, float(scores[index]), words)


def _noisy(entropy: FloatArray, noise: FloatArray) -> FloatArray:
    return np.asarray(np.log(np.maximum(entropy, _TINY)) + noise)
