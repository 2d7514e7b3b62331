"""Which of a mask's values is the background: told by what lies along its border."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

# Structures seldom run along most of a scan's border and fill most of it too.
_MOST = 0.5


def marks_the_background(mask: npt.NDArray[np.generic]) -> bool:
    """Whether a mask looks inverted: it marks most of its border and most of its voxels.

    Examples
    --------
    >>> cell = np.zeros((9, 9), dtype=np.uint8)
    >>> cell[3:6, 3:6] = 1
    >>> marks_the_background(cell), marks_the_background(1 - cell)
    (False, True)
    """
    marked = mask != 0
    if np.count_nonzero(marked) <= _MOST * marked.size:
        return False
    rim = np.ones(mask.shape, dtype=bool)
    rim[tuple(slice(1, -1) if n > 2 else slice(None) for n in mask.shape)] = False
    return bool(not rim.any() or marked[rim].mean() > _MOST)


@dataclass(slots=True)
class PolarityTally:
    """Counts of masks that look inverted, by rater."""

    n_masks: Counter[str] = field(default_factory=Counter)
    n_inverted: Counter[str] = field(default_factory=Counter)

    def add(self, rater: str, mask: npt.NDArray[np.generic]) -> None:
        """Look at one mask."""
        self.n_masks[rater] += 1
        self.n_inverted[rater] += marks_the_background(mask)

    @property
    def raters(self) -> list[str]:
        """Raters most of whose masks look inverted."""
        return [r for r, n in self.n_inverted.items() if n > _MOST * self.n_masks[r]]

    def note(self, *, was_inverted: bool) -> str | None:
        """Say that masks look inverted, or ``None``."""
        if not self.raters:
            return None
        n = sum(self.n_inverted[rater] for rater in self.raters)
        who = ", ".join(self.raters[:5]) + (", ..." if len(self.raters) > 5 else "")
        cure = "leave --invert-masks out" if was_inverted else "import again with --invert-masks"
        others = "" if len(self.raters) == len(self.n_masks) else ", unlike those of the others"
        return (
            f"{n} masks by {who} mark most of their border, as a background does{others}: if 0 is "
            f"{'not ' if was_inverted else ''}the structure, {cure}"
        )
