"""The rung of a U-Net and an atlas together."""

from __future__ import annotations

from typing import Any, ClassVar

from suffice.segmenters.atlas import AtlasSegmenter
from suffice.segmenters.atlasing import LEAST_DICE
from suffice.segmenters.partnered_unet import PartneredUNetSegmenter
from suffice.segmenters.searched import SearchedSegmenter

ATLAS = "atlas.zip"


class AtlasUNetSegmenter(PartneredUNetSegmenter):
    """A U-Net and the labelled scans as atlases; their probabilities are averaged.

    The model holds the labelled scans themselves, sampled down: whoever has the model has them.

    Parameters
    ----------
    plan, init, tuning, consistency
        As for `UNetSegmenter`.
    """

    rung: ClassVar[str] = "atlas-unet"
    own_names: ClassVar[tuple[str, ...]] = (ATLAS,)
    partner: ClassVar[type[SearchedSegmenter[Any]]] = AtlasSegmenter
    least_dice: ClassVar[float] = LEAST_DICE
