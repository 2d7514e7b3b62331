"""The arrays of MONAI's DynUNet and UNet by the names of ours."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

_RESIDUAL = re.compile(r"model\.(?:1\.submodule\.)*(?:0\.)?(conv\.unit([01])\.(.+)|residual\.(.+))")


def is_dynunet(arrays: Mapping[str, Tensor]) -> bool:
    """Whether names are those of a DynUNet without residual blocks."""
    return (
        "input_block.conv1.conv.weight" in arrays and "input_block.conv3.conv.weight" not in arrays
    )


def is_monai_unet(arrays: Mapping[str, Tensor]) -> bool:
    """Whether names are those of a UNet with residual units."""
    return "model.0.conv.unit0.conv.weight" in arrays


def ours_of_dynunet(arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give the arrays of a DynUNet the names of a plain `suffice.nets.NnUNet`: it is the same."""
    n_down = len({n.split(".")[1] for n in arrays if n.startswith("downsamples.")})
    stages = {"input_block": "encoder.0", "bottleneck": f"encoder.{n_down + 1}"}
    stages |= {f"downsamples.{i}": f"encoder.{i + 1}" for i in range(n_down)}
    for i in range(n_down + 1):
        stages[f"upsamples.{i}.conv_block"] = f"decoder.{n_down - i}"
    names = {"output_block.conv.conv": "heads.0"}
    for theirs, ours in stages.items():
        for part, place in (("conv", "0"), ("norm", "1")):
            for k in (0, 1):
                inner = ".conv" if part == "conv" else ""
                names[f"{theirs}.{part}{k + 1}{inner}"] = f"{ours}.{k}.{place}"
    for i in range(n_down + 1):
        names[f"upsamples.{i}.transp_conv.conv"] = f"lifts.{n_down - i}"
        names[f"deep_supervision_heads.{i}.conv.conv"] = f"heads.{i + 1}"
    found = {}
    for name, array in arrays.items():
        layer, _, kind = name.rpartition(".")
        if layer in names:
            found[f"{names[layer]}.{kind}"] = array
    for i in range(n_down + 1):
        # Ours add something after lifting, theirs seldom do.
        width = found[f"lifts.{i}.weight"].shape[1]
        found.setdefault(f"lifts.{i}.bias", torch.zeros(width))
    return found


def ours_of_monai_unet(arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give the encoder of a UNet with residual units the names of our residual U-Net.

    It halves the picture in its first unit, ours has a level before that. Its batch norms become
    instance norms, and its decoder is another one, which is left.
    """
    found = {}
    for name, array in arrays.items():
        match = _RESIDUAL.fullmatch(name)
        if match is None or ".2." in name:
            continue
        level = 1 + name.count("submodule.")
        block = f"encoder.{level}.0"
        if match[4] is not None:
            found[f"{block}.shortcut.0.{match[4]}"] = array
        elif match[3] in ("conv.weight", "adn.N.weight", "adn.N.bias"):
            part = "0" if match[3].startswith("conv") else "1"
            found[f"{block}.body.{match[2]}.{part}.{match[3].rpartition('.')[2]}"] = array
    # What its first unit does with the scan itself, ours does not: there a level comes before.
    scan_s = ("encoder.1.0.body.0.0.weight", "encoder.1.0.shortcut.0.weight")
    return {
        name: array
        for name, array in found.items()
        if name not in scan_s and not name.endswith("shortcut.0.bias")
    }
