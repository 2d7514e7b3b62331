"""What the tests of augmentation share."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from suffice.augment import Chance, Patches


@pytest.fixture
def chance() -> Callable[[int], Chance]:
    """Make the same chance for the same seed."""
    return lambda seed=0: Chance(torch.Generator().manual_seed(seed))


@pytest.fixture
def patches_of() -> Callable[[torch.Tensor], Patches]:
    """Describe patches like an image: unequal spacing, the first channel in HU."""

    def describe(image: torch.Tensor) -> Patches:
        return Patches(
            size=tuple(image.shape[1:]),
            spacing=(1.0, 0.5, 2.0)[: image.ndim - 1],
            n_channels=image.shape[0],
            hounsfield=((-20.0, 180.0), *(None,) * (image.shape[0] - 1)),
        )

    return describe
