"""Stain: how much dye the slide took up, in optical density."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from suffice.augment.transform import Chance, Patches, Transform

# Optical density of haematoxylin, eosin and DAB in red, green and blue, of unit length
# (Ruifrok and Johnston 2001, Anal Quant Cytol Histol 23:291).
HED = ((0.65, 0.70, 0.29), (0.07, 0.99, 0.11), (0.27, 0.57, 0.78))
# As dark as 8-bit pictures get.
DARKEST = 1 / 255


@dataclass(frozen=True, kw_only=True)
class Stain(Transform):
    """Change the amount of each stain in pictures of three channels.

    Parameters
    ----------
    gain : float
        Largest change of the factor of each stain, to either side of 1.
    offset : float
        Largest shift of the amount of each stain, in optical density.

    References
    ----------
    Tellez et al. 2018, doi 10.1109/TMI.2018.2820199.
    """

    gain: float = 0.2
    offset: float = 0.05
    family: ClassVar[str] = "stain"

    def sample(self, patches: Patches, chance: Chance) -> StainDraw | None:
        """Draw a factor and a shift for each stain; there are none without three channels."""
        if patches.n_channels != 3:
            return None
        gains = tuple(1 + chance.either_side(self.gain) for _ in range(3))
        return StainDraw(gains, tuple(chance.either_side(self.offset) for _ in range(3)))


@dataclass(frozen=True)
class StainDraw:
    """Factors and shifts of haematoxylin, eosin and DAB."""

    gains: tuple[float, ...]
    offsets: tuple[float, ...]

    def apply_(self, image: Tensor) -> Tensor:
        """Change an image ``(3, *spatial)``."""
        return restain(image, self.gains, self.offsets)


def restain(image: Tensor, gains: tuple[float, ...], offsets: tuple[float, ...]) -> Tensor:
    """Change the stains of a picture whose darkest and brightest value stand for 0 and 1.

    Normalised pictures have lost where black and white were; the range of the patch stands in.
    """
    low, high = torch.aminmax(image)
    span = (high - low).clamp_min(1e-6)
    density = ((image - low) / span).clamp_(DARKEST, 1).log_().neg_()
    stains = torch.tensor(HED, dtype=torch.float64)
    stains /= torch.linalg.vector_norm(stains, dim=1, keepdim=True)
    # Density is the sum of the stains: to their amounts, changed, and back in one matrix.
    change = torch.linalg.inv(stains) @ torch.diag(torch.tensor(gains).double()) @ stains
    shift = torch.tensor(offsets).double() @ stains
    changed: Tensor = change.T.to(image) @ density.flatten(1) + shift.to(image)[:, None]
    changed = changed.neg_().exp_().clamp_(0, 1).mul_(span).add_(low)
    return changed.view(image.shape)
