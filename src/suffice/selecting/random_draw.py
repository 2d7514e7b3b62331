"""Draw at random: of all units, or mostly of those in which a structure is expected."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from suffice.selecting.candidates import Candidates
from suffice.selecting.picking import Free, Pick

# Two of three draws are among the units with a structure, as nnActive has it.
AWARE, OF = 2, 3
# A structure is expected where it fills this part of what it fills in the fullest unit.
_PRESENT = 0.05


def draw_any(
    candidates: Candidates, count: int, *, rng: np.random.Generator, free: Free
) -> Iterator[Pick]:
    """Draw units at random, each as likely as any other."""
    for _ in range(count):
        index = int(rng.choice(np.flatnonzero(free.mask)))
        free.take(index)
        yield Pick(index, float("nan"), "drawn at random")


def draw_foreground(
    candidates: Candidates, count: int, *, rng: np.random.Generator, free: Free
) -> Iterator[Pick]:
    """Draw two of three units among those in which a structure, drawn first, is expected.

    The baseline that no strategy reliably beat in nnActive (Lueth 2025, arXiv 2511.19183). Whole
    scans that all show all structures are drawn as by `draw_any`.
    """
    present = candidates.shares > _PRESENT * candidates.shares.max(axis=0, initial=0.0)
    for number in range(count):
        among, reason = free.mask, "drawn at random"
        known = np.flatnonzero((present & free.mask[:, None]).any(axis=0))
        if number % OF < AWARE and len(known):
            structure = int(rng.choice(known))
            among = free.mask & present[:, structure]
            reason = f"drawn at random where '{candidates.structures[structure]}' is expected"
        index = int(rng.choice(np.flatnonzero(among)))
        free.take(index)
        yield Pick(index, float("nan"), reason)
