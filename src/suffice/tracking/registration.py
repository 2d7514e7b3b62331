"""Bring an earlier scan onto a later one of the same subject."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from suffice.core import Grid, Image, SufficeError, UsageError
from suffice.cores import usable_cores
from suffice.io.raw import LPS_TO_RAS

Array = npt.NDArray[np.generic]
FloatArray = npt.NDArray[np.float64]
Motion = Literal["rigid", "none"]

_BINS = 32
_STEPS = 120
# Voxels of the coarsest and the finest level that are compared, of the longest axis.
_SIZES = (48, 96)
_COARSE_STEP_MM, _FINE_STEP_MM, _LEAST_STEP_MM = 2.0, 0.5, 0.005
# Steps that are halved at each turn end before a rotation is found.
_RELAXATION, _LEAST_GRADIENT = 0.8, 1e-8


@dataclass(frozen=True, eq=False)
class Alignment:
    """Where places of an earlier scan lie in a later one.

    Parameters
    ----------
    matrix : float array of shape (4, 4)
        Earlier world to later world, RAS+ millimetres; of pictures in the plane of their pixels.
    how : str
        ``same grid``, ``rigid`` or ``none``.
    correlation : float
        Of the two scans afterwards, over the voxels that both show; not a number where nothing
        was registered.
    """

    matrix: FloatArray
    how: str
    correlation: float = float("nan")

    @property
    def is_moved(self) -> bool:
        """Whether masks must be resampled."""
        return self.how not in ("same grid",)


def align(earlier: Image, later: Image, motion: Motion = "rigid") -> Alignment:
    """Find how an earlier scan must be moved to lie on a later one.

    Parameters
    ----------
    earlier, later : Image
        Of one subject; their first channels are compared, by mutual information, so that
        scanners and sequences may differ. Scans on one grid count as lying in one space already.
    motion : {"rigid", "none"}
        ``none`` takes the world coordinates of the two scans as they are.

    Returns
    -------
    Alignment

    Raises
    ------
    UsageError
        If one is a picture and the other a volume.
    """
    if earlier.grid.ndim != later.grid.ndim:
        raise UsageError(
            "A picture and a volume cannot be registered",
            got=f"{earlier.grid.ndim} and {later.grid.ndim} axes",
        )
    if earlier.grid.matches(later.grid):
        return Alignment(np.eye(4), "same grid")
    if motion == "none":
        return Alignment(np.eye(4), "none")
    fixed, moving = _itk(later), _itk(earlier)
    with _own_cores():
        to_earlier = _search(fixed, moving)
    on_later = sitk.Resample(moving, fixed, to_earlier, sitk.sitkLinear, float("nan"))
    matrix = _ras_matrix(to_earlier, later.grid.ndim)
    forth = np.asarray(np.linalg.inv(matrix), np.float64)
    return Alignment(forth, motion, _correlation(fixed, on_later))


def onto_grid(labels: Array, grid: Grid, other: Grid, alignment: Alignment) -> Array:
    """Resample integers from an earlier grid onto a later one, each voxel from the nearest.

    Parameters
    ----------
    labels : integer array of shape ``grid.shape``
    grid, other : Grid
        Of the earlier and of the later scan.
    alignment : Alignment

    Returns
    -------
    integer array of shape ``other.shape``
        0 where the earlier scan shows nothing.
    """
    if grid.matches(other) and not alignment.is_moved:
        return labels
    back = index_affine(grid, other, alignment)
    axes = np.meshgrid(*(np.arange(n, dtype=np.float64) for n in other.shape[1:]), indexing="ij")
    out = np.zeros(other.shape, labels.dtype)
    n = other.ndim
    flat = np.stack([axis.ravel() for axis in axes])
    # A slice at a time: index triples of a whole volume would take gigabytes.
    for i in range(other.shape[0]):
        places = back[:n, 1:n] @ flat + back[:n, :1] * i + back[:n, n:]
        index = np.rint(places).astype(np.int64)
        inside = np.all((index >= 0) & (index < np.array(grid.shape)[:, None]), axis=0)
        values = np.zeros(flat.shape[1], labels.dtype)
        values[inside] = labels[tuple(index[:, inside])]
        out[i] = values.reshape(other.shape[1:])
    return out


def index_affine(grid: Grid, other: Grid, alignment: Alignment) -> FloatArray:
    """Affine from voxel indices of the later grid to those of the earlier, shape (n + 1, n + 1)."""
    n = grid.ndim
    keep = [*range(n), 3]
    world = np.linalg.inv(alignment.matrix)[np.ix_(keep, keep)]
    return np.asarray(np.linalg.inv(_to_world(grid)) @ world @ _to_world(other))


def _to_world(grid: Grid) -> FloatArray:
    """Voxel index to the world; of a picture row and column times their spacing."""
    if grid.affine is not None:
        return np.asarray(grid.affine)
    return np.diag([*grid.unit_spacing, 1.0])


def _itk(image: Image) -> Any:
    """First channel as an image of ITK, in its world; what is not finite is the least value."""
    array = np.asarray(image.array[0], np.float32)
    finite = np.isfinite(array)
    if not finite.any():
        raise SufficeError("A scan without a finite voxel cannot be registered")
    array = np.where(finite, array, array[finite].min())
    grid = image.grid
    if grid.affine is None:
        found = sitk.GetImageFromArray(np.ascontiguousarray(array.T))
        found.SetSpacing([float(s) for s in grid.unit_spacing])
        return found
    found = sitk.GetImageFromArray(np.ascontiguousarray(array.transpose()))
    lps = LPS_TO_RAS @ grid.affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    found.SetSpacing(spacing.tolist())
    found.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
    found.SetOrigin(lps[:3, 3].tolist())
    return found


@contextlib.contextmanager
def _own_cores() -> Iterator[None]:
    """Let ITK use the cores that this process may: more threads wait for each other."""
    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(usable_cores())
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)


def _search(fixed: Any, moving: Any) -> Any:
    """Find the rigid transform from the later to the earlier scan, coarse to fine.

    All voxels are compared: nothing depends on chance. Scans that start from their own world
    coordinates and from their middles are both tried, as some scanners keep the former.
    """
    n = fixed.GetDimension()
    rigid: Any = sitk.Euler3DTransform() if n == 3 else sitk.Euler2DTransform()
    middles = sitk.CenteredTransformInitializer(
        fixed, moving, rigid, sitk.CenteredTransformInitializerFilter.GEOMETRY
    )
    world = type(rigid)(middles)
    world.SetTranslation([0.0] * n)
    coarse, fine = ((_thinned(fixed, mm), _thinned(moving, mm)) for mm in _steps_mm(fixed))
    starts = (world, type(rigid)(middles))
    found = [_optimised(coarse, start, _COARSE_STEP_MM) for start in starts]
    return _optimised(fine, min(found, key=lambda item: item[1])[0], _FINE_STEP_MM)[0]


def _steps_mm(fixed: Any) -> list[float]:
    """Voxel sizes of the levels: so many along the longest side."""
    longest = max(n * mm for n, mm in zip(fixed.GetSize(), fixed.GetSpacing(), strict=True))
    return [longest / n for n in _SIZES]


def _thinned(image: Any, step_mm: float) -> Any:
    """Smooth and thin an image to voxels of about a size; thick slices are not thinned."""
    pairs = list(zip(image.GetSize(), image.GetSpacing(), strict=True))
    factors = [max(1, min(int(step_mm / mm), n // 8)) for n, mm in pairs]
    sigmas = [max(0.5 * (f - 1) * mm, 1e-3) for f, (_, mm) in zip(factors, pairs, strict=True)]
    if max(factors) == 1:
        return image
    return sitk.Shrink(sitk.DiscreteGaussian(image, [s * s for s in sigmas]), factors)


def _optimised(scans: tuple[Any, Any], start: Any, step_mm: float) -> tuple[Any, float]:
    """Follow the gradient from a start; the less the value, the better the scans fit."""
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(_BINS)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(
        step_mm, _LEAST_STEP_MM, _STEPS, _RELAXATION, _LEAST_GRADIENT
    )
    method.SetOptimizerScalesFromPhysicalShift()
    # In place, so that what comes back is what went in, of the same kind.
    moved = type(start)(start)
    method.SetInitialTransform(moved, inPlace=True)
    try:
        method.Execute(*scans)
    except RuntimeError:
        # ITK gives up where scans do not overlap or have no contrast.
        return start, float("inf")
    return moved, float(method.GetMetricValue())


def _ras_matrix(transform: Any, n: int) -> FloatArray:
    """Write a transform of ITK as a matrix of RAS+ millimetres, or of the plane of a picture."""
    matrix = np.eye(4)
    linear = np.asarray(transform.GetMatrix(), np.float64).reshape(n, n)
    centre = np.asarray(transform.GetCenter(), np.float64)
    shift = np.asarray(transform.GetTranslation(), np.float64)
    matrix[:n, :n] = linear
    matrix[:n, 3] = centre + shift - linear @ centre
    if n == 2:
        return matrix
    flip = np.asarray(LPS_TO_RAS, np.float64)
    return np.asarray(flip @ matrix @ np.linalg.inv(flip))


def _correlation(fixed: Any, moved: Any) -> float:
    mine = sitk.GetArrayFromImage(fixed).ravel()
    other = sitk.GetArrayFromImage(moved).ravel()
    both = np.isfinite(other)
    if both.sum() < 2 or np.ptp(mine[both]) == 0 or np.ptp(other[both]) == 0:
        return float("nan")
    return float(np.corrcoef(mine[both], other[both])[0, 1])
