"""Signs that a predicted mask is wrong, seen without the true one; larger is more doubtful."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from suffice.core import Image, LabelMap
from suffice.metrics import Overlap
from suffice.quality.likeness import Likeness
from suffice.quality.traits import case_traits

Doubts = dict[str, dict[str, float]]
"""For each label of the legend its doubts by name; none for a structure that the mask lacks."""

DOUBTS = MappingProxyType(
    {
        "unsure": "the model is unsure",
        "blurred": "its border is unsure",
        "unstable": "it changes with slight changes of brightness",
        "odd_size": "unusual size",
        "odd_outline": "unusual outline",
        "odd_brightness": "unusual brightness within",
        "pieces": "more pieces than usual",
        "odd_scan": "a scan unlike those learned from",
    }
)
"""Every doubt, in words."""

_TINY = 1e-6


def doubts_about(
    image: Image,
    mask: LabelMap,
    likeness: Likeness,
    *,
    probabilities: npt.NDArray[np.float16] | None = None,
    others: Sequence[LabelMap] = (),
) -> Doubts:
    """Gather what speaks against each structure of a predicted mask.

    Parameters
    ----------
    image : Image
    mask : LabelMap
        The predicted mask, on the image's grid.
    likeness : Likeness
        Of the cases that the model learned from.
    probabilities : float16 array of shape (K, *spatial), optional
        Of the background and each structure. Without them there is no ``unsure`` or ``blurred``.
    others : sequence of LabelMap
        What the model draws in slightly changed images. Without them there is no ``unstable``.

    Notes
    -----
    ``unsure`` is one minus the Dice between the mask and its own probabilities, which is what
    Dice to expect were these right and voxels independent. ``blurred`` is the thickness of the
    unsure rim: entropy of the structure's probability, summed, over the voxels at its border.
    ``unstable`` is one minus the mean Dice with the masks of changed images, as a test-time
    version of the agreement that tells quality in [1]_. Shape against that of training masks
    follows [2]_ in spirit: a mask may be sure and stable, and still no hippocampus.

    References
    ----------
    .. [1] Roy et al., NeuroImage 2019, https://doi.org/10.1016/j.neuroimage.2019.03.042
    .. [2] Valindria et al., IEEE TMI 2017, https://doi.org/10.1109/TMI.2017.2665165
    """
    odd = likeness.oddness(case_traits(image, mask))
    found: Doubts = {}
    for k, label in enumerate(mask.legend, start=1):
        inside = np.asarray(mask.array == label.value)
        if not inside.any():
            found[label.name] = {}
            continue
        mine = dict(odd[label.name])
        if probabilities is not None:
            mine |= _unsureness(inside, probabilities[k])
        if others:
            dices = [Overlap.of(inside, other.array == label.value).dice for other in others]
            mine["unstable"] = 1.0 - float(np.mean(dices))
        found[label.name] = {name: value for name, value in mine.items() if np.isfinite(value)}
    return found


def _unsureness(
    inside: npt.NDArray[np.bool_], probability: npt.NDArray[np.float16]
) -> dict[str, float]:
    p = probability.astype(np.float32)
    shared = float(p[inside].sum(dtype=np.float64))
    total = float(p.sum(dtype=np.float64)) + float(np.count_nonzero(inside))
    border = inside & ~ndimage.binary_erosion(inside)
    unsure = p[(p > _TINY) & (p < 1 - _TINY)].astype(np.float64)
    entropy = -(unsure * np.log2(unsure) + (1 - unsure) * np.log2(1 - unsure)).sum()
    return {
        "unsure": 1.0 - 2.0 * shared / total,
        "blurred": float(entropy) / float(np.count_nonzero(border)),
    }
