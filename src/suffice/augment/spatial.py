"""Flip, rotate, scale, shear and bend in one resampling pass."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True, kw_only=True)
class SpatialRanges:
    """How far a patch may be moved.

    Parameters
    ----------
    probability : float
        Chance of each of rotation, scaling, shear and bending, drawn apart.
    rotation_deg : float
        Largest angle about each axis, to either side.
    scale : float
        Largest factor, up or down, as a ratio: 1.3 scales by 1/1.3 to 1.3.
    stretch : float
        The same for each axis on its own.
    shear : float
        Largest off-diagonal element.
    bend : float
        Standard deviation of the displacement at the control points of the elastic field, in the
        unit of the spacing: mm, or pixels for pictures, whose spacing is ones.
    bend_points : int
        Control points along each axis.
    flip_axes : tuple of int
        Spatial axes, counted from 0, that are mirrored with probability one half each.
    """

    probability: float = 0.5
    rotation_deg: float = 20.0
    scale: float = 1.25
    stretch: float = 1.1
    shear: float = 0.1
    bend: float = 1.5
    bend_points: int = 5
    flip_axes: tuple[int, ...] = ()


@dataclass(frozen=True)
class SpatialDraw:
    """One draw for a batch, in the unit of the spacing: what `warp` applies.

    Parameters
    ----------
    matrix : tensor of shape (N, D, D)
        Output to input positions about the centre of the patch.
    bend : tensor of shape (N, D, *control points)
        Displacement at the control points.
    """

    matrix: Tensor
    bend: Tensor

    @classmethod
    def sample(
        cls, n: int, ndim: int, ranges: SpatialRanges, generator: torch.Generator
    ) -> SpatialDraw:
        """Draw the parameters of ``n`` patches from a CPU generator."""
        matrix = torch.stack([_matrix(ndim, ranges, generator) for _ in range(n)])
        shape = (n, ndim, *(ranges.bend_points,) * ndim)
        bend = torch.randn(shape, generator=generator) * ranges.bend
        bent = torch.rand(n, generator=generator) < ranges.probability
        strength = torch.rand(n, generator=generator) * bent
        return cls(matrix, bend * strength.reshape(n, *(1,) * (ndim + 1)))


def _matrix(ndim: int, ranges: SpatialRanges, generator: torch.Generator) -> Tensor:
    def uniform(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator) * 2 - 1

    def happens() -> bool:
        return bool(torch.rand((), generator=generator) < ranges.probability)

    matrix = torch.eye(ndim)
    if happens():
        matrix = matrix @ _rotation(uniform(3 if ndim == 3 else 1) * ranges.rotation_deg)
    if happens():
        common = uniform(1) * math.log(ranges.scale)
        matrix = matrix @ torch.diag(torch.exp(common + uniform(ndim) * math.log(ranges.stretch)))
    if happens():
        off_diagonal = ~torch.eye(ndim, dtype=torch.bool)
        matrix = matrix @ (torch.eye(ndim) + uniform(ndim, ndim) * ranges.shear * off_diagonal)
    sign = torch.ones(ndim)
    for axis in ranges.flip_axes:
        sign[axis] = -1.0 if float(torch.rand((), generator=generator)) < 0.5 else 1.0
    return torch.diag(sign) @ matrix


def _rotation(degrees: Tensor) -> Tensor:
    """Rotation about each of three axes in turn, or in the plane."""
    planes = [(0, 1)] if len(degrees) == 1 else [(1, 2), (0, 2), (0, 1)]
    ndim = 2 if len(degrees) == 1 else 3
    out = torch.eye(ndim)
    for (a, b), angle in zip(planes, torch.deg2rad(degrees), strict=True):
        turn = torch.eye(ndim)
        turn[a, a] = turn[b, b] = torch.cos(angle)
        turn[a, b], turn[b, a] = -torch.sin(angle), torch.sin(angle)
        out = out @ turn
    return out


def warp(batch: Tensor, draw: SpatialDraw, spacing: Sequence[float]) -> Tensor:
    """Resample ``(N, C, *spatial)`` linearly through the drawn motion; outside reads 0.

    Parameters
    ----------
    batch : tensor of shape (N, C, *spatial)
        Images and one-hot labels stacked along the channels, so that both move alike.
    draw : SpatialDraw
    spacing : sequence of float
        Along each spatial axis, in mm or, for pictures, ones; angles stay angles on
        anisotropic voxels.
    """
    n, ndim = batch.shape[0], batch.ndim - 2
    size = batch.shape[2:]
    half_size = torch.tensor([s * k / 2 for s, k in zip(spacing, size, strict=True)])
    # From normalised output to normalised input coordinates, whose axis order is reversed.
    matrix = (draw.matrix * half_size[None, None, :]) / half_size[None, :, None]
    theta = torch.cat([matrix.flip(1, 2), torch.zeros(n, ndim, 1)], dim=2).to(batch.device)
    grid = F.affine_grid(theta, [n, 1, *size], align_corners=False)
    if bool(draw.bend.any()):
        bend = draw.bend / half_size.reshape(1, ndim, *(1,) * ndim)
        mode = "bicubic" if ndim == 2 else "trilinear"
        smooth = F.interpolate(
            bend.to(batch.device), size=tuple(size), mode=mode, align_corners=True
        )
        grid = grid + smooth.flip(1).movedim(1, -1)
    return F.grid_sample(batch, grid.to(batch.dtype), mode="bilinear", align_corners=False)
