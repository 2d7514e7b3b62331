"""Background replacement: the structures of one patch before the background of another."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from suffice.augment.mixing.blending import feathered, matched
from suffice.augment.mixing.pair import Mix, Pair, structures
from suffice.augment.transform import Chance


@dataclass(frozen=True, kw_only=True)
class Background(Mix):
    """Take the other patch's background, its intensities matched, and keep all structures.

    Where the other patch has a structure of its own the patch stays as it is: a structure
    without its label would be learned as background.

    Parameters
    ----------
    feather : int
        Width in voxels over which the new background fades in.
    match : bool
        Whether mean and spread of the new background become those of the old one.

    References
    ----------
    Dwibedi, Misra and Hebert, ICCV 2017, https://doi.org/10.1109/ICCV.2017.146, paste objects
    before other scenes; matching the intensities and keeping the other's structures out is ours.
    """

    feather: int = 2
    match: bool = True

    def sample(self, pair: Pair, chance: Chance) -> BackgroundDraw | None:
        """There is nothing to draw; without a structure there is no foreground."""
        return BackgroundDraw(self.feather, self.match) if structures(pair.classes) else None


@dataclass(frozen=True)
class BackgroundDraw:
    """Width of the border in voxels, and whether intensities are matched."""

    feather: int
    match: bool

    def apply(self, pair: Pair) -> tuple[Tensor, Tensor]:
        """Return the mixed image; the labels are the patch's own."""
        empty = (pair.classes == 0) & (pair.other_classes == 0)
        other = matched(pair.other, pair.image, empty, empty) if self.match else pair.other
        image, _ = pair.take(feathered(empty, self.feather), image=other)
        return image, pair.labels.clone()
