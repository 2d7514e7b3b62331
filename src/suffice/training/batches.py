"""Patches from the store, half of them centred on a structure, each with one rater's mask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from suffice.training.store import StoredCase


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
        """Return images ``(N, C, *patch)`` float32 and labels ``(N, *patch)`` uint8."""
        pairs = [self._patch(self.cases[self._next_case()]) for _ in range(self.batch_size)]
        images = np.stack([image for image, _ in pairs]).astype(np.float32)
        labels = np.stack([labels for _, labels in pairs])
        return torch.from_numpy(images), torch.from_numpy(labels)

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

    def _patch(self, case: StoredCase) -> tuple[np.ndarray, np.ndarray]:
        size = (1, *self.patch_size) if self.slicewise else self.patch_size
        centre = self._foreground_point(case)
        window, pad = [], []
        for axis, (n, p) in enumerate(zip(case.labels.shape, size, strict=True)):
            if n <= p:
                start, stop, before = 0, n, (p - n) // 2
            else:
                start = self._start(n, p, None if centre is None else int(centre[axis]))
                stop, before = start + p, 0
            window.append(slice(start, stop))
            pad.append((before, p - (stop - start) - before))
        image = np.pad(case.image[(slice(None), *window)], [(0, 0), *pad])
        labels = np.pad(self._mask(case)[tuple(window)], pad)
        return (image[:, 0], labels[0]) if self.slicewise else (image, labels)

    def _mask(self, case: StoredCase) -> np.ndarray:
        """One rater's mask, each as likely as any other, where several are stored."""
        if case.raters is None:
            return case.labels
        mask: np.ndarray = case.raters[self.rng.integers(len(case.raters))]
        return mask

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
