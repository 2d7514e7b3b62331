"""Run a network over a whole image in bounded memory."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypedDict, Unpack

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from suffice.core import Listener, ModelError, Progress, UsageError, silent
from suffice.training.resampling import Slab, most_probable, resample_slabs
from suffice.training.tiles import AxisTiles, plan_tiles

# Volumes in large patches are run in tiles of up to ten patches: fewer voxels are run twice, and
# each sees more around it. On phantoms of the chest and patches of 96 voxels Dice was 0.938 in
# tiles of a patch, 0.982 in tiles of three to ten that are wider than a patch along every axis;
# MONAI's and nnU-Net's half overlapping patches reach 0.959. Instance norm sees other statistics
# there, and with patches of 32 on the hippocampus, which a tile holds hardly more of, Dice fell
# by 1.4 points: small patches are kept.
LARGE_PATCH = 48
STRETCH = 10
# Of the map of the finest features of one tile in single precision; a few are held at once.
MAX_MAP_BYTES = 2**28
# Slices of a volume that are run at once.
SLICES_VOXELS = 2**20
LAYOUT = {4: torch.channels_last, 5: torch.channels_last_3d}
# Above this, sums of logits are kept in half precision.
MAX_SINGLE_BYTES = 2**30


class TilingOptions(TypedDict, total=False):
    """Options of `predict_probabilities` and `predict_labels`.

    Attributes
    ----------
    overlap : float, optional
        Of neighbouring tiles, at least, in patches; by default a sixth, but 16 voxels where that
        is more, up to a half.
    mirror_axes : sequence of int
        Spatial axes of a tile; logits are averaged over all flips of them.
    autocast : torch dtype, optional
        Precision of the convolutions.
    max_tile_voxels : int, optional
        Lets tiles grow beyond the patch where this saves overlap; by default to ten patches in
        volumes whose patches have at least 48 voxels along each axis, as far as a quarter of
        a gigabyte for each map of the finest features allows, else not.
    slicewise : bool
        Whether a network in two dimensions runs over the slices of ``(C, S, Y, X)``.
    listener : callable
        Is told the progress.
    """

    overlap: float | None
    mirror_axes: Sequence[int]
    autocast: torch.dtype | None
    max_tile_voxels: int | None
    slicewise: bool
    listener: Listener


def predict_probabilities(
    net: nn.Module,
    image: npt.NDArray[np.generic] | Tensor,
    *,
    patch_size: Sequence[int],
    divisible_by: Sequence[int],
    n_classes: int,
    device: torch.device,
    shape_out: Sequence[int] | None = None,
    **options: Unpack[TilingOptions],
) -> npt.NDArray[np.float16]:
    """Probability of each class in each voxel.

    Parameters
    ----------
    net : torch module
        In evaluation mode, on ``device``; gives logits, the finest first.
    image : array or tensor of shape (C, *spatial)
        Normalised as in training.
    patch_size, divisible_by : sequence of int
        The size that the network was trained with, and the steps in which a tile may grow beyond
        it: the product of the strides, so that each resolution keeps the parity it was trained
        with.
        Smaller images are padded to the patch with zeros, centred, as in training: instance norm
        sees the padding.
    n_classes : int
        With the background.
    device : torch device
    shape_out : sequence of int, optional
        Grid to resample the probabilities to, over the same space; by default the image's own.
    **options
        See `TilingOptions`.

    Returns
    -------
    float16 array of shape (n_classes, *spatial)

    Raises
    ------
    UsageError
        If the image and the patch differ in their number of axes.
    ModelError
        If the network gives another number of classes.
    """
    run = _TiledRun(net, patch_size, divisible_by, n_classes, device, **options)
    array = _as_array(image)
    shape = tuple(shape_out or array.shape[1:])
    out = np.empty((n_classes, *shape), np.float16)
    for place, probabilities in run.over(array, shape):
        out[(slice(None), *place)] = probabilities.cpu().numpy()
    return out


def predict_labels(
    net: nn.Module,
    image: npt.NDArray[np.generic] | Tensor,
    shape_out: Sequence[int] | None = None,
    *,
    patch_size: Sequence[int],
    divisible_by: Sequence[int],
    n_classes: int,
    device: torch.device,
    **options: Unpack[TilingOptions],
) -> npt.NDArray[np.uint8]:
    """Most probable class of each voxel, on a grid of ``shape_out`` voxels over the same space.

    Probabilities are resampled and compared slab by slab and never held for the whole image.
    Parameters are those of `predict_probabilities`.

    Returns
    -------
    uint8 array of shape ``shape_out``
    """
    run = _TiledRun(net, patch_size, divisible_by, n_classes, device, **options)
    array = _as_array(image)
    shape = tuple(shape_out or array.shape[1:])
    out = np.empty(shape, np.uint8)
    for place, probabilities in run.over(array, shape):
        out[place] = most_probable(probabilities).cpu().numpy()
    return out


def _as_array(image: npt.NDArray[np.generic] | Tensor) -> npt.NDArray[np.generic]:
    """Share the memory where possible: an image may be mapped from disk."""
    return image.float().cpu().numpy() if isinstance(image, Tensor) else image


@dataclass(frozen=True)
class _TiledRun:
    net: nn.Module
    patch_size: Sequence[int]
    divisible_by: Sequence[int]
    n_classes: int
    device: torch.device
    overlap: float | None = None
    mirror_axes: Sequence[int] = ()
    autocast: torch.dtype | None = None
    max_tile_voxels: int | None = None
    slicewise: bool = False
    listener: Listener = silent
    _last_constant: dict[tuple[float, ...], Tensor] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        if self.overlap is not None and not 0 <= self.overlap < 1:
            raise UsageError(
                "Tiles cannot overlap so far", got=self.overlap, expected="0 to below 1 patch"
            )

    def over(
        self, image: npt.NDArray[np.generic], shape_out: Sequence[int]
    ) -> Iterator[tuple[tuple[slice, ...], Tensor]]:
        """Give the place and the probabilities of slab after slab of the grid asked for."""
        shape = image.shape[1:]
        if len(shape) != len(self.patch_size) + self.slicewise:
            raise UsageError(
                "Image and patch differ in their number of axes",
                got=f"an image of {shape}",
                expected=f"one for patches of {tuple(self.patch_size)}",
            )
        axis = 0 if self.slicewise else int(np.argmax(shape))
        slabs = self._slices(image) if self.slicewise else self._volume(image, axis)
        for begin, end, probabilities in resample_slabs(slabs, axis, shape, shape_out):
            yield (*(slice(None),) * axis, slice(begin, end)), probabilities
            self.listener(Progress("predict", end / shape_out[axis]))

    def _volume(self, image: npt.NDArray[np.generic], axis: int) -> Iterator[Slab]:
        axes = self._plan(image.shape[1:])
        for begin, end, logits in self._blend(image[None], axes, axis):
            yield begin, end, torch.softmax(logits[0], dim=0)

    def _slices(self, image: npt.NDArray[np.generic]) -> Iterator[Slab]:
        """Run slices ``(C, S, Y, X)`` as a batch, many at once."""
        axes = self._plan(image.shape[2:])
        n_slices = image.shape[1]
        at_once = max(1, SLICES_VOXELS // math.prod(axis.tile for axis in axes))
        for begin in range(0, n_slices, at_once):
            end = min(begin + at_once, n_slices)
            batch = np.moveaxis(image[:, begin:end], 1, 0)
            parts = [logits.clone() for _, _, logits in self._blend(batch, axes, 0)]
            logits = torch.cat(parts, dim=2).movedim(0, 1)
            yield begin, end, torch.softmax(logits, dim=0)

    def _plan(self, shape: Sequence[int]) -> tuple[AxisTiles, ...]:
        return plan_tiles(
            shape,
            self.patch_size,
            self.divisible_by,
            overlap=self.overlap,
            max_voxels=self._max_voxels(),
        )

    def _max_voxels(self) -> int:
        if self.max_tile_voxels:
            return self.max_tile_voxels
        patch_voxels = math.prod(self.patch_size)
        if len(self.patch_size) != 3 or min(self.patch_size) < LARGE_PATCH:
            return patch_voxels
        # Finest first, as networks are written: the convolution that sees the image.
        first = next((m for m in self.net.modules() if isinstance(m, nn.Conv3d)), None)
        width = self.n_classes if first is None else first.out_channels
        return max(patch_voxels, min(STRETCH * patch_voxels, MAX_MAP_BYTES // (4 * width)))

    def _blend(
        self, batch: npt.NDArray[np.generic], axes: Sequence[AxisTiles], axis: int
    ) -> Iterator[Slab]:
        """Blend the logits of the tiles of ``(B, C, *spatial)``, layer by layer across ``axis``.

        Logits, as the mean of probabilities draws a border between tiles that disagree towards
        the unsure one. A slab ``(B, K, *spatial)`` is cut to the image, and overwritten once the
        next is asked for.
        """
        weights = [a.weights().to(self.device) for a in axes]
        along, dim = axes[axis], 2 + axis
        shape = [len(batch), self.n_classes, *(a.padded for a in axes)]
        shape[dim] = along.tile
        dtype = torch.float32 if 4 * math.prod(shape) <= MAX_SINGLE_BYTES else torch.float16
        sums = torch.zeros(shape, dtype=dtype, device=self.device)
        layers = [range(len(a.starts)) for a in axes]
        for layer, (start, stop) in enumerate(itertools.pairwise([*along.starts, along.padded])):
            layers[axis] = range(layer, layer + 1)
            for index in itertools.product(*layers):
                corner = [a.starts[i] for a, i in zip(axes, index, strict=True)]
                logits = self._tile(batch, axes, corner)
                shares = [w[i] for w, i in zip(weights, index, strict=True)]
                corner[axis] = 0
                _window(sums, corner, logits.shape[2:]).add_(_weighted(logits, shares))
            first, last = max(start - along.before, 0), min(stop - along.before, along.length)
            corner, size = [a.before for a in axes], [a.length for a in axes]
            corner[axis], size[axis] = first + along.before - start, last - first
            yield first, last, _window(sums, corner, size)
            left = along.tile - (stop - start)
            sums.narrow(dim, 0, left).copy_(sums.narrow(dim, stop - start, left).clone())
            sums.narrow(dim, left, along.tile - left).zero_()

    @torch.inference_mode()
    def _tile(
        self, batch: npt.NDArray[np.generic], axes: Sequence[AxisTiles], corner: Sequence[int]
    ) -> Tensor:
        """Logits ``(B, K, *tile)`` of the tile with this first voxel."""
        tile = _read_tile(batch, axes, corner).to(self.device)
        flat = tile.flatten(2)
        if not bool((flat == flat[..., :1]).all()):
            return self._mirrored(tile)
        # Air around the body: one value everywhere has one answer.
        key = tuple(flat[..., 0].flatten().tolist())
        if key not in self._last_constant:
            self._last_constant.clear()
            self._last_constant[key] = self._mirrored(tile)
        return self._last_constant[key]

    def _mirrored(self, tile: Tensor) -> Tensor:
        total = self._forward(tile)
        for n_axes in range(1, len(self.mirror_axes) + 1):
            for axes in itertools.combinations(self.mirror_axes, n_axes):
                dims = [2 + axis for axis in axes]
                total += self._forward(tile.flip(dims)).flip(dims)
        return total.div(1 << len(self.mirror_axes))

    def _forward(self, tile: Tensor) -> Tensor:
        kind, dtype = self.device.type, self.autocast
        with torch.autocast(kind, dtype, enabled=dtype is not None):
            logits: Tensor = self.net(_channels_last(tile))[0]
            if logits.shape[1] != self.n_classes:
                raise ModelError(
                    "The network gives another number of classes than its plan says",
                    got=logits.shape[1],
                    expected=self.n_classes,
                )
        return logits.float()


def _window(x: Tensor, corner: Sequence[int], size: Sequence[int]) -> Tensor:
    """View the part of ``(B, K, *spatial)`` with this first voxel and size."""
    for dim, (first, length) in enumerate(zip(corner, size, strict=True), start=2):
        x = x.narrow(dim, first, length)
    return x


def _read_tile(
    batch: npt.NDArray[np.generic], axes: Sequence[AxisTiles], corner: Sequence[int]
) -> Tensor:
    """Copy a tile of ``(B, C, *spatial)``, with zeros where it leaves the image."""
    tile = torch.zeros((*batch.shape[:2], *(a.tile for a in axes)))
    source, target = [slice(None)] * 2, [slice(None)] * 2
    for a, start in zip(axes, corner, strict=True):
        begin = max(start - a.before, 0)
        end = min(start - a.before + a.tile, a.length)
        source.append(slice(begin, end))
        target.append(slice(begin + a.before - start, end + a.before - start))
    tile[tuple(target)] = torch.from_numpy(batch[tuple(source)].astype(np.float32))
    return tile


def _channels_last(x: Tensor) -> Tensor:
    """Copy with channels innermost, also in the strides where there is but one channel."""
    return torch.empty(x.shape, device=x.device, memory_format=LAYOUT[x.ndim]).copy_(x)


def _weighted(logits: Tensor, shares: Sequence[Tensor]) -> Tensor:
    """Multiply ``(B, K, *tile)`` by the outer product of the shares along each axis."""
    for dim, share in enumerate(shares, start=2):
        if bool((share != 1).any()):
            rest = logits.ndim - 1 - dim
            logits = logits * share.view(-1, *(1,) * rest)
    return logits
