"""Models behind one protocol: fit, predict, save, load."""

from suffice.segmenters.ladder import RUNGS, load_segmenter, rung_named
from suffice.segmenters.protocol import Prediction, Segmenter
from suffice.segmenters.unet import UNetSegmenter

__all__ = ["RUNGS", "Prediction", "Segmenter", "UNetSegmenter", "load_segmenter", "rung_named"]
