"""Patches of the unlabelled scans, each in a plain and in a changed view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from suffice.augment import Augmentation, Chance, Patches, augment_batch, change_intensity
from suffice.training.batches import PatchSampler
from suffice.training.store import StoredCase


@dataclass(frozen=True)
class Views:
    """The same patches twice, voxel upon voxel.

    Parameters
    ----------
    weak, strong : tensor of shape (N, C, *spatial)
        Moved alike; the intensities of the strong view are changed as well.
    """

    weak: Tensor
    strong: Tensor


class PoolFeed:
    """Draw patches of scans that nobody labelled.

    All random numbers come from the generator that is given with each draw, so that a training
    that was killed goes on alike without this feed being kept.

    Parameters
    ----------
    cases : sequence of StoredCase
        Their labels are not looked at.
    patch_size : tuple of int
    augmentation : Augmentation
    spacing : tuple of float
        Along each axis of a patch, in mm or, for pictures, ones.
    hounsfield : tuple of (float, float) or None
        See `suffice.augment.Patches`.
    """

    def __init__(
        self,
        cases: Sequence[StoredCase],
        *,
        patch_size: tuple[int, ...],
        augmentation: Augmentation,
        spacing: tuple[float, ...],
        hounsfield: tuple[tuple[float, float] | None, ...] = (),
    ) -> None:
        self.cases = cases
        self.patch_size = patch_size
        self.augmentation = augmentation
        self.spacing = spacing
        self.hounsfield = hounsfield

    def raw(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw ``n`` patches ``(n, C, *spatial)`` as they are, anywhere in any scan."""
        rng = np.random.default_rng(Chance(generator).seed())
        sampler = PatchSampler(
            self.cases, patch_size=self.patch_size, batch_size=n, foreground=0.0, rng=rng
        )
        return torch.stack(
            [sampler.read(sampler.place(int(i)))[0] for i in rng.integers(len(self.cases), size=n)]
        )

    def views(self, n: int, generator: torch.Generator, device: torch.device) -> Views:
        """Draw ``n`` patches in a weak and a strong view."""
        raw = self.raw(n, generator).to(device)
        nothing = torch.zeros((n, *self.patch_size), dtype=torch.uint8, device=device)
        moves = replace(self.augmentation, intensity=(), n_chosen=None)
        weak, _ = augment_batch(raw, nothing, 1, moves, self.spacing, generator, self.hounsfield)
        return Views(weak, self.strong(weak, generator))

    def strong(self, weak: Tensor, generator: torch.Generator) -> Tensor:
        """Change the intensities of patches once more, each with a draw of its own."""
        patches = Patches(
            size=self.patch_size,
            spacing=self.spacing,
            n_channels=weak.shape[1],
            hounsfield=self.hounsfield,
        )
        chance = Chance(generator)
        draws = [self.augmentation.sample(patches, chance).intensity for _ in weak]
        return torch.stack([change_intensity(x, d) for x, d in zip(weak, draws, strict=True)])
