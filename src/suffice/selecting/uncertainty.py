"""Take first what the model is least sure of."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from suffice.selecting.candidates import Candidates, FloatArray
from suffice.selecting.picking import Free, Pick


def most_entropy(
    candidates: Candidates, count: int, *, rng: np.random.Generator, free: Free
) -> Iterator[Pick]:
    """Take the units with the highest mean entropy where a structure is expected."""
    yield from _highest(candidates.entropy, count, free, "mean entropy {:.3f}")


def least_margin(
    candidates: Candidates, count: int, *, rng: np.random.Generator, free: Free
) -> Iterator[Pick]:
    """Take the units in which the second class is closest behind the first."""
    doubt = 1.0 - candidates.margin
    yield from _highest(doubt, count, free, "the two likeliest classes are {:.3f} of 1 alike")


def _highest(scores: FloatArray, count: int, free: Free, words: str) -> Iterator[Pick]:
    for _ in range(count):
        index = int(np.argmax(np.where(free.mask, scores, -np.inf)))
        free.take(index)
        yield Pick(index, float(scores[index]), words.format(scores[index]))
