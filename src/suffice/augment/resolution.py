"""Low resolution: thicker slices or coarser voxels, interpolated back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor
from torch.nn import functional as F

from suffice.augment.transform import Chance, Patches, Transform, require_probability

INTERPOLATION = {2: "bilinear", 3: "trilinear"}


@dataclass(frozen=True, kw_only=True)
class LowResolution(Transform):
    """Take voxels away and interpolate what is left.

    Parameters
    ----------
    largest : float
        Largest reduction: 2 halves the resolution.
    one_axis : float
        Part of the patches where only one axis, any of them, becomes coarser, as the slices of a
        stack do; on the others all do.
    """

    largest: float = 2.0
    one_axis: float = 0.0
    family: ClassVar[str] = "resolution"

    def __post_init__(self) -> None:
        super().__post_init__()
        require_probability("a single coarse axis", self.one_axis)

    def sample(self, patches: Patches, chance: Chance) -> LowResolutionDraw:
        """Draw a factor for each axis."""
        factor = chance.uniform(1, self.largest)
        if not chance.happens(self.one_axis):
            return LowResolutionDraw((factor,) * patches.ndim)
        chosen = chance.integer(patches.ndim)
        return LowResolutionDraw(
            tuple(factor if axis == chosen else 1.0 for axis in range(patches.ndim))
        )


@dataclass(frozen=True)
class LowResolutionDraw:
    """Reduction along each axis."""

    factors: tuple[float, ...]

    def apply_(self, image: Tensor) -> Tensor:
        """Blur an image ``(C, *spatial)``."""
        size = tuple(image.shape[1:])
        small = tuple(
            max(1, round(n / factor)) for n, factor in zip(size, self.factors, strict=True)
        )
        if small == size:
            return image
        mode = INTERPOLATION[len(size)]
        coarse = F.interpolate(image[None], small, mode=mode)
        return F.interpolate(coarse, size, mode=mode)[0]
