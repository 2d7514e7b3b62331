"""What a strategy gives, and which units it may still take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from suffice.selecting.candidates import Candidates


@dataclass(frozen=True, slots=True)
class Pick:
    """A unit to label.

    Parameters
    ----------
    index : int
        Among the candidates.
    score : float
        By which it was picked; what it means is the strategy's.
    reason : str
        In words.
    """

    index: int
    score: float
    reason: str


class Free:
    """Which units may still be taken: not those that are, and so many of a subject.

    Parameters
    ----------
    subjects : sequence of str
        Of each candidate.
    per_subject : int
        Units of one subject at most, those labelled before included; 0 for any number.
    known : sequence of str
        A subject for each case that is labelled.
    """

    def __init__(self, subjects: Sequence[str], *, per_subject: int, known: Sequence[str]) -> None:
        self._subjects = np.asarray(subjects, dtype=str)
        self._most = per_subject
        self._taken = Counter(known)
        self.mask: npt.NDArray[np.bool_] = np.ones(len(subjects), dtype=bool)
        for subject in set(known):
            self._close(subject)

    def take(self, index: int) -> None:
        """Take one."""
        subject = str(self._subjects[index])
        self.mask[index] = False
        self._taken[subject] += 1
        self._close(subject)

    def _close(self, subject: str) -> None:
        if self._most and self._taken[subject] >= self._most:
            self.mask[self._subjects == subject] = False

    @property
    def most(self) -> int:
        """How many can be taken."""
        if not self._most:
            return int(self.mask.sum())
        left = Counter(self._subjects[self.mask].tolist())
        return sum(min(n, self._most - self._taken[subject]) for subject, n in left.items())


class Strategy(Protocol):
    """Picks units one after another, the most wanted first."""

    def __call__(
        self, candidates: Candidates, count: int, *, rng: np.random.Generator, free: Free
    ) -> Iterator[Pick]:
        """Pick from the candidates, whose features are standardised.

        Parameters
        ----------
        candidates : Candidates
        count : int
            How many will be asked for.
        rng : Generator
        free : Free
            What is given must be free, and be taken there.
        """
