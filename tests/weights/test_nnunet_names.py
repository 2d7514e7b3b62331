"""A checkpoint in nnU-Net's names gives the numbers that its layers give when put together."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from suffice.nets import NnUNet
from suffice.weights import take
from suffice.weights.nnunet_names import is_nnunet, ours_of_nnunet


def conv_norm(n_in: int, n_out: int, *, bias: bool) -> dict[str, Tensor]:
    conv = nn.Conv2d(n_in, n_out, 3, bias=bias)
    arrays = {"conv.weight": conv.weight, "norm.weight": torch.rand(n_out) + 0.5}
    arrays["norm.bias"] = torch.randn(n_out)
    if bias:
        arrays["conv.bias"] = torch.randn(n_out)
    return {name: array.detach() for name, array in arrays.items()}


def put(into: dict[str, Tensor], prefix: str, arrays: dict[str, Tensor]) -> None:
    into.update({f"{prefix}.{name}": array for name, array in arrays.items()})
    into.update({f"{prefix}.all_modules.0.{name}": array for name, array in arrays.items()})


def run(arrays: dict[str, Tensor], prefix: str, x: Tensor, *, stride: int = 1, act: bool = True):
    weight = arrays[f"{prefix}.conv.weight"]
    bias = arrays.get(f"{prefix}.conv.bias")
    y = F.conv2d(x, weight, bias, stride=stride, padding=weight.shape[-1] // 2)
    y = F.instance_norm(
        y, weight=arrays[f"{prefix}.norm.weight"], bias=arrays[f"{prefix}.norm.bias"]
    )
    return F.leaky_relu(y, 0.01) if act else y


def decoder(arrays: dict[str, Tensor]) -> None:
    lift = nn.ConvTranspose2d(16, 8, 2, 2)
    head = nn.Conv2d(8, 3, 1)
    arrays["decoder.transpconvs.0.weight"] = lift.weight.detach()
    arrays["decoder.transpconvs.0.bias"] = lift.bias.detach()
    put(arrays, "decoder.stages.0.convs.0", conv_norm(16, 8, bias=True))
    arrays["decoder.seg_layers.0.weight"] = head.weight.detach()
    arrays["decoder.seg_layers.0.bias"] = head.bias.detach()


def run_decoder(arrays: dict[str, Tensor], skip: Tensor, bottom: Tensor) -> Tensor:
    lift, head = "decoder.transpconvs.0", "decoder.seg_layers.0"
    up = F.conv_transpose2d(bottom, arrays[f"{lift}.weight"], arrays[f"{lift}.bias"], stride=2)
    y = run(arrays, "decoder.stages.0.convs.0", torch.cat([up, skip], 1))
    return F.conv2d(y, arrays[f"{head}.weight"], arrays[f"{head}.bias"])


def ours(arrays: dict[str, Tensor], encoder: str) -> NnUNet:
    network = NnUNet(
        ndim=2,
        in_channels=2,
        n_classes=3,
        widths=(8, 16),
        strides=((2, 2),),
        kernels=((3, 3), (3, 3)),
        blocks=(1, 1),
        decoder_convs=(1,),
        encoder=encoder,
    )
    # As a checkpoint holds it: the encoder twice.
    twice = {f"decoder.{n}": a for n, a in arrays.items() if n.startswith("encoder.")}
    everything = {f"_orig_mod.{name}": array for name, array in {**arrays, **twice}.items()}
    assert is_nnunet(everything)
    account = take(network, ours_of_nnunet(everything))
    assert not account.new and not account.left and not account.adapted
    return network.eval()


def test_a_plain_encoder_gives_the_same_logits() -> None:
    torch.manual_seed(0)
    arrays: dict[str, Tensor] = {}
    put(arrays, "encoder.stages.0.0.convs.0", conv_norm(2, 8, bias=True))
    put(arrays, "encoder.stages.1.0.convs.0", conv_norm(8, 16, bias=True))
    decoder(arrays)
    x = torch.randn(2, 2, 16, 24)
    skip = run(arrays, "encoder.stages.0.0.convs.0", x)
    bottom = run(arrays, "encoder.stages.1.0.convs.0", skip, stride=2)
    with torch.no_grad():
        found = ours(arrays, "plain")(x)[0]
    torch.testing.assert_close(found, run_decoder(arrays, skip, bottom), atol=1e-5, rtol=0)


def test_a_residual_encoder_gives_the_same_logits() -> None:
    torch.manual_seed(1)
    arrays: dict[str, Tensor] = {}
    put(arrays, "encoder.stem.convs.0", conv_norm(2, 8, bias=True))
    for level, n_in, n_out in ((0, 8, 8), (1, 8, 16)):
        block = f"encoder.stages.{level}.blocks.0"
        put(arrays, f"{block}.conv1", conv_norm(n_in, n_out, bias=True))
        put(arrays, f"{block}.conv2", conv_norm(n_out, n_out, bias=True))
    skip_conv = conv_norm(8, 16, bias=False)
    skip_conv["conv.weight"] = skip_conv["conv.weight"][..., :1, :1]
    put(arrays, "encoder.stages.1.blocks.0.skip.1", skip_conv)
    decoder(arrays)
    x = torch.randn(1, 2, 16, 24)

    def block(name: str, x: Tensor, shortcut: Tensor, stride: int) -> Tensor:
        y = run(arrays, f"{name}.conv1", x, stride=stride)
        return F.leaky_relu(run(arrays, f"{name}.conv2", y, act=False) + shortcut, 0.01)

    stem = run(arrays, "encoder.stem.convs.0", x)
    skip = block("encoder.stages.0.blocks.0", stem, stem, 1)
    pooled = F.avg_pool2d(skip, 2, 2)
    name = "encoder.stages.1.blocks.0"
    bottom = block(name, skip, run(arrays, f"{name}.skip.1", pooled, act=False), 2)
    with torch.no_grad():
        found = ours(arrays, "residual")(x)[0]
    torch.testing.assert_close(found, run_decoder(arrays, skip, bottom), atol=1e-5, rtol=0)
