"""Models behind one protocol: fit, predict, save, load."""

from suffice.segmenters.loading import load_segmenter
from suffice.segmenters.protocol import Prediction, Segmenter
from suffice.segmenters.unet import UNetSegmenter

__all__ = ["Prediction", "Segmenter", "UNetSegmenter", "load_segmenter"]
