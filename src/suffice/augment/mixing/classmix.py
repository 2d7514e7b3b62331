"""ClassMix: half of the classes of another patch, in their own outlines."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from suffice.augment.mixing.pair import Mix, Pair, present
from suffice.augment.transform import Chance


@dataclass(frozen=True, kw_only=True)
class ClassMix(Mix):
    """Take half of the other patch's classes, the background being one, where they lie.

    References
    ----------
    Olsson et al., WACV 2021, https://doi.org/10.1109/WACV48630.2021.00141
    """

    def sample(self, pair: Pair, chance: Chance) -> ClassMixDraw | None:
        """Draw the classes; one class alone would be the whole patch."""
        classes = present(pair.other_classes)
        if len(classes) < 2:
            return None
        order = torch.randperm(len(classes), generator=chance.generator).tolist()
        chosen = (classes[i] for i in order[: len(classes) // 2])
        return ClassMixDraw(tuple(sorted(chosen)))


@dataclass(frozen=True)
class ClassMixDraw:
    """Classes that are taken."""

    classes: tuple[int, ...]

    def apply(self, pair: Pair) -> tuple[Tensor, Tensor]:
        """Return the mixed image and its labels."""
        classes = pair.other_classes
        return pair.take(torch.isin(classes, torch.tensor(self.classes, device=classes.device)))
