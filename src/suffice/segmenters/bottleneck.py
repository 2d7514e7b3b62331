"""What a U-Net sees of a scan at its coarsest resolution."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from suffice.core import Image
from suffice.nets.unet import UNet
from suffice.segmenters.framing import prepare_scan
from suffice.segmenters.protocol import Segmenter
from suffice.segmenters.unet import UNetSegmenter
from suffice.training.machine import detect_machine, threads_on
from suffice.training.plan import Plan

FloatArray = npt.NDArray[np.float32]

# Slices that are run at once, in pixels.
_AT_ONCE = 2**20


def bottleneck_map(segmenter: Segmenter, image: Image) -> FloatArray | None:
    """Compute the encoder's coarsest features over a scan, on the axes of its file.

    Parameters
    ----------
    segmenter : Segmenter
    image : Image

    Returns
    -------
    float32 array of shape (D, *coarse), or None
        Over the same space as the scan; ``None`` for a model without such an encoder, and where
        its preparation leaves parts of the scan out.
    """
    if not isinstance(segmenter, UNetSegmenter) or not isinstance(segmenter.network_, UNet):
        return None
    plan, net = segmenter.plan_, segmenter.network_
    prepared, frame = prepare_scan(image, plan)
    if frame.cut != frame.whole:
        return None
    machine = detect_machine()
    device = torch.device(machine.accelerator)
    with threads_on(machine.n_cores):
        found = _encoded(net.to(device).eval(), prepared, plan, device)
    if plan.slice_axis is not None:
        found = np.moveaxis(found, 1, 1 + plan.slice_axis)
    return np.ascontiguousarray(frame.orientation.from_canonical(found))


def _encoded(net: UNet, prepared: FloatArray, plan: Plan, device: torch.device) -> FloatArray:
    """Encode an image patch by patch, without overlap: ``(C, *spatial)`` to ``(D, *coarse)``.

    Patches, as instance norm was trained on their statistics; they are rounded up to whole
    strides, so that the coarse voxels of neighbours meet.
    """
    batch = np.moveaxis(prepared, 1, 0) if plan.slice_axis is not None else prepared[None]
    shape, strides = batch.shape[2:], plan.divisible_by
    coarse = [math.ceil(p / s) for p, s in zip(plan.patch_size, strides, strict=True)]
    patch = [c * s for c, s in zip(coarse, strides, strict=True)]
    counts = [math.ceil(n / p) for n, p in zip(shape, patch, strict=True)]
    padding = [(0, c * p - n) for n, p, c in zip(shape, patch, counts, strict=True)]
    padded = np.pad(batch, [(0, 0), (0, 0), *padding])
    rows = max(1, _AT_ONCE // math.prod(patch))
    out: FloatArray | None = None
    for index in itertools.product(*map(range, counts)):
        place = _window(index, patch)
        for begin in range(0, len(padded), rows):
            tile = torch.from_numpy(padded[(slice(begin, begin + rows), slice(None), *place)])
            with torch.inference_mode():
                features = net.encode(tile.float().to(device))[-1].float().cpu().numpy()
            if out is None:
                width = features.shape[1]
                whole = [c * k for c, k in zip(counts, coarse, strict=True)]
                out = np.zeros((len(padded), width, *whole), np.float32)
            out[(slice(begin, begin + rows), slice(None), *_window(index, coarse))] = features
    kept = [math.ceil(n / s) for n, s in zip(shape, strides, strict=True)]
    place = (slice(None), slice(None), *(slice(0, n) for n in kept))
    cut: FloatArray = np.asarray(out)[place]
    return np.moveaxis(cut, 0, 1) if plan.slice_axis is not None else cut[0]


def _window(index: Sequence[int], size: Sequence[int]) -> tuple[slice, ...]:
    return tuple(slice(i * n, (i + 1) * n) for i, n in zip(index, size, strict=True))
