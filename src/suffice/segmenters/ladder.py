"""Every kind of model by name, the cheapest first, and any saved model by its card."""

from __future__ import annotations

from pathlib import Path

from suffice.core import ModelError, UsageError
from suffice.segmenters.atlas import AtlasSegmenter
from suffice.segmenters.atlas_unet import AtlasUNetSegmenter
from suffice.segmenters.card import read_card
from suffice.segmenters.clusters import ClusterSegmenter
from suffice.segmenters.energy import TotalVariationSegmenter
from suffice.segmenters.forest import ForestSegmenter
from suffice.segmenters.plain_unet import PlainUNetSegmenter
from suffice.segmenters.pretrained import PretrainedUNet
from suffice.segmenters.prob_unet import ProbUNetSegmenter
from suffice.segmenters.protocol import Segmenter
from suffice.segmenters.random_walker import RandomWalkerSegmenter
from suffice.segmenters.template import TemplateSegmenter
from suffice.segmenters.template_unet import TemplateUNetSegmenter
from suffice.segmenters.threshold import ThresholdSegmenter
from suffice.segmenters.unet import UNetSegmenter
from suffice.segmenters.vae import VAESegmenter
from suffice.segmenters.watershed import WatershedSegmenter
from suffice.segmenters.yolo import YoloSegmenter

RUNGS: dict[str, type[Segmenter]] = {
    "clusters": ClusterSegmenter,
    "threshold": ThresholdSegmenter,
    "watershed": WatershedSegmenter,
    "random-walker": RandomWalkerSegmenter,
    "total-variation": TotalVariationSegmenter,
    "forest": ForestSegmenter,
    "template": TemplateSegmenter,
    "atlas": AtlasSegmenter,
    "vae": VAESegmenter,
    "yolo": YoloSegmenter,
    "unet-plain": PlainUNetSegmenter,
    "unet": UNetSegmenter,
    "template-unet": TemplateUNetSegmenter,
    "atlas-unet": AtlasUNetSegmenter,
    "prob_unet": ProbUNetSegmenter,
}
"""The ladder: a class for each kind of model, from the cheapest to the dearest."""


def rung_named(name: str) -> type[Segmenter]:
    """Return the class of a kind of model.

    Raises
    ------
    UsageError
        If no kind has this name.
    """
    if name not in RUNGS:
        raise UsageError("There is no such kind of model", got=name, expected=", ".join(RUNGS))
    return RUNGS[name]


def load_segmenter(folder: Path) -> Segmenter:
    """Read a model folder.

    Raises
    ------
    ModelError
        If the folder is no model, damaged, or of a rung that this version does not know or that
        cannot segment.
    """
    rung = read_card(folder).rung
    if rung == PretrainedUNet.rung:
        return PretrainedUNet.load(folder)
    if rung not in RUNGS:
        raise ModelError(
            f"'{folder}' holds a model of an unknown kind",
            got=rung,
            expected=", ".join(RUNGS),
            cure="Use the version of suffice that trained it.",
        )
    return RUNGS[rung].load(folder)
