"""Where each voxel of the output reads: worked out once, then read by the image and its labels."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

MIXED = 255
SLAB_VOXELS = 2**17


class Lookup:
    """Linear interpolation at given places; what lies outside reads 0.

    Parameters
    ----------
    coordinates : tensor of shape (D, *output)
        For each voxel of the output its place in the input, in voxels of the input. It is written
        over.
    size : sequence of int
        Voxels of the input along each of its D axes.

    Notes
    -----
    A volume is read as two pictures, the planes before and after each place, whose rows lie one
    plane below the other in one tall picture: torch reads pictures many voxels at a time, and
    volumes one by one, which takes three times as long. Places along the rows are exact to a
    thousandth of a voxel.
    """

    def __init__(self, coordinates: Tensor, size: Sequence[int]) -> None:
        self.size = tuple(int(n) for n in size)
        self.shape = tuple(coordinates.shape[1:])
        # Everything beyond the margin of one voxel reads 0 anyhow.
        for places, n in zip(coordinates, self.size, strict=True):
            places.clamp_(-1, n)
        self.coordinates = coordinates

    def image(self, image: Tensor) -> Tensor:
        """Read an image ``(C, *size)`` linearly; returns ``(C, *output)``."""
        if len(self.size) == 2:
            rows, columns = self.coordinates
            grid = _grid(rows, columns, (self.size[0], self.size[1]))
            return F.grid_sample(image[None], grid, align_corners=False)[0]
        out = image.new_empty((len(image), *self.shape))
        padded = F.pad(image, (0, 0, 1, 1, 1, 2))
        tall = ((self.size[0] + 2) * (self.size[1] + 2), self.size[2])
        strides = (0, padded.stride(1), self.size[2], 1)
        for (planes, rows, columns), part in zip(
            self._slabs(self.coordinates), self._slabs(out), strict=True
        ):
            plane = planes.floor()
            after = planes - plane
            grid = _grid(plane.add_(1).mul_(self.size[1] + 2).add_(rows).add_(1), columns, tall)
            for channel, read in zip(padded, part, strict=True):
                pair = channel.as_strided((1, 2, *tall), strides, channel.storage_offset())
                two = F.grid_sample(pair, grid, align_corners=False)[0].view(2, *read.shape)
                torch.lerp(two[0], two[1], after, out=read)
        return out

    def shares(self, labels: Tensor, n_classes: int, dtype: torch.dtype) -> Tensor:
        """Read labels ``(*size)`` as linearly interpolated shares of classes.

        Where all neighbours of a place have one label, that label is read once. Only on borders
        the neighbours are weighed, so that many classes cost little more than one.

        Returns
        -------
        tensor of shape (n_classes, *output)
            Sums to 1 over the classes.
        """
        labels = labels.to(torch.uint8) if n_classes <= MIXED else labels.long()
        padded = F.pad(labels, (1, 2) * labels.ndim)
        cells = _uniform_cells(padded).flatten()
        out = torch.empty((n_classes, *self.shape), dtype=dtype, device=labels.device)
        is_mixed = torch.empty((1, *self.shape), dtype=torch.bool, device=labels.device)
        slabs = map(self._slabs, (self.coordinates, out, is_mixed))
        for places, part, mixed in zip(*slabs, strict=True):
            label = cells.index_select(0, self._cell(places)).view(mixed.shape[1:])
            for value, share in enumerate(part):
                torch.eq(label, value, out=share)
            torch.eq(label, MIXED if n_classes <= MIXED else -1, out=mixed[0])
        borders = is_mixed.flatten().nonzero()[:, 0]
        _weigh_neighbours(out.flatten(1), self.coordinates, padded, borders)
        return out

    def _slabs(self, array: Tensor) -> Sequence[Tensor]:
        """Split ``(n, *output)`` so that what is in between stays in the processor's cache."""
        planes = self.shape[0]
        if array.device.type == "cpu":
            planes = max(1, SLAB_VOXELS // math.prod(self.shape[1:]))
        return torch.split(array, planes, dim=1)

    def _cell(self, coordinates: Tensor) -> Tensor:
        """Index of the cell between neighbours that each place lies in."""
        cell = torch.zeros((), dtype=torch.int32, device=coordinates.device)
        for places, n in zip(coordinates, self.size, strict=True):
            # Places begin at -1, so that cutting off what follows the point rounds down.
            cell = (places + 1).int().add_(cell * (n + 2))
        return cell.flatten()


def _weigh_neighbours(shares: Tensor, coordinates: Tensor, padded: Tensor, borders: Tensor) -> None:
    """Add to ``shares`` of the voxels ``borders`` what the labels around their places weigh."""
    places = [axis.flatten().index_select(0, borders) + 1 for axis in coordinates]
    first = [place.long() for place in places]
    after = [place - lower for place, lower in zip(places, first, strict=True)]
    strides = [math.prod(padded.shape[axis + 1 :]) for axis in range(padded.ndim)]
    flat, known = padded.flatten(), shares.view(-1)
    start = sum(lower * step for lower, step in zip(first, strides, strict=True))
    for corner in itertools.product((0, 1), repeat=len(places)):
        offset = sum(side * step for side, step in zip(corner, strides, strict=True))
        label = flat.index_select(0, start + offset).long()
        parts = [a if side else 1 - a for side, a in zip(corner, after, strict=True)]
        weight = math.prod(parts[1:], start=parts[0])
        known.scatter_add_(0, label * shares.shape[1] + borders, weight)


def whole_shares(labels: Tensor, n_classes: int, dtype: torch.dtype) -> Tensor:
    """Shares of 0 and 1, ``(n_classes, *labels)``; labels of no class have none."""
    shares = torch.empty((n_classes, *labels.shape), dtype=dtype, device=labels.device)
    for value, share in enumerate(shares):
        torch.eq(labels, value, out=share)
    return shares


def _grid(rows: Tensor, columns: Tensor, size: tuple[int, int]) -> Tensor:
    """Places in voxels to those between -1 and 1 that torch wants, columns first."""
    grid = torch.empty((*rows.shape, 2), dtype=rows.dtype, device=rows.device)
    for places, n, out in ((columns, size[1], grid[..., 0]), (rows, size[0], grid[..., 1])):
        torch.mul(places, 2 / n, out=out).add_(1 / n - 1)
    return grid.view(1, -1, rows.shape[-1], 2)


def _uniform_cells(padded: Tensor) -> Tensor:
    """The label that all corners of a cell share, `MIXED` (or -1) where they differ."""
    low = high = padded
    for axis in range(padded.ndim):
        n = padded.shape[axis] - 1
        low = torch.minimum(low.narrow(axis, 0, n), low.narrow(axis, 1, n))
        high = torch.maximum(high.narrow(axis, 0, n), high.narrow(axis, 1, n))
    # All bits set are `MIXED` and -1.
    return (low != high).to(padded.dtype).neg_().bitwise_or_(low)
