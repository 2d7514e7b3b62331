"""Ways of mixing by name, and how often each is used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from suffice.augment.mixing.background import Background
from suffice.augment.mixing.carvemix import CarveMix
from suffice.augment.mixing.classmix import ClassMix
from suffice.augment.mixing.copy_paste import CopyPaste
from suffice.augment.mixing.cutmix import CutMix
from suffice.augment.mixing.fourier import FourierMix
from suffice.augment.mixing.histogram import HistogramMatch
from suffice.augment.mixing.interpolation import Interpolation
from suffice.augment.mixing.pair import Mix, Pair
from suffice.augment.transform import Chance, require_probability
from suffice.core import UsageError

MIXES: dict[str, Mix] = {
    "cutmix": CutMix(),
    "classmix": ClassMix(),
    "carvemix": CarveMix(),
    "copypaste": CopyPaste(),
    "background": Background(),
    "interpolation": Interpolation(),
    "histogram": HistogramMatch(),
    "fourier": FourierMix(),
}
"""Every way of mixing by name."""

# Published gains come with a half of the patches mixed.
ALL_TOGETHER = 0.5


@dataclass(frozen=True)
class Mixing:
    """How often a patch is mixed with another, and how: at most one way a patch.

    Parameters
    ----------
    names : tuple of str
        Of `MIXES`.
    probabilities : tuple of float
        One for each name; the rest of the patches stays as it is. By default the names share
        one half.

    Examples
    --------
    >>> Mixing(("cutmix", "carvemix")).probabilities
    (0.25, 0.25)
    """

    names: tuple[str, ...] = ()
    probabilities: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        unknown = [name for name in self.names if name not in MIXES]
        if unknown or len(set(self.names)) < len(self.names):
            raise UsageError(
                "Ways of mixing are named once each",
                got=", ".join(unknown or self.names),
                expected=", ".join(MIXES),
            )
        if not self.probabilities:
            each = (ALL_TOGETHER / len(self.names),) * len(self.names) if self.names else ()
            object.__setattr__(self, "probabilities", each)
        if len(self.probabilities) != len(self.names):
            raise UsageError(
                "Each way of mixing needs one probability",
                got=len(self.probabilities),
                expected=len(self.names),
            )
        for name, probability in zip(self.names, self.probabilities, strict=True):
            require_probability(name, probability)
        require_probability("mixing at all", round(sum(self.probabilities), 9))

    def choose(self, chance: Chance) -> Mix | None:
        """Draw how one patch is mixed; None leaves it as it is."""
        if not self.names:
            return None
        left = chance.uniform()
        for name, probability in zip(self.names, self.probabilities, strict=True):
            left -= probability
            if left < 0:
                return MIXES[name]
        return None


def mix_batch(
    images: Tensor,
    labels: Tensor,
    others: Tensor,
    other_labels: Tensor,
    mixing: Mixing,
    spacing: Sequence[float],
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Mix each patch of a batch with its partner, on the device where they lie.

    Parameters
    ----------
    images, others : tensor of shape (N, C, *spatial)
    labels, other_labels : tensor of shape (N, *spatial) or (N, K, *spatial)
        Classes as integers, or shares of classes.
    mixing : Mixing
    spacing : sequence of float
        Along each spatial axis, in mm or, for pictures, ones.
    generator : torch.Generator
        Of the CPU, so that draws do not depend on the device.

    Returns
    -------
    images, labels
        In the shape, type and place of those given, which stay as they are.
    """
    chance = Chance(generator)
    mixed = []
    for image, own, other, theirs in zip(images, labels, others, other_labels, strict=True):
        mix = mixing.choose(chance)
        pair = Pair(
            image=image, labels=own, other=other, other_labels=theirs, spacing=tuple(spacing)
        )
        draw = None if mix is None else mix.sample(pair, chance)
        mixed.append((image, own) if draw is None else draw.apply(pair))
    return torch.stack([image for image, _ in mixed]), torch.stack([own for _, own in mixed])
