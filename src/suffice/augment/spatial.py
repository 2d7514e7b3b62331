"""Flip, rotate, scale, shear and bend in one resampling pass."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from suffice.augment.basis import basis
from suffice.augment.lookup import Lookup, whole_shares
from suffice.augment.transform import Chance, Patches, field_points, require_probability


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
        Spatial axes, counted from 0, that may be mirrored.
    flip_probability : float
        Chance of each of them.
    """

    probability: float = 0.5
    rotation_deg: float = 20.0
    scale: float = 1.25
    stretch: float = 1.1
    shear: float = 0.1
    bend: float = 1.5
    bend_points: int = 5
    flip_axes: tuple[int, ...] = ()
    flip_probability: float = 0.5

    def __post_init__(self) -> None:
        require_probability("a motion", self.probability)
        require_probability("a mirrored axis", self.flip_probability)

    def sample(self, patches: Patches, chance: Chance) -> SpatialDraw:
        """Draw the motion of one patch."""
        ndim = patches.ndim
        rotation: tuple[float, ...] = ()
        factors: tuple[float, ...] = ()
        shear: tuple[float, ...] = ()
        if self.rotation_deg and chance.happens(self.probability):
            n_planes = 3 if ndim == 3 else 1
            rotation = tuple(chance.either_side(self.rotation_deg) for _ in range(n_planes))
        if self.scale * self.stretch > 1 and chance.happens(self.probability):
            common = chance.ratio(self.scale)
            factors = tuple(common * chance.ratio(self.stretch) for _ in range(ndim))
        if self.shear and chance.happens(self.probability):
            shear = tuple(chance.either_side(self.shear) for _ in range(ndim * (ndim - 1)))
        bends = bool(self.bend) and chance.happens(self.probability)
        bend = self.bend * chance.uniform() if bends else 0.0
        return SpatialDraw(
            flips=tuple(axis for axis in self.flip_axes if chance.happens(self.flip_probability)),
            rotation_deg=rotation,
            factors=factors,
            shear=shear,
            bend=bend,
            bend_points=self.bend_points,
            bend_seed=chance.seed() if bends else 0,
        )


@dataclass(frozen=True, kw_only=True)
class SpatialDraw:
    """One motion of one patch, from places of the output to places of the input.

    Parameters
    ----------
    flips : tuple of int
        Mirrored axes.
    rotation_deg : tuple of float
        About each of three axes in turn, or in the plane; empty where nothing is rotated.
    factors : tuple of float
        Along each axis: 2 reads twice as far from the centre, and halves what is shown.
    shear : tuple of float
        Elements of the matrix off its diagonal, row by row.
    bend, bend_points, bend_seed
        Standard deviation of the displacement at the control points in the unit of the spacing,
        their number along each axis, and the seed that they are drawn from.
    """

    flips: tuple[int, ...] = ()
    rotation_deg: tuple[float, ...] = ()
    factors: tuple[float, ...] = ()
    shear: tuple[float, ...] = ()
    bend: float = 0.0
    bend_points: int = 5
    bend_seed: int = 0

    @property
    def only_flips(self) -> bool:
        """Whether voxels stay voxels, so that nothing needs to be interpolated."""
        return not (self.rotation_deg or self.factors or self.shear or self.bend)

    def matrix(self, ndim: int) -> Tensor:
        """Output to input places about the centre of the patch, ``(D, D)``."""
        matrix = torch.eye(ndim, dtype=torch.float64)
        if self.rotation_deg:
            matrix = matrix @ _rotation(self.rotation_deg)
        if self.factors:
            matrix = matrix @ torch.diag(torch.tensor(self.factors, dtype=torch.float64))
        if self.shear:
            shear = torch.eye(ndim, dtype=torch.float64)
            off_diagonal = ~torch.eye(ndim, dtype=torch.bool)
            shear[off_diagonal] = torch.tensor(self.shear, dtype=torch.float64)
            matrix = matrix @ shear
        sign = torch.ones(ndim, dtype=torch.float64)
        sign[list(self.flips)] = -1
        return torch.diag(sign) @ matrix

    def control_points(self, ndim: int) -> Tensor:
        """Displacement at the control points, ``(D, n, ..., n)``, in the unit of the spacing."""
        return field_points((ndim, *(self.bend_points,) * ndim), self.bend, self.bend_seed)


def _rotation(degrees: Sequence[float]) -> Tensor:
    planes = [(0, 1)] if len(degrees) == 1 else [(1, 2), (0, 2), (0, 1)]
    ndim = 2 if len(degrees) == 1 else 3
    out = torch.eye(ndim, dtype=torch.float64)
    for (a, b), angle in zip(planes, map(math.radians, degrees), strict=True):
        turn = torch.eye(ndim, dtype=torch.float64)
        turn[a, a] = turn[b, b] = math.cos(angle)
        turn[a, b], turn[b, a] = -math.sin(angle), math.sin(angle)
        out = out @ turn
    return out


def coordinates(
    draw: SpatialDraw,
    size: Sequence[int],
    spacing: Sequence[float],
    device: torch.device | str = "cpu",
) -> Tensor:
    """Where each voxel of the output reads, in voxels of the input.

    Parameters
    ----------
    draw : SpatialDraw
    size : sequence of int
        Voxels of the patch along each of its D axes.
    spacing : sequence of float
        Along each axis, in mm or, for pictures, ones; angles stay angles on anisotropic voxels.

    Returns
    -------
    tensor of shape (D, *size), float32

    Notes
    -----
    An affine motion and a field of control points are both sums of products of a function of the
    first axis and one of the others. The whole field is therefore one product of a tall and a
    wide matrix, and costs little more than writing it down.
    """
    ndim, rest = len(size), tuple(size[1:])
    scale = torch.tensor(spacing, dtype=torch.float64)
    matrix = (draw.matrix(ndim) * scale / scale[:, None]).float()
    from_centre = [torch.arange(n) - (n - 1) / 2 for n in size]
    tall = torch.stack([from_centre[0], torch.ones(size[0])], dim=1)
    constant = [torch.full(rest, (n - 1) / 2) for n in size]
    for axis, places in enumerate(from_centre[1:], start=1):
        along = places.reshape(-1, *(1,) * (ndim - 1 - axis))
        constant = [c + matrix[d, axis] * along for d, c in enumerate(constant)]
    slope = matrix[:, 0].reshape(ndim, 1, *(1,) * len(rest)).expand(ndim, 1, *rest)
    wide = torch.cat([slope, torch.stack(constant)[:, None]], dim=1)
    if draw.bend:
        bases = [basis(n, draw.bend_points, cubic=ndim == 2) for n in size]
        points = draw.control_points(ndim)
        for axis_basis in bases[1:]:
            points = torch.tensordot(points, axis_basis, dims=([2], [1]))
        points /= scale.float().reshape(-1, *(1,) * ndim)
        tall = torch.cat([tall, bases[0]], dim=1)
        wide = torch.cat([wide, points], dim=1)
    field = tall.to(device) @ wide.flatten(2).to(device)
    return field.view(ndim, *size)


def warp(
    image: Tensor, labels: Tensor, n_classes: int, draw: SpatialDraw, spacing: Sequence[float]
) -> tuple[Tensor, Tensor]:
    """Move an image and its labels alike; what comes from outside is 0 and background.

    Parameters
    ----------
    image : tensor of shape (C, *spatial)
    labels : integer tensor of shape (*spatial), or floating (S, *spatial)
        Of a class each, or shares that are moved as an image is: outside they are 0.
    n_classes : int
        With the background; shares keep their own number.
    draw : SpatialDraw
    spacing : sequence of float
        Along each spatial axis, in mm or, for pictures, ones.

    Returns
    -------
    image : tensor of shape (C, *spatial)
        Never the memory of the one given.
    shares : tensor of shape (n_classes, *spatial) or (S, *spatial)
        Of the classes, which sum to 1: voxels cut by a moved boundary belong partly to both sides.
    """
    size, are_shares = image.shape[1:], labels.is_floating_point()
    if draw.only_flips:
        axes = tuple(axis - len(size) for axis in draw.flips)
        moved = labels.flip(axes)
        shares = moved if are_shares else whole_shares(moved, n_classes, image.dtype)
        return image.flip(axes), shares
    lookup = Lookup(coordinates(draw, size, spacing, image.device).to(image.dtype), size)
    if are_shares:
        return lookup.image(image), lookup.image(labels)
    return lookup.image(image), lookup.shares(labels, n_classes, image.dtype)
