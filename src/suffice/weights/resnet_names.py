"""The arrays of a ResNet-18 or -34 of torchvision, timm or SMP by the names of ours."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

_BLOCK = re.compile(r"layer([1-4])\.(\d+)\.(conv|bn)([12])\.(weight|bias)")
_SHORTCUT = re.compile(r"layer([1-4])\.(\d+)\.downsample\.([01])\.(weight|bias)")


def resnet_prefix(arrays: Mapping[str, Tensor]) -> str | None:
    """What stands before a ResNet's names, e.g. ``encoder.`` in SMP, or ``None`` for another."""
    key = "layer1.0.conv1.weight"
    found = [name for name in arrays if name.endswith(key)]
    return found[0].removesuffix(key) if found else None


def resnet_blocks(arrays: Mapping[str, Tensor]) -> tuple[int, ...] | None:
    """Blocks of our levels that take a ResNet of two convolutions a block; else ``None``."""
    prefix = resnet_prefix(arrays)
    names = [name.removeprefix(prefix or "") for name in arrays]
    if any(name.endswith("conv3.weight") for name in names if name.startswith("layer")):
        return None
    stages = [
        1 + max(int(m[2]) for m in map(_BLOCK.fullmatch, names) if m and m[1] == str(stage))
        for stage in range(1, 5)
    ]
    return (0, *stages)


def ours_of_resnet(arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give a ResNet the names of our residual U-Net's encoder.

    Its stem of 7x7, shrunk to 3x3, is ours at full resolution, its layers are the levels below.
    Batch norms become instance norms: their weights are taken, their running means are not.
    """
    prefix = resnet_prefix(arrays) or ""
    found = {}
    for name, array in arrays.items():
        inner = name.removeprefix(prefix)
        if (match := _BLOCK.fullmatch(inner)) is not None:
            part = "0" if match[3] == "conv" else "1"
            place = f"encoder.{match[1]}.{match[2]}.body.{int(match[4]) - 1}.{part}"
            found[f"{place}.{match[5]}"] = array
        elif (match := _SHORTCUT.fullmatch(inner)) is not None:
            found[f"encoder.{match[1]}.{match[2]}.shortcut.{match[3]}.{match[4]}"] = array
        elif inner in ("conv1.weight", "bn1.weight", "bn1.bias"):
            part = "0" if inner.startswith("conv") else "1"
            found[f"stem.{part}.{inner.rpartition('.')[2]}"] = array
    return found
