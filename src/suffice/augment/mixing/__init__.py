"""Two labelled patches become one: boxes, classes, objects and styles change places."""

from suffice.augment.mixing.background import Background, BackgroundDraw
from suffice.augment.mixing.carvemix import CarveMix, CarveMixDraw
from suffice.augment.mixing.classmix import ClassMix, ClassMixDraw
from suffice.augment.mixing.copy_paste import CopyPaste, CopyPasteDraw
from suffice.augment.mixing.cutmix import CutMix, CutMixDraw
from suffice.augment.mixing.fourier import FourierMix, FourierMixDraw
from suffice.augment.mixing.histogram import HistogramMatch, HistogramMatchDraw
from suffice.augment.mixing.interpolation import Interpolation, InterpolationDraw, between
from suffice.augment.mixing.pair import Mix, MixDraw, Pair
from suffice.augment.mixing.policy import MIXES, Mixing, mix_batch
from suffice.augment.mixing.registration import displacement, features, register

__all__ = [
    "MIXES",
    "Background",
    "BackgroundDraw",
    "CarveMix",
    "CarveMixDraw",
    "ClassMix",
    "ClassMixDraw",
    "CopyPaste",
    "CopyPasteDraw",
    "CutMix",
    "CutMixDraw",
    "FourierMix",
    "FourierMixDraw",
    "HistogramMatch",
    "HistogramMatchDraw",
    "Interpolation",
    "InterpolationDraw",
    "Mix",
    "MixDraw",
    "Mixing",
    "Pair",
    "between",
    "displacement",
    "features",
    "mix_batch",
    "register",
]
