"""Where each voxel of the output reads: worked out once, then read by the image and its labels."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

MIXED = 255


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
        self._grid, self._part = self._picture() if len(self.size) == 2 else self._tall_picture()

    @property
    def _tall(self) -> tuple[int, int]:
        """Rows and columns of the planes below each other, each with a margin of one row."""
        return (self.size[0] + 2) * (self.size[1] + 2), self.size[2]

    def _picture(self) -> tuple[Tensor, Tensor]:
        rows, columns = self.coordinates
        return _grid(rows, columns, self.size), torch.zeros(())

    def _tall_picture(self) -> tuple[Tensor, Tensor]:
        planes, rows, columns = self.coordinates
        plane = planes.floor()
        part = planes - plane
        row = plane.add_(1).mul_(self.size[1] + 2).add_(rows).add_(1)
        return _grid(row, columns, self._tall), part

    def image(self, image: Tensor) -> Tensor:
        """Read an image ``(C, *size)`` linearly; returns ``(C, *output)``."""
        if len(self.size) == 2:
            return F.grid_sample(image[None], self._grid, align_corners=False)[0]
        return torch.stack([self._volume(channel) for channel in image])

    def _volume(self, volume: Tensor) -> Tensor:
        padded = F.pad(volume, (0, 0, 1, 1, 1, 2))
        step = padded.stride(0)
        n_columns = volume.shape[-1]
        pair = padded.as_strided((1, 2, *self._tall), (0, step, n_columns, 1))
        before, after = F.grid_sample(pair, self._grid, align_corners=False)[0].unbind()
        return torch.lerp(before.view(self.shape), after.view(self.shape), self._part)

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
        key = _uniform_cells(padded).flatten().index_select(0, self._cell())
        shares = whole_shares(key, n_classes, dtype)
        borders = (key == (MIXED if n_classes <= MIXED else -1)).nonzero()[:, 0]
        if len(borders) > 0:
            self._weigh_neighbours(shares, padded, borders)
        return shares.view(n_classes, *self.shape)

    def _cell(self) -> Tensor:
        """Index of the cell between neighbours that each place lies in."""
        cell = torch.zeros((), dtype=torch.int32, device=self.coordinates.device)
        for places, n in zip(self.coordinates, self.size, strict=True):
            # Places begin at -1, so that cutting off what follows the point rounds down.
            cell = (places + 1).int().add_(cell * (n + 2))
        return cell.flatten()

    def _weigh_neighbours(self, shares: Tensor, padded: Tensor, borders: Tensor) -> None:
        places = [axis.flatten().index_select(0, borders) + 1 for axis in self.coordinates]
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
        share.copy_(labels == value)
    return shares


def _grid(rows: Tensor, columns: Tensor, size: tuple[int, ...]) -> Tensor:
    """Places in voxels to those between -1 and 1 that torch wants, columns first."""
    grid = torch.empty((*rows.shape, 2), dtype=rows.dtype, device=rows.device)
    for places, n, out in ((columns, size[1], grid[..., 0]), (rows, size[0], grid[..., 1])):
        torch.add(places.new_tensor(1 / n - 1), places, alpha=2 / n, out=out)
    return grid.view(1, -1, rows.shape[-1], 2)


def _uniform_cells(padded: Tensor) -> Tensor:
    """The label that all corners of a cell share, `MIXED` (or -1) where they differ."""
    low = high = padded
    for axis in range(padded.ndim):
        n = padded.shape[axis] - 1
        low = torch.minimum(low.narrow(axis, 0, n), low.narrow(axis, 1, n))
        high = torch.maximum(high.narrow(axis, 0, n), high.narrow(axis, 1, n))
    return torch.where(low == high, low, MIXED if padded.dtype == torch.uint8 else -1)
