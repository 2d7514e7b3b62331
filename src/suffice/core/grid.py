"""Where the voxels of an array lie in the world."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from suffice.core.errors import GeometryError

FloatArray = npt.NDArray[np.float64]

TOLERANCE_MM = 1e-3
# Voxels of a few nanometres are no less regular than those of millimetres.
_TOLERANCE_PART = 0.05
_SINGULAR = 1e-6


def is_singular(affine: FloatArray) -> bool:
    """Whether the axes of a 4x4 affine span no volume, whatever the size of its voxels."""
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    if not np.isfinite(affine).all() or lengths.min() == 0:
        return True
    return bool(abs(np.linalg.det(affine[:3, :3] / lengths)) < _SINGULAR)


@dataclass(frozen=True, eq=False)
class Grid:
    """A regular grid of voxels (3D, with an affine) or pixels (2D, with or without a spacing).

    Parameters
    ----------
    shape : tuple of int
        ``(X, Y, Z)`` for volumes in the axis order of the file; ``(Y, X)``, rows before
        columns, for pictures.
    affine : array of shape (4, 4), optional
        Voxel index to RAS+ millimetres; needed for three axes, not allowed for two.
    pixel_spacing_mm : tuple of float, optional
        ``(row, column)`` spacing of a picture; ``None`` where nobody knows it.

    Raises
    ------
    GeometryError
        If the shape is empty, the affine is singular or not finite, or the two do not fit.

    Examples
    --------
    >>> grid = Grid.from_spacing((4, 4, 2), (1.0, 1.0, 2.5))
    >>> grid.spacing_mm, grid.voxel_volume_ml
    ((1.0, 1.0, 2.5), 0.0025)
    """

    shape: tuple[int, ...]
    affine: FloatArray | None = None
    pixel_spacing_mm: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        shape = tuple(int(n) for n in self.shape)
        if len(shape) not in (2, 3) or min(shape) < 1:
            raise GeometryError(
                "A grid needs two or three axes of at least one voxel", got=self.shape
            )
        object.__setattr__(self, "shape", shape)
        if len(shape) == 3:
            self._check_affine()
        elif self.affine is not None:
            raise GeometryError("A picture has no affine", cure="Give pixel_spacing_mm instead.")
        if self.pixel_spacing_mm is not None:
            self._check_pixel_spacing()

    def _check_affine(self) -> None:
        if self.affine is None:
            raise GeometryError("A volume needs an affine", cure="Use Grid.from_spacing without.")
        affine = np.array(self.affine, dtype=np.float64)
        if affine.shape != (4, 4) or not np.isfinite(affine).all():
            raise GeometryError("The affine is not a finite 4x4 matrix", got=self.affine)
        if is_singular(affine):
            raise GeometryError(
                "The affine is singular: two axes coincide or a spacing is zero",
                got=affine[:3, :3].tolist(),
                cure="Mend the header of the file.",
            )
        affine.setflags(write=False)
        object.__setattr__(self, "affine", affine)

    def _check_pixel_spacing(self) -> None:
        if len(self.shape) == 3:
            raise GeometryError("A volume takes its spacing from the affine")
        spacing = tuple(float(s) for s in self.pixel_spacing_mm or ())
        if len(spacing) != 2 or not all(np.isfinite(s) and s > 0 for s in spacing):
            raise GeometryError("Pixel spacing must be two positive numbers", got=spacing)
        object.__setattr__(self, "pixel_spacing_mm", spacing)

    @classmethod
    def from_spacing(cls, shape: Sequence[int], spacing_mm: Sequence[float] | None) -> Grid:
        """Make an axis-aligned grid with its first voxel at the origin."""
        if len(shape) == 2:
            pixel = None if spacing_mm is None else (float(spacing_mm[0]), float(spacing_mm[1]))
            return cls(tuple(shape), pixel_spacing_mm=pixel)
        spacing = (1.0, 1.0, 1.0) if spacing_mm is None else tuple(spacing_mm)
        return cls(tuple(shape), affine=np.diag([*spacing, 1.0]))

    @property
    def ndim(self) -> int:
        """Number of spatial axes, 2 or 3."""
        return len(self.shape)

    @property
    def spacing_mm(self) -> tuple[float, ...] | None:
        """Distance between neighbours along each axis, or ``None`` for a picture without one."""
        if self.affine is None:
            return self.pixel_spacing_mm
        return tuple(float(s) for s in np.linalg.norm(self.affine[:3, :3], axis=0))

    @property
    def unit_spacing(self) -> tuple[float, ...]:
        """The spacing in mm, or ones (pixels) where it is unknown."""
        return self.spacing_mm or (1.0,) * self.ndim

    @property
    def voxel_volume_ml(self) -> float | None:
        """Volume of one voxel in millilitres; ``None`` for pictures."""
        if self.affine is None:
            return None
        return float(abs(np.linalg.det(self.affine[:3, :3]))) / 1000.0

    @property
    def nearest_axes(self) -> tuple[tuple[int, bool], ...]:
        """Index axes that run closest to right, anterior and superior; whether each is reversed.

        The axis that lies straightest is given its direction first. Of a picture, its own axes.

        Examples
        --------
        >>> left_posterior = np.diag([-1.0, -1.0, 2.0, 1.0])
        >>> Grid((4, 4, 4), affine=left_posterior).nearest_axes
        ((0, True), (1, True), (2, False))
        """
        if self.affine is None:
            return (0, False), (1, False)
        directions = self.affine[:3, :3] / np.linalg.norm(self.affine[:3, :3], axis=0)
        strength = np.abs(directions)
        axis_of = {}
        for _ in range(3):
            world, axis = (int(i) for i in np.unravel_index(strength.argmax(), (3, 3)))
            axis_of[world] = (axis, bool(directions[world, axis] < 0))
            strength[world, :] = strength[:, axis] = -1.0
        return tuple(axis_of[world] for world in range(3))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Grid) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[object, ...]:
        affine = None if self.affine is None else tuple(self.affine.ravel().tolist())
        return self.shape, affine, self.pixel_spacing_mm

    def matches(self, other: Grid, tolerance_mm: float | None = None) -> bool:
        """Whether every corner voxel of both grids lies within ``tolerance_mm``.

        The tolerance is 0.001 mm, or a twentieth of a voxel where that is less: the standard of
        what we write. Pictures match when their shapes do and no two known spacings differ.
        """
        if self.shape != other.shape:
            return False
        if self.affine is None or other.affine is None:
            mine, theirs = self.pixel_spacing_mm, other.pixel_spacing_mm
            return mine is None or theirs is None or bool(np.allclose(mine, theirs, rtol=1e-3))
        if tolerance_mm is None:
            tolerance_mm = min(TOLERANCE_MM, _TOLERANCE_PART * min(self.unit_spacing))
        apart = np.abs(self.corners_mm() - other.corners_mm())
        return bool(apart.max() <= tolerance_mm)

    def pairs_with(self, other: Grid) -> bool:
        """Whether the corners lie within a twentieth of the smallest spacing: scan and mask.

        Programs that export a mask round its directions, which moves far corners by some
        hundredths of a millimetre and no voxel to its neighbour.
        """
        return self.matches(other, _TOLERANCE_PART * min(*self.unit_spacing, *other.unit_spacing))

    def require_match(self, other: Grid, mine: str, theirs: str) -> None:
        """Raise a `GeometryError` that names both grids unless they pair, see `pairs_with`."""
        if not self.pairs_with(other):
            raise GeometryError(
                f"{mine} and {theirs} lie on different grids",
                got=f"{self} and {other}",
                cure="Resample one onto the other's grid, or mend the wrong header.",
            )

    def corners_mm(self) -> FloatArray:
        """World coordinates of the eight corner voxels, shape (8, 3)."""
        if self.affine is None:
            raise GeometryError("A picture has no place in the world")
        index = np.stack(np.meshgrid(*[(0, n - 1) for n in self.shape], indexing="ij"), -1)
        return self.to_world_mm(index.reshape(-1, 3))

    def to_world_mm(self, index: npt.ArrayLike) -> FloatArray:
        """Map voxel indices of shape (N, 3) to RAS+ millimetres."""
        if self.affine is None:
            raise GeometryError("A picture has no place in the world")
        points = np.asarray(index, dtype=np.float64)
        return np.asarray(points @ self.affine[:3, :3].T + self.affine[:3, 3])

    def with_shape(self, shape: Sequence[int], start: Sequence[int] | None = None) -> Grid:
        """Crop or pad: the same lattice, ``shape`` voxels from index ``start`` on."""
        if self.affine is None:
            return Grid(tuple(shape), pixel_spacing_mm=self.pixel_spacing_mm)
        affine = self.affine.copy()
        if start is not None:
            affine[:3, 3] = self.to_world_mm([list(start)])[0]
        return Grid(tuple(shape), affine=affine)

    def with_spacing(self, spacing_mm: Sequence[float]) -> Grid:
        """Return the grid over the same field of view (voxel edges kept) with another spacing.

        The number of voxels is rounded, so the spacing along an axis is stretched by up to half
        a voxel over its whole length to keep both outer edges where they were.
        """
        old = np.asarray(self.unit_spacing)
        extent = old * np.asarray(self.shape)
        shape = np.maximum(1, np.round(extent / np.asarray(spacing_mm))).astype(int)
        new = extent / shape
        if self.affine is None:
            known = self.pixel_spacing_mm is not None
            return Grid(
                tuple(shape), pixel_spacing_mm=(float(new[0]), float(new[1])) if known else None
            )
        affine = self.affine.copy()
        affine[:3, :3] = self.affine[:3, :3] * (new / old)
        first = (new / old - 1.0) / 2.0
        affine[:3, 3] = self.to_world_mm(first[None])[0]
        return Grid(tuple(shape), affine=affine)

    def __str__(self) -> str:
        size = "x".join(str(n) for n in self.shape)
        spacing = self.spacing_mm
        if spacing is None:
            return f"{size} pixels of unknown spacing"
        text = f"{size} at {'x'.join(f'{s:.4g}' for s in spacing)} mm"
        if self.affine is not None:
            origin = ", ".join(f"{v:.4g}" for v in self.affine[:3, 3])
            text += f" from ({origin}) mm"
        return text

    __repr__ = __str__
