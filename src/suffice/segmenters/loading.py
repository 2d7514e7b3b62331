"""Read any saved model by the rung on its card."""

from __future__ import annotations

from pathlib import Path

from suffice.core import ModelError
from suffice.segmenters.card import read_card
from suffice.segmenters.protocol import Segmenter
from suffice.segmenters.unet import UNetSegmenter

RUNGS: dict[str, type[UNetSegmenter]] = {"unet": UNetSegmenter}


def load_segmenter(folder: Path) -> Segmenter:
    """Read a model folder.

    Raises
    ------
    ModelError
        If the folder is no model, damaged, or of a rung that this version does not know.
    """
    rung = read_card(folder).rung
    if rung not in RUNGS:
        raise ModelError(
            f"'{folder}' holds a model of an unknown kind",
            got=rung,
            expected=", ".join(RUNGS),
            cure="Use the version of suffice that trained it.",
        )
    return RUNGS[rung].load(folder)
