"""The shape of a network of ours, told by the names and shapes of its arrays."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

_STAGE = re.compile(r"encoder\.(\d+)\.(\d+)\.(?:(body|shortcut)\.)?(?:(\d+)\.)?([01])\.weight")


def shape_of(arrays: Mapping[str, Tensor]) -> dict[str, Any]:
    """Read what a plan says of its network from the arrays alone.

    Parameters
    ----------
    arrays : mapping of str to tensor
        By the names of `suffice.nets.UNet` or `suffice.nets.NnUNet`; parts may be missing.

    Returns
    -------
    dict
        ``ndim``, ``architecture``, ``encoder``, ``widths``, ``blocks``, and of the second also
        ``kernels``, ``strides`` and ``decoder_convs``. Empty where there is no encoder.
    """
    stages: dict[int, dict[int, set[int]]] = {}
    firsts: dict[int, Tensor] = {}
    is_residual = is_nested = False
    for name, array in arrays.items():
        match = _STAGE.fullmatch(name)
        if match is None:
            continue
        level, block = int(match[1]), int(match[2])
        is_residual |= match[3] is not None
        is_nested |= match[3] is None and match[4] is not None
        stages.setdefault(level, {}).setdefault(block, set()).add(int(match[4] or 0))
        if block == 0 and array.ndim > 2 and match[3] != "shortcut":
            firsts.setdefault(level, array)
    if not firsts:
        return {}
    n_levels = 1 + max(firsts)
    first = firsts[max(firsts)]
    lifts = [arrays.get(f"lifts.{level}.weight") for level in range(n_levels - 1)]
    is_nnunet = any(lift is not None and max(lift.shape[2:]) > 1 for lift in lifts)
    shape: dict[str, Any] = {
        "ndim": first.ndim - 2,
        "architecture": "nnunet" if is_nnunet else "unet",
        "encoder": "residual" if is_residual else "plain",
        "widths": tuple(_width(arrays, firsts, level) for level in range(n_levels)),
        "blocks": tuple(len(stages.get(level, {})) for level in range(n_levels)),
    }
    if is_nnunet:
        whole = [lift for lift in lifts if lift is not None]
        shape["kernels"] = tuple(tuple(firsts[level].shape[2:]) for level in range(n_levels))
        shape["strides"] = tuple(tuple(lift.shape[2:]) for lift in whole)
        shape["decoder_convs"] = tuple(
            sum(f"decoder.{level}.{k}.0.weight" in arrays for k in range(16))
            for level in range(n_levels - 1)
        )
    return shape


def _width(arrays: Mapping[str, Tensor], firsts: Mapping[int, Tensor], level: int) -> int:
    if level in firsts:
        return int(firsts[level].shape[0])
    # A level without blocks: the stem at full resolution, else what goes into the next one.
    stem = arrays.get("stem.0.weight")
    if level == 0 and stem is not None:
        return int(stem.shape[0])
    return int(firsts[min(n for n in firsts if n > level)].shape[1])
