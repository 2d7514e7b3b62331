"""Run a network over an image as its plan wants it, and bring the result to the image's grid."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from suffice.core import Image, Listener, silent
from suffice.segmenters.framing import prepare_scan
from suffice.training.inference import predict_labels, predict_probabilities
from suffice.training.machine import Machine, autocast_dtype
from suffice.training.plan import Plan


def run_on_grid(
    network: nn.Module,
    image: Image,
    plan: Plan,
    *,
    machine: Machine,
    n_classes: int,
    probabilities: bool,
    mirror: bool = False,
    listener: Listener = silent,
) -> npt.NDArray[Any]:
    """Classes or their probabilities on the grid of an image.

    Parameters
    ----------
    network : nn.Module
        Gives a list with logits of ``n_classes``, the finest first.
    image : Image
    plan : Plan
        That the network was trained by.
    machine : Machine
    n_classes : int
    probabilities : bool
    mirror : bool
        Average over the mirrored images as well, where mirroring was trained.
    listener : callable

    Returns
    -------
    array of shape (*spatial,) or (n_classes, *spatial)
        uint8 classes, or float16 probabilities.
    """
    if plan.precision != "32-true":
        # Trained where one half precision is fast, used where it is another or none.
        plan = replace(plan, precision=machine.precision)
    device = torch.device(machine.accelerator)
    prepared, frame = prepare_scan(image, plan)
    shape_out = list(frame.cut)
    if plan.slice_axis is not None:
        shape_out.insert(0, shape_out.pop(plan.slice_axis))
    run: Any = predict_probabilities if probabilities else predict_labels
    out: npt.NDArray[Any] = run(
        network.to(device).eval(),
        prepared,
        shape_out=shape_out,
        patch_size=plan.patch_size,
        divisible_by=plan.divisible_by,
        n_classes=n_classes,
        device=device,
        mirror_axes=plan.flip_axes if mirror else (),
        autocast=autocast_dtype(plan.precision),
        slicewise=plan.slice_axis is not None,
        listener=listener,
    )
    if plan.slice_axis is not None:
        lead = out.ndim - len(shape_out)
        out = np.moveaxis(out, lead, lead + plan.slice_axis)
    return frame.place(out)
