"""CarveMix: a region about a structure of another patch, shaped by the structure itself."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from suffice.augment.mixing.pair import Mix, Pair, structures
from suffice.augment.mixing.region import carve, depth_mm
from suffice.augment.transform import Chance


@dataclass(frozen=True, kw_only=True)
class CarveMix(Mix):
    """Carve a structure, with some of what is around it or without its rim, out of the other.

    The region holds what has a signed distance, negative inside, of at most a threshold. As
    often as not the threshold lies between minus half of the structure's depth and 0, else
    between 0 and the depth.

    References
    ----------
    Zhang et al., MICCAI 2021, https://doi.org/10.1007/978-3-030-87193-2_19, arXiv 2108.06883
    """

    def sample(self, pair: Pair, chance: Chance) -> CarveMixDraw | None:
        """Draw a structure of the other patch and the threshold."""
        classes = pair.other_classes
        present = structures(classes)
        if not present:
            return None
        structure = present[chance.integer(len(present))]
        depth = depth_mm(classes == structure, pair.spacing)
        if not depth:
            return None
        is_smaller = chance.happens(0.5)
        threshold = chance.uniform(-depth / 2, 0) if is_smaller else chance.uniform(0, depth)
        return CarveMixDraw(structure, threshold)


@dataclass(frozen=True)
class CarveMixDraw:
    """Class of the structure, and the signed distance up to which is taken, in mm or pixels."""

    structure: int
    threshold: float

    def apply(self, pair: Pair) -> tuple[Tensor, Tensor]:
        """Return the mixed image and its labels."""
        is_structure = pair.other_classes == self.structure
        return pair.take(carve(is_structure, pair.spacing, self.threshold))
