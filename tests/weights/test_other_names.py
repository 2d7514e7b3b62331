"""Networks of MONAI and torchvision in our names: the same answers, or what is taken of them."""

import torch
from monai.networks.nets.dynunet import DynUNet
from monai.networks.nets.unet import UNet as MonaiUNet
from torch import Tensor

from suffice.nets import NnUNet, UNet
from suffice.weights import Rules, take
from suffice.weights.monai_names import (
    is_dynunet,
    is_monai_unet,
    ours_of_dynunet,
    ours_of_monai_unet,
)
from suffice.weights.resnet_names import ours_of_resnet, resnet_blocks, resnet_prefix
from suffice.weights.shapes import shape_of


def test_a_dynunet_gives_the_same_logits() -> None:
    torch.manual_seed(0)
    theirs = DynUNet(
        spatial_dims=2,
        in_channels=2,
        out_channels=3,
        kernel_size=[3, 3, 3],
        strides=[1, 2, 2],
        upsample_kernel_size=[2, 2],
        filters=[8, 16, 24],
    ).eval()
    arrays = theirs.state_dict()
    assert is_dynunet(arrays)
    ours = ours_of_dynunet(arrays)
    shape = shape_of(ours)
    assert (shape["widths"], shape["blocks"], shape["strides"]) == (
        (8, 16, 24),
        (2, 2, 2),
        ((2, 2), (2, 2)),
    )
    assert (shape["architecture"], shape["encoder"]) == ("nnunet", "plain")
    del shape["architecture"]
    network = NnUNet(in_channels=2, n_classes=3, **shape).eval()
    account = take(network, ours)
    assert account.share == 1.0
    x = torch.randn(1, 2, 32, 24)
    with torch.no_grad():
        torch.testing.assert_close(network(x)[0], theirs(x), atol=1e-4, rtol=0)


def test_the_encoder_of_a_monai_unet_is_taken() -> None:
    theirs = MonaiUNet(2, 1, 2, (8, 16, 32), (2, 2), num_res_units=2, norm="batch")
    arrays = theirs.state_dict()
    assert is_monai_unet(arrays)
    ours = ours_of_monai_unet(arrays)
    shape = shape_of(ours)
    assert shape["widths"] == (8, 8, 16, 32)
    assert shape["blocks"] == (0, 1, 1, 1)
    network = UNet(
        ndim=2,
        in_channels=1,
        n_classes=2,
        widths=shape["widths"],
        strides=((2, 2),) * 3,
        blocks=shape["blocks"],
    )
    account = take(network, ours, Rules(classes={}))
    inside = {name for name in network.state_dict() if ".body." in name}
    assert inside - {*account.taken, *account.adapted} == {"encoder.1.0.body.0.0.weight"}


def resnet(prefix: str) -> dict[str, Tensor]:
    """Names and shapes of torchvision's ResNet-18."""
    arrays = {"conv1.weight": torch.randn(64, 3, 7, 7), "fc.weight": torch.randn(10, 512)}
    for part in ("weight", "bias", "running_mean"):
        arrays[f"bn1.{part}"] = torch.rand(64)
    n_in = 64
    for stage, width in enumerate((64, 128, 256, 512), start=1):
        for block in range(2):
            place = f"layer{stage}.{block}"
            arrays[f"{place}.conv1.weight"] = torch.randn(width, n_in, 3, 3)
            arrays[f"{place}.conv2.weight"] = torch.randn(width, width, 3, 3)
            if n_in != width:
                arrays[f"{place}.downsample.0.weight"] = torch.randn(width, n_in, 1, 1)
                arrays[f"{place}.downsample.1.weight"] = torch.rand(width)
                arrays[f"{place}.downsample.1.bias"] = torch.rand(width)
            for norm in ("bn1", "bn2"):
                arrays[f"{place}.{norm}.weight"] = torch.rand(width)
                arrays[f"{place}.{norm}.bias"] = torch.rand(width)
            n_in = width
    return {f"{prefix}{name}": array for name, array in arrays.items()}


def test_a_resnet_becomes_our_encoder() -> None:
    arrays = resnet("encoder.")
    assert resnet_prefix(arrays) == "encoder."
    assert resnet_blocks(arrays) == (0, 2, 2, 2, 2)
    ours = ours_of_resnet(arrays)
    shape = shape_of(ours)
    assert shape["widths"] == (64, 64, 128, 256, 512)
    assert shape["blocks"] == (0, 2, 2, 2, 2)
    network = UNet(
        ndim=2,
        in_channels=1,
        n_classes=2,
        widths=shape["widths"],
        strides=((2, 2),) * 4,
        blocks=shape["blocks"],
    )
    account = take(network, ours)
    assert account.adapted == {"stem.0.weight": "7x7 to 3x3, 3 to 1 channels"}
    encoder = {n for n in network.state_dict() if n.startswith(("stem", "encoder"))}
    # Its first layer has no stride, and so no projection.
    missing = encoder - {*account.taken, *account.adapted}
    assert all(name.startswith("encoder.1.0.shortcut") for name in missing)
    assert not account.left
