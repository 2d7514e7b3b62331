"""Surface elements: where the border of a structure runs and how large each piece of it is.

A neighbour code is read at every corner between voxels: one bit for each of the 4 (2D) or 8 (3D)
voxels around it. A code with some voxels inside and some outside is a piece of border, whose
length or area follows from the polygon that marching squares or cubes lays through it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import numpy.typing as npt

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
Point = tuple[float, ...]
Triangle = tuple[int, int, int]


def neighbour_codes(bits: npt.NDArray[np.uint8], strides: tuple[int, ...]) -> None:
    """Turn a flat mask into the neighbour code of the corner before each voxel, in place.

    Parameters
    ----------
    bits : uint8 array of shape (n_places,)
        1 where the structure is; each row, column and slice begins and ends with 0.
    strides : tuple of int
        How far apart neighbours along each axis lie.

    Notes
    -----
    Bit ``i`` is set where the ``i``-th voxel around the corner, in the order of `_corners`, is
    inside. Pairs are joined along the last axis, then pairs of pairs: three steps instead of
    eight.

    Examples
    --------
    >>> one_voxel = np.array([0, 0, 0, 0, 1, 0, 0, 0, 0], dtype=np.uint8)
    >>> neighbour_codes(one_voxel, (3, 1))
    >>> one_voxel.reshape(3, 3)
    array([[8, 4, 0],
           [2, 1, 0],
           [0, 0, 0]], dtype=uint8)
    """
    for axis, stride in enumerate(reversed(strides)):
        bits[:-stride] |= bits[stride:] << np.uint8(2**axis)


def is_border(codes: npt.NDArray[np.uint8], ndim: int) -> BoolArray:
    """Whether some but not all voxels around a corner are inside."""
    # Code 0 turns into 255, which is beyond the last one that is some border.
    return np.asarray(codes - np.uint8(1) < np.uint8(full_code(ndim) - 1))


def full_code(ndim: int) -> int:
    """Code of a corner with every voxel around it inside."""
    return int(2 ** (2**ndim) - 1)


@lru_cache(maxsize=256)
def element_sizes(spacing: tuple[float, ...]) -> FloatArray:
    """Length (2D) or area (3D) of the border in each neighbour code.

    Parameters
    ----------
    spacing : tuple of float
        Distance between neighbours along each axis, in mm or pixels.

    Returns
    -------
    float array of shape (16,) or (256,)
        In mm or mm2 (pixels where the spacing is in pixels).

    Notes
    -----
    The polygons are those of Lorensen and Cline [1]_ with their complementary symmetry: a code
    with more than half of its voxels inside has the polygons of its complement, and voxels that
    touch only along an edge are cut apart. Nikolov et al. [2]_ weigh distances by these areas.

    References
    ----------
    .. [1] Lorensen and Cline, SIGGRAPH 1987, https://doi.org/10.1145/37401.37422
    .. [2] Nikolov et al., 2018, https://arxiv.org/abs/1809.04430

    Examples
    --------
    >>> element_sizes((1.0, 1.0))[:4].round(3)
    array([0.   , 0.707, 0.707, 1.   ])
    """
    return sizes_along(tuple(tuple(row) for row in np.diag(spacing).tolist()))


@lru_cache(maxsize=256)
def sizes_along(axes: tuple[tuple[float, ...], ...]) -> FloatArray:
    """Length or area of the border in each neighbour code, where the axes lean.

    Parameters
    ----------
    axes : tuple of tuple of float
        Rows of the square matrix whose columns are the steps to the next voxel along each axis,
        such as that of an affine.

    Returns
    -------
    float array of shape (16,) or (256,)

    Notes
    -----
    A segment v becomes A v; the normal n of a triangle, as long as its area is, det(A) A^-T n.
    """
    matrix = np.asarray(axes, dtype=np.float64)
    if len(matrix) == 2:
        pieces = [_segment_vectors(code) @ matrix.T for code in range(16)]
    else:
        turned = np.linalg.det(matrix) * np.linalg.inv(matrix)
        pieces = [normals @ turned for normals in _triangle_normals()]
    sizes = np.array([np.linalg.norm(piece, axis=1).sum() for piece in pieces])
    sizes.setflags(write=False)
    return sizes


@lru_cache(maxsize=1)
def enclosed_parts() -> FloatArray:
    """Part of a unit cube around a corner that lies inside the border, in each of the 256 codes.

    Notes
    -----
    By Gauss it is the flux of (x, 0, 0) out of what is inside: through the polygons, and through
    the inside part of the cube's face x = 1. The sum over a mask is the volume of its mesh, in
    voxels, whatever the axes.

    Examples
    --------
    >>> parts = enclosed_parts()
    >>> [round(float(parts[code]), 3) for code in (0, 1, 15, 255)]
    [0.0, 0.021, 0.5, 1.0]
    """
    parts = np.array([_enclosed(code) for code in range(256)])
    parts.setflags(write=False)
    return parts


def _corners(ndim: int) -> list[tuple[int, ...]]:
    return list(itertools.product((0, 1), repeat=ndim))


def _inside(code: int, ndim: int) -> dict[tuple[int, ...], bool]:
    if code.bit_count() > 2 ** (ndim - 1):
        code = full_code(ndim) - code
    return {corner: bool(code >> bit & 1) for bit, corner in enumerate(_corners(ndim))}


def _middle(a: tuple[int, ...], b: tuple[int, ...]) -> Point:
    return tuple((p + q) / 2 for p, q in zip(a, b, strict=True))


def _cut_square(ring: list[tuple[int, ...]], inside: list[bool]) -> list[tuple[Point, Point]]:
    """Segments that part inside from outside in a square whose corners are given in a ring."""
    middles = [_middle(ring[i], ring[(i + 1) % 4]) for i in range(4)]
    crossed = [i for i in range(4) if inside[i] != inside[(i + 1) % 4]]
    if len(crossed) == 2:
        return [(middles[crossed[0]], middles[crossed[1]])]
    return [(middles[i - 1], middles[i]) for i in range(4) if inside[i] and crossed]


def _segment_vectors(code: int) -> FloatArray:
    inside = _inside(code, 2)
    ring: list[tuple[int, ...]] = [(0, 0), (0, 1), (1, 1), (1, 0)]
    segments = _cut_square(ring, [inside[corner] for corner in ring])
    return np.array([np.subtract(b, a) for a, b in segments]).reshape(-1, 2)


@lru_cache(maxsize=1)
def _triangle_normals() -> tuple[FloatArray, ...]:
    """Normals, as long as the areas, of the triangles in each of the 256 codes of a unit cube."""
    table = []
    for code in range(256):
        normals = [_normals(_triangles_of(polygon)) for polygon in _polygons(code)]
        table.append(np.concatenate([np.zeros((0, 3)), *normals]))
    return tuple(table)


def _polygons(code: int) -> list[FloatArray]:
    """Closed polygons, each of shape (n, 3), that part inside from outside in a unit cube."""
    inside = _inside(code, 3)
    next_to: dict[Point, list[Point]] = {}
    for axis, side in itertools.product(range(3), (0, 1)):
        ring = [(*flat[:axis], side, *flat[axis:]) for flat in ((0, 0), (0, 1), (1, 1), (1, 0))]
        for a, b in _cut_square(ring, [inside[corner] for corner in ring]):
            next_to.setdefault(a, []).append(b)
            next_to.setdefault(b, []).append(a)
    polygons = []
    while next_to:
        point = next(iter(next_to))
        loop = []
        while point in next_to:
            loop.append(point)
            ahead = next_to.pop(point)
            point = ahead[0] if ahead[0] in next_to else ahead[1]
        polygons.append(np.array(loop))
    return polygons


def _triangles_of(polygon: FloatArray) -> FloatArray:
    """Cut a polygon into triangles; of several ways that differ, the one with the largest area.

    Only the five- and six-sided polygons that are not flat have ways that differ.
    """
    ways = (polygon[np.array(triangles)] for triangles in _triangulations(0, len(polygon) - 1))
    return max(ways, key=lambda way: round(float(np.linalg.norm(_normals(way), axis=1).sum()), 9))


def _normals(triangles: FloatArray) -> FloatArray:
    """Normals, as long as the areas, of triangles of shape (n, 3 corners, 3)."""
    first, second, third = triangles[:, 0], triangles[:, 1], triangles[:, 2]
    return np.asarray(np.cross(second - first, third - first) / 2)


def _enclosed(code: int) -> float:
    inside = _inside(code, 3)
    ring: list[tuple[int, ...]] = [(1, 0, 0), (1, 0, 1), (1, 1, 1), (1, 1, 0)]
    total = _share_of_square([inside[corner] for corner in ring])
    for polygon in _polygons(code):
        triangles = _triangles_of(polygon)
        normals = _normals(triangles)
        outwards = np.sign(sum(_outwards(point, inside) for point in polygon) @ normals.sum(axis=0))
        total += float(outwards * (triangles.mean(axis=1)[:, 0] * normals[:, 0]).sum())
    return 1.0 - total if code.bit_count() > 4 else total


def _outwards(point: FloatArray, inside: dict[tuple[int, ...], bool]) -> FloatArray:
    """Along the edge of the cube that a point halves, from its inside corner to the other."""
    step = np.where(point == 0.5, 0.5, 0.0)
    first = tuple(int(c) for c in point - step)
    return np.asarray(step if inside[first] else -step)


def _share_of_square(inside: list[bool]) -> float:
    """Area inside of a unit square whose corners are given in a ring, as `_cut_square` cuts it."""
    n_inside = sum(inside)
    if n_inside == 2 and inside[0] == inside[2]:
        return 0.25
    return (0.0, 0.125, 0.5, 0.875, 1.0)[n_inside]


def _triangulations(first: int, last: int) -> Iterator[list[Triangle]]:
    if last - first < 2:
        yield []
        return
    for apex in range(first + 1, last):
        for left in _triangulations(first, apex):
            for right in _triangulations(apex, last):
                yield [*left, *right, (first, apex, last)]
