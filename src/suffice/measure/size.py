"""How large a structure is: volume or area, lengths, place, surface."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist

from suffice.core import Grid
from suffice.core.elements import enclosed_parts, full_code, sizes_along
from suffice.measure.structure import BoolArray, FloatArray, Measure, Structure


def size_unit(grid: Grid) -> tuple[str, float]:
    """Name of the size with its unit, and the size of one voxel.

    Examples
    --------
    >>> size_unit(Grid((4, 4), pixel_spacing_mm=(0.5, 0.5)))
    ('area_mm2', 0.25)
    """
    if grid.voxel_volume_ml is not None:
        return "volume_ml", grid.voxel_volume_ml
    if grid.pixel_spacing_mm is not None:
        return "area_mm2", grid.pixel_spacing_mm[0] * grid.pixel_spacing_mm[1]
    return "area_px", 1.0


def length_unit(grid: Grid) -> str:
    """Unit of lengths: ``mm``, or ``px`` where the spacing of a picture is unknown."""
    return "px" if grid.spacing_mm is None else "mm"


def measure_size(structure: Structure) -> Iterator[Measure]:
    """Measure volume or area, and extent; both are 0 where the structure is absent."""
    name, each = size_unit(structure.grid)
    yield Measure(structure.label, name, structure.n_voxels * each)
    extent = 0.0 if structure.is_empty else _largest(_outer_corners(structure.inside), structure)
    yield Measure(structure.label, f"extent_{length_unit(structure.grid)}", extent)


def measure_shape(structure: Structure) -> Iterator[Measure]:
    """Measure the largest diameter, the surface and the volume of its mesh, and the centroid.

    Of a picture the surface is the length of its border. An absent structure has no centroid.

    Notes
    -----
    The mesh is that of marching cubes (squares) through the middle between voxels inside and
    outside; diameter, surface and mesh volume are those of the Image Biomarker Standardisation
    Initiative [1]_. A mesh cuts corners, so that its volume is below that of the voxels, most
    where a structure is small.

    References
    ----------
    .. [1] Zwanenburg et al., Radiology 2020, https://doi.org/10.1148/radiol.2020191145
    """
    label, length = structure.label, length_unit(structure.grid)
    is_volume = structure.grid.ndim == 3
    diameter = 0.0 if structure.is_empty else _largest(_mesh_ends(structure.inside), structure)
    area, n_enclosed = surface(structure)
    yield Measure(label, f"diameter_{length}", diameter)
    yield Measure(label, "surface_mm2" if is_volume else f"border_{length}", area)
    if is_volume:
        name, each = size_unit(structure.grid)
        yield Measure(label, f"mesh_{name}", n_enclosed * each)
    if not structure.is_empty:
        axes = ("x_mm", "y_mm", "z_mm") if is_volume else ("row_px", "column_px")
        for name, value in zip(axes, _centroid(structure), strict=True):
            yield Measure(label, f"centroid_{name}", float(value))


def surface(structure: Structure) -> tuple[float, float]:
    """Surface (length of the border of a picture) in mm or pixels, and the mesh's volume in voxels.

    The latter is 0 for pictures.
    """
    ndim = structure.grid.ndim
    counts = np.bincount(_codes(structure.inside).ravel(), minlength=full_code(ndim) + 1)
    sizes = sizes_along(tuple(tuple(row) for row in structure.axes.tolist()))
    enclosed = float(counts @ enclosed_parts()) if ndim == 3 else 0.0
    return float(counts @ sizes), enclosed


def _codes(inside: BoolArray) -> npt.NDArray[np.uint8]:
    """Neighbour code of every corner between voxels, those on the rim of the box too."""
    padded = np.pad(inside, 1).astype(np.uint8)
    shape = tuple(n - 1 for n in padded.shape)
    codes = np.zeros(shape, dtype=np.uint8)
    for bit, corner in enumerate(itertools.product((0, 1), repeat=inside.ndim)):
        window = tuple(slice(c, c + n) for c, n in zip(corner, shape, strict=True))
        codes |= padded[window] << np.uint8(bit)
    return codes


def _largest(points: FloatArray, structure: Structure) -> float:
    """Largest distance between points that are given in voxels."""
    placed = points @ structure.axes.T
    return float(pdist(placed[ConvexHull(placed).vertices]).max())


def _centroid(structure: Structure) -> FloatArray:
    index: FloatArray = np.argwhere(structure.inside).mean(axis=0) + structure.start
    return index if structure.grid.affine is None else structure.grid.to_world_mm(index[None])[0]


def _line_ends(
    inside: BoolArray,
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """First voxel, and the one behind the last, of every line along the first axis."""
    lines = np.argwhere(inside.any(axis=0))
    where = (slice(None), *lines.T)
    start = inside[where].argmax(axis=0)
    stop = len(inside) - inside[::-1][where].argmax(axis=0)
    return lines, start, stop


def _outer_corners(inside: BoolArray) -> FloatArray:
    """Voxel corners that can lie on the convex hull: the ends of every line along one axis.

    Corners, unlike centres, never lie in one plane, which Qhull could not take.
    """
    lines, start, stop = _line_ends(inside)
    corners = [
        np.column_stack([end, lines + shift])
        for end in (start, stop)
        for shift in itertools.product((0, 1), repeat=lines.shape[1])
    ]
    return np.unique(np.concatenate(corners), axis=0).astype(np.float64)


def _mesh_ends(inside: BoolArray) -> FloatArray:
    """Corners of the mesh that can lie on its convex hull: the ends of every line along any axis.

    They lie half a voxel beyond the centres, on every side, so never in one plane.
    """
    found = []
    for axis in range(inside.ndim):
        lines, start, stop = _line_ends(np.moveaxis(inside, axis, 0))
        for end in (start - 0.5, stop - 0.5):
            found.append(np.insert(lines.astype(np.float64), axis, end, axis=1))
    return np.concatenate(found)
