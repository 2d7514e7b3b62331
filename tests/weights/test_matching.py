"""What fits is taken, what nearly fits is adapted so that it means the same, the rest is told."""

import pytest
import torch
from torch import nn

from suffice.core import ModelError
from suffice.nets import UNet
from suffice.weights import Rules, take
from suffice.weights.adapting import reshaped


def network(ndim: int = 2, in_channels: int = 1, n_classes: int = 2, seed: int = 0) -> UNet:
    torch.manual_seed(seed)
    return UNet(
        ndim=ndim,
        in_channels=in_channels,
        n_classes=n_classes,
        widths=(8, 16),
        strides=((2,) * ndim,),
        blocks=(1, 1),
    ).eval()


def test_the_same_network_behind_a_prefix_is_taken_whole() -> None:
    source, target = network(seed=1), network(seed=2)
    arrays = {f"module.net.{name}": array for name, array in source.state_dict().items()}
    account = take(target, arrays)
    assert account.share == 1.0
    assert not account.new
    assert not account.left
    assert "100.0 % of the network's parameters" in str(account)
    x = torch.randn(1, 1, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(source(x)[0], target(x)[0])


def test_a_kernel_in_depth_answers_alike_where_all_slices_are_equal() -> None:
    flat = nn.Conv2d(3, 4, 3)
    deep = nn.Conv3d(3, 4, 3)
    fitted = reshaped(flat.weight.detach(), deep.weight.shape, Rules(axis=2))
    assert fitted is not None
    deep.load_state_dict({"weight": fitted[0], "bias": flat.bias.detach()})
    x = torch.randn(1, 3, 9, 9)
    with torch.no_grad():
        found = deep(x[..., None].expand(-1, -1, -1, -1, 5))
        torch.testing.assert_close(found, flat(x)[..., None].expand_as(found))
    back = reshaped(fitted[0], flat.weight.shape, Rules(axis=2))
    assert back is not None
    torch.testing.assert_close(back[0], flat.weight.detach())


def test_a_transposed_kernel_in_depth_answers_alike() -> None:
    flat, deep = nn.ConvTranspose2d(4, 3, 2, 2), nn.ConvTranspose3d(4, 3, 2, 2)
    weight = flat.weight.detach()
    fitted = reshaped(weight, deep.weight.shape, Rules(axis=0), is_transposed=True)
    assert fitted is not None
    deep.load_state_dict({"weight": fitted[0], "bias": flat.bias.detach()})
    x = torch.randn(1, 4, 5, 5)
    with torch.no_grad():
        found = deep(x[:, :, None].expand(-1, -1, 3, -1, -1))
        torch.testing.assert_close(found, flat(x)[:, :, None].expand_as(found))


@pytest.mark.parametrize(("n_old", "n_new"), [(3, 1), (1, 3), (3, 4), (4, 2)])
def test_other_channels_answer_alike_where_all_show_the_same(n_old: int, n_new: int) -> None:
    weight = torch.randn(8, n_old, 3, 3)
    fitted = reshaped(weight, (8, n_new, 3, 3), Rules(), is_input=True)
    assert fitted is not None
    x = torch.randn(1, 1, 7, 7)
    old = nn.functional.conv2d(x.expand(-1, n_old, -1, -1), weight)
    new = nn.functional.conv2d(x.expand(-1, n_new, -1, -1), fitted[0])
    torch.testing.assert_close(old, new, atol=1e-5, rtol=1e-5)
    mean = reshaped(weight, (8, n_new, 3, 3), Rules(channels="mean"), is_input=True)
    assert mean is not None
    torch.testing.assert_close(mean[0][:, 0], weight.mean(1))
    assert reshaped(weight, (8, n_new, 3, 3), Rules()) is None


def test_a_wide_kernel_keeps_its_sum_and_a_small_one_its_middle() -> None:
    wide = torch.rand(4, 2, 7, 7)
    fitted = reshaped(wide, (4, 2, 3, 3), Rules())
    assert fitted is not None
    torch.testing.assert_close(fitted[0].sum((2, 3)), wide.sum((2, 3)), rtol=0.3, atol=0)
    small = torch.rand(4, 2, 3, 3)
    middle = reshaped(small, (4, 2, 1, 1), Rules())
    assert middle is not None
    torch.testing.assert_close(middle[0][..., 0, 0], small[:, :, 1, 1])
    again = reshaped(middle[0], (4, 2, 3, 3), Rules())
    assert again is not None
    torch.testing.assert_close(again[0].sum((2, 3)), small[:, :, 1, 1])


def test_classes_are_taken_by_their_rows() -> None:
    source, target = network(n_classes=4, seed=1), network(n_classes=3, seed=2)
    fresh = target.state_dict()["heads.0.weight"].clone()
    account = take(target, source.state_dict(), Rules(classes={0: 0, 2: 3}))
    rows, theirs = target.state_dict()["heads.0.weight"], source.state_dict()["heads.0.weight"]
    torch.testing.assert_close(rows[[0, 2]], theirs[[0, 3]])
    torch.testing.assert_close(rows[1], fresh[1])
    assert account.adapted["heads.0.weight"] == "rows of 2 of 3 classes"


def test_without_known_classes_the_last_layer_is_new() -> None:
    source, target = network(seed=1), network(seed=2)
    account = take(target, source.state_dict(), Rules(classes={}))
    assert account.new == ("heads.0.weight", "heads.0.bias")
    assert "New: heads.0" in str(account)
    assert account.left == ("heads.0.weight", "heads.0.bias")


def test_from_two_dimensions_to_three() -> None:
    account = take(network(3, in_channels=2), network(2, seed=1).state_dict())
    assert not account.new
    assert account.adapted["stem.0.weight"] == "2D to 3D, 1 to 2 channels"


def test_another_network_is_refused() -> None:
    arrays = {f"transformer.{i}.weight": torch.ones(8, 8) for i in range(4)}
    with pytest.raises(ModelError, match=r"another network.*0\.0 %"):
        take(network(), arrays)
