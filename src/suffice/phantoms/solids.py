"""Solids whose volume is a formula: balls, ellipsoids, tubes, boxes, turned as one likes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from suffice.core import Grid, UsageError

FloatArray = npt.NDArray[np.float64]
Kind = Literal["ball", "ellipsoid", "tube", "box"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_N_SIZES = {"ball": 1, "ellipsoid": 3, "tube": 2, "box": 3}
_TINY = 1e-9
_AT_ONCE = 1_000_000


@dataclass(frozen=True, eq=False)
class Solid:
    """A solid on a grid.

    Parameters
    ----------
    kind : {"ball", "ellipsoid", "tube", "box"}
    sizes_mm : tuple of float
        Radius of a ball; half-axes of an ellipsoid; radius and length, without its round ends, of
        a tube; half-sides of a box.
    turn : array of shape (3, 3)
        Columns: the directions of its own axes in the world.
    centre_mm : array of shape (3,)
    grid : Grid

    Examples
    --------
    >>> grid = Grid.from_spacing((12, 12, 12), (2.0, 2.0, 2.0))
    >>> ball = Solid("ball", (9.0,), np.eye(3), np.full(3, 11.3), grid)
    >>> shares = ball.shares()
    >>> round(ball.volume_ml, 3), round(float(shares.sum()) * 0.008, 3)
    (3.054, 3.054)
    """

    kind: Kind
    sizes_mm: tuple[float, ...]
    turn: FloatArray
    centre_mm: FloatArray
    grid: Grid

    def __post_init__(self) -> None:
        if self.kind not in KINDS or len(self.sizes_mm) != _N_SIZES[self.kind]:
            raise UsageError(
                "A solid has a kind and its sizes",
                got=(self.kind, self.sizes_mm),
                expected=", ".join(f"{kind} with {n}" for kind, n in _N_SIZES.items()),
            )

    @property
    def volume_ml(self) -> float:
        """Its volume, by the formula."""
        a = np.asarray(self.sizes_mm)
        if self.kind == "tube":
            cubic_mm = np.pi * a[0] ** 2 * (a[1] + 4 / 3 * a[0])
        elif self.kind == "box":
            cubic_mm = 8 * a.prod()
        else:
            cubic_mm = 4 / 3 * np.pi * (a[0] ** 3 if self.kind == "ball" else a.prod())
        return float(cubic_mm) / 1000.0

    def distance_mm(self, index: FloatArray) -> FloatArray:
        """Signed distance of voxel indices of shape (..., 3) to the surface, negative inside.

        Of an ellipsoid, to first order: exact on the surface.
        """
        place = (self.grid.to_world_mm(index.reshape(-1, 3)) - self.centre_mm) @ self.turn
        a = np.asarray(self.sizes_mm)
        if self.kind == "ball":
            found = np.linalg.norm(place, axis=1) - a[0]
        elif self.kind == "ellipsoid":
            level = np.linalg.norm(place / a, axis=1)
            slope = np.linalg.norm(place / a**2, axis=1)
            found = level * (level - 1) / np.maximum(slope, _TINY)
        elif self.kind == "tube":
            place[:, 2] -= np.clip(place[:, 2], -a[1] / 2, a[1] / 2)
            found = np.linalg.norm(place, axis=1) - a[0]
        else:
            found = (np.abs(place) - a).max(axis=1)
        return np.asarray(found.reshape(index.shape[:-1]))

    def voxel_distances_mm(self) -> FloatArray:
        """Signed distance of every voxel's centre."""
        return self.distance_mm(self._centres())

    def voxels(self) -> npt.NDArray[np.bool_]:
        """Voxels whose centre is inside."""
        return self.voxel_distances_mm() <= 0

    def shares(self, step_mm: float = 0.3) -> FloatArray:
        """Part of each voxel that is inside, by cubes of at most ``step_mm`` that are cut flat."""
        centres = self._centres()
        distance = self.distance_mm(centres)
        shares = (distance <= 0).astype(np.float64)
        # The distance of a flat ellipsoid is not exact half a voxel away from its surface.
        near = np.argwhere(np.abs(distance) <= np.linalg.norm(self.grid.unit_spacing))
        lines = []
        for spacing in self.grid.unit_spacing:
            n_points = int(np.ceil(spacing / step_mm))
            lines.append((np.arange(n_points) + 0.5) / n_points - 0.5)
        offsets = np.stack(np.meshgrid(*lines, indexing="ij"), -1).reshape(-1, 3)
        voxel_mm3 = 1000.0 * (self.grid.voxel_volume_ml or 0.0)
        side_mm = np.cbrt(voxel_mm3 / len(offsets))
        for start in range(0, len(near), _AT_ONCE // len(offsets) + 1):
            some = near[start : start + _AT_ONCE // len(offsets) + 1]
            points = some[:, None].astype(np.float64) + offsets
            parts = np.clip(0.5 - self.distance_mm(points) / side_mm, 0.0, 1.0)
            shares[tuple(some.T)] = parts.mean(axis=1)
        return shares

    def _centres(self) -> FloatArray:
        axes = (np.arange(n) for n in self.grid.shape)
        return np.stack(np.meshgrid(*axes, indexing="ij"), -1).astype(np.float64)


def draw_solid(
    rng: np.random.Generator,
    kind: Kind,
    spacing_mm: tuple[float, float, float],
    *,
    radius_mm: tuple[float, float] = (5.0, 20.0),
    is_turned: bool = True,
    is_oblique: bool = False,
) -> Solid:
    """Draw a solid, anywhere between the voxels of a grid that holds it.

    Parameters
    ----------
    rng : numpy Generator
    kind : str
    spacing_mm : (float, float, float)
    radius_mm : (float, float)
        Range of radii, half-axes and half-sides; a tube's radius is between half the least and
        the least, its length between the least and twice the most.
    is_turned : bool
        Whether its axes lie at random, or along the world's.
    is_oblique : bool
        Whether the grid's axes do.
    """
    low, high = radius_mm
    sizes: tuple[float, ...]
    if kind == "tube":
        sizes = (float(rng.uniform(low / 2, low)), float(rng.uniform(low, 2 * high)))
        reach = sizes[0] + sizes[1] / 2
    else:
        sizes = tuple(float(v) for v in rng.uniform(low, high, _N_SIZES[kind]))
        reach = max(sizes) * (np.sqrt(3) if kind == "box" else 1.0)
    affine = np.diag([*spacing_mm, 1.0])
    turn = _random_turn(rng) if is_turned else np.eye(3)
    if is_oblique:
        affine[:3, :3] = _random_turn(rng) @ affine[:3, :3]
        affine[:3, 3] = rng.uniform(-100, 100, 3)
    shape = tuple(int(np.ceil(2 * reach / s)) + 4 for s in spacing_mm)
    grid = Grid(shape, affine=affine)
    middle = (np.asarray(shape) - 1) / 2 + rng.uniform(-0.5, 0.5, 3)
    return Solid(kind, sizes, turn, grid.to_world_mm(middle[None])[0], grid)


def _random_turn(rng: np.random.Generator) -> FloatArray:
    return np.asarray(Rotation.from_quat(rng.standard_normal(4)).as_matrix())
