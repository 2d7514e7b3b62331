"""Patches from the store, half of them centred on a structure, each with one rater's mask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from suffice.training.store import WHOLE, StoredCase


@dataclass(frozen=True)
class Place:
    """Where a patch lies: number of the case, first voxel along each axis, and whose mask.

    The first voxel is negative where a scan is shorter than a patch.
    """

    case: int
    start: tuple[int, ...]
    rater: int | None = None


class PatchSampler:
    """Draw batches of patches, each case as often as any other.

    Parameters
    ----------
    cases : sequence of StoredCase
    patch_size : tuple of int
        As many axes as the network; one fewer than the stored arrays where slices of volumes are
        trained on, whose first axis then runs over the slices.
    batch_size : int
    foreground : float
        Part of the patches that is centred on a voxel of a structure drawn at random, so that
        rare structures are met as often as common ones.
    rng : numpy.random.Generator
    """

    def __init__(
        self,
        cases: Sequence[StoredCase],
        *,
        patch_size: tuple[int, ...],
        batch_size: int,
        foreground: float,
        rng: np.random.Generator,
    ) -> None:
        self.cases = cases
        self.patch_size = patch_size
        self.batch_size = batch_size
        self.foreground = foreground
        self.rng = rng
        self.slicewise = cases[0].labels.ndim > len(patch_size)
        self._deck: list[int] = []

    def draw(self) -> tuple[Tensor, Tensor]:
        """Return images ``(N, C, *patch)`` float32 and labels as `read` gives them."""
        pairs = [self.read(place) for place in self.places()]
        return torch.stack([image for image, _ in pairs]), torch.stack([own for _, own in pairs])

    def places(self) -> list[Place]:
        """Draw where the patches of a batch lie."""
        return [self.place(self._next_case()) for _ in range(self.batch_size)]

    def partner(self, place: Place) -> Place:
        """Draw where a partner of a patch lies: in another case, unless there is but one."""
        case = 0
        if len(self.cases) > 1:
            case = int(self.rng.integers(len(self.cases) - 1))
            case += case >= place.case
        return self.place(case)

    def read(self, place: Place) -> tuple[Tensor, Tensor]:
        """Read what lies at a place.

        Returns
        -------
        image : float32 tensor of shape (C, *patch)
        labels : uint8 tensor of shape (*patch,), or float32 of shape (S, *patch)
            One rater's classes, or the shares that a case has instead; beyond the scan 0.
        """
        case = self.cases[place.case]
        window, pad = [], []
        sides = zip(case.labels.shape, self._size, place.start, strict=True)
        for n, p, start in sides:
            first, end = max(start, 0), min(start + p, n)
            window.append(slice(first, end))
            pad.append((first - start, p - (end - first) - (first - start)))
        image = np.pad(case.image[(slice(None), *window)], [(0, 0), *pad]).astype(np.float32)
        drawn = self.mask(place)[None] if case.shares is None else case.shares
        # Beyond the scan is background, but in a scan that is labelled in part nobody said so.
        beyond = 0 if case.unlabelled is None else case.unlabelled
        labels = np.pad(drawn[(slice(None), *window)], [(0, 0), *pad], constant_values=beyond)
        if self.slicewise:
            image, labels = image[:, 0], labels[:, 0]
        labels = labels[0] if case.shares is None else labels.astype(np.float32) / WHOLE
        return torch.from_numpy(image), torch.from_numpy(labels)

    def mask(self, place: Place) -> np.ndarray:
        """Return the whole mask ``(*spatial)`` that a patch is cut from."""
        case = self.cases[place.case]
        if case.raters is None or place.rater is None:
            return case.labels
        mask: np.ndarray = case.raters[place.rater]
        return mask

    @property
    def _size(self) -> tuple[int, ...]:
        return (1, *self.patch_size) if self.slicewise else self.patch_size

    def state(self) -> dict[str, Any]:
        """Return what the coming draws hang on: the generator and the rest of the deck."""
        return {"rng": self.rng.bit_generator.state, "deck": list(self._deck)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on drawing where a sampler of the same cases was."""
        self.rng.bit_generator.state = state["rng"]
        self._deck = list(state["deck"])

    def _next_case(self) -> int:
        # A shuffled deck: with a handful of cases plain random draws would starve some of them.
        if not self._deck:
            self._deck = self.rng.permutation(len(self.cases)).tolist()
        return self._deck.pop()

    def place(self, index: int) -> Place:
        """Draw where a patch of one case lies, and whose mask it gets."""
        case = self.cases[index]
        centre = self._foreground_point(case)
        start = tuple(
            -((p - n) // 2)
            if n <= p
            else self._start(n, p, None if centre is None else int(centre[axis]))
            for axis, (n, p) in enumerate(zip(case.labels.shape, self._size, strict=True))
        )
        # One rater's mask, each as likely as any other, where several are stored.
        rater = None if case.raters is None else int(self.rng.integers(len(case.raters)))
        return Place(index, start, rater)

    def _foreground_point(self, case: StoredCase) -> np.ndarray | None:
        if self.rng.random() >= self.foreground or len(case.points) == 0:
            return None
        first, end = case.classes[int(self.rng.choice(list(case.classes)))]
        point: np.ndarray = case.points[first + self.rng.integers(end - first), 1:]
        return point

    def _start(self, n: int, p: int, centre: int | None) -> int:
        if centre is None:
            return int(self.rng.integers(n - p + 1))
        # Near the middle, not on it: else the net learns that structures are centred.
        jitter = int(self.rng.integers(-(p // 4), p // 4 + 1)) if p > 1 else 0
        return int(np.clip(centre + jitter - p // 2, 0, n - p))
