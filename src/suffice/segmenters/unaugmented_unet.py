"""A U-Net that sees its patches as they are, to tell what augmentation is worth."""

from __future__ import annotations

from dataclasses import replace

from suffice.segmenters.unet import UNetSegmenter
from suffice.training.plan import Plan


class UnaugmentedUNetSegmenter(UNetSegmenter):
    """The U-Net that would be planned, trained without augmentation or mixing.

    What it leaves is a model of the rung ``unet``, and is saved and loaded as one.
    """

    def _kind(self) -> str:
        return f"{super()._kind()} without augmentation"

    def _adapted(self, plan: Plan) -> Plan:
        return replace(
            plan,
            augmentation="none",
            augmentation_without=(),
            mixing=(),
            mixing_probabilities=(),
            # Nor may a prediction be averaged over mirrored scans, which it has not learned from.
            flip_axes=(),
        )
