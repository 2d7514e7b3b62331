"""The plain U-Net rung: as the U-Net, without shortcuts around the blocks of its encoder."""

from __future__ import annotations

from typing import ClassVar

from suffice.segmenters.unet import UNetSegmenter


class PlainUNetSegmenter(UNetSegmenter):
    """A U-Net as first published: two convolutions a level, no shortcuts around them.

    References
    ----------
    Ronneberger, Fischer and Brox 2015, https://doi.org/10.1007/978-3-319-24574-4_28
    """

    rung: ClassVar[str] = "unet-plain"
    encoder: ClassVar[str] = "plain"
