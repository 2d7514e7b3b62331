"""Fit one array to a network of other axes, channels or kernels, where that keeps its meaning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

# Kernels at least this wide are shrunk as pictures are; of smaller ones the middle is taken.
WIDE = 5


@dataclass(frozen=True, kw_only=True)
class Rules:
    """How arrays that do not fit as they are may be adapted.

    Parameters
    ----------
    axis : int
        Spatial axis of the network along which weights in two dimensions are repeated.
    channels : {"sum", "mean"}
        For another number of input channels: whether equal images in all channels give the
        answer that they gave before ("sum"), or each new channel the mean of the old ones' weights.
    classes : mapping of int to int, optional
        For each class of the network that the source knows, the source's; the others' rows are
        new. By default the rows of the last layer are taken where their number is the same.
    """

    axis: int = -1
    channels: Literal["sum", "mean"] = "sum"
    classes: Mapping[int, int] | None = None


def reshaped(
    array: Tensor,
    shape: Sequence[int],
    rules: Rules,
    *,
    is_input: bool = False,
    is_transposed: bool = False,
) -> tuple[Tensor, str] | None:
    """Bring the weights of a convolution to another shape, or say that this has no sense.

    Parameters
    ----------
    array : tensor of shape (O, I, *kernel)
        Or ``(I, O, *kernel)`` where it ``is_transposed``.
    shape : sequence of int
    rules : Rules
    is_input : bool
        Whether the channels that go in are those of the scans.
    is_transposed : bool

    Returns
    -------
    (tensor of shape ``shape``, what was done), or None

    References
    ----------
    Carreira and Zisserman 2017, https://doi.org/10.1109/CVPR.2017.502 (inflation)

    Examples
    --------
    >>> weights, done = reshaped(torch.ones(8, 1, 3, 3), (8, 1, 3, 3, 3), Rules())
    >>> done, float(weights[0, 0, :, 0, 0].sum())
    ('2D to 3D', 1.0)
    """
    done: list[str] = []
    if array.ndim < 3 or array.ndim not in (len(shape) - 1, len(shape), len(shape) + 1):
        return None
    if array.ndim == len(shape) - 1:
        array = _inflated(array, shape, rules.axis, is_transposed)
        done.append("2D to 3D")
    elif array.ndim == len(shape) + 1:
        array = array.sum(2 + rules.axis % (array.ndim - 2))
        done.append("3D to 2D")
    if array.shape[2:] != tuple(shape[2:]):
        if is_transposed:
            return None
        done.append("x".join(map(str, array.shape[2:])) + " to " + "x".join(map(str, shape[2:])))
        array = _resized(array, shape[2:])
    if array.shape[1] != shape[1] and is_input:
        done.append(f"{array.shape[1]} to {shape[1]} channels")
        share = array.sum(1, keepdim=True)
        share = share / (shape[1] if rules.channels == "sum" else array.shape[1])
        array = share.repeat_interleave(shape[1], dim=1)
    if array.shape != tuple(shape):
        return None
    return array.contiguous(), ", ".join(done)


def _inflated(array: Tensor, shape: Sequence[int], axis: int, is_transposed: bool) -> Tensor:
    """Repeat a kernel along a new axis; the sum over it stays as it was."""
    place = 2 + axis % (len(shape) - 2)
    depth = shape[place]
    repeated = array.unsqueeze(place).repeat_interleave(depth, dim=place)
    # Each voxel takes one tap of a transposed convolution, and all taps of any other.
    return repeated if is_transposed else repeated / depth


def _resized(array: Tensor, size: Sequence[int]) -> Tensor:
    """Cut a kernel to its middle or lay zeros around it; a wide one is shrunk as a whole."""
    if min(array.shape[2:]) >= WIDE and all(
        new <= old for new, old in zip(size, array.shape[2:], strict=True)
    ):
        ratio = array[0, 0].numel() / torch.Size(size).numel()
        return F.interpolate(array, size=tuple(size), mode="area") * ratio
    for axis, new in enumerate(size, start=2):
        old = array.shape[axis]
        if new < old:
            array = array.narrow(axis, (old - new) // 2, new)
        elif new > old:
            before = (new - old) // 2
            pads = [0, 0] * (array.ndim - 1 - axis) + [before, new - old - before]
            array = F.pad(array, pads)
    return array
