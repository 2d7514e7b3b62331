"""Bring one scan onto another: an affine transform, then a field of displacements."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from scipy import ndimage

from suffice.training.resampling import resample_image

FloatArray = npt.NDArray[np.float32]
Metric = Literal["correlation", "mutual information"]
Deformation = Literal["none", "global", "local"]

_BINS = 32
_AFFINE_STEPS = 60
# How much coarser each level is, and its steps.
_LEVELS = ((4, 60), (2, 40), (1, 20))
# The window of brightness made local, in voxels, and what keeps plain regions from being noise.
_WINDOW, _FLOOR = 4.0, 0.1
# ITK's filters want as many voxels along each axis.
_LEAST_VOXELS = 4


@dataclass(frozen=True, kw_only=True)
class Registration:
    """How scans are brought onto each other.

    Parameters
    ----------
    metric : {"correlation", "mutual information"}
        Of the affine transform.
    deformation : {"none", "global", "local"}
        Demons that compare brightness as it is, or relative to what lies around a voxel.
    stiffness : float
        Standard deviation, in voxels, by which the displacements are smoothed.
    """

    metric: Metric = "correlation"
    deformation: Deformation = "local"
    stiffness: float = 1.0


@contextlib.contextmanager
def single_threaded() -> Iterator[None]:
    """Let each of ITK's filters use one thread inside, and as many as before afterwards.

    Filters within filters heed this alone. Images of these sizes are registered faster so, and
    on a busy machine ten times as fast: demons wait for all threads at each of their steps.
    """
    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)


def local_brightness(array: FloatArray) -> FloatArray:
    """Brightness relative to mean and spread of what lies around."""
    mean = ndimage.gaussian_filter(array, _WINDOW, mode="nearest")
    square = ndimage.gaussian_filter(array * array, _WINDOW, mode="nearest")
    spread = np.sqrt(np.maximum(square - mean * mean, 0.0))
    return np.asarray((array - mean) / (spread + _FLOOR * array.std() + 1e-6), np.float32)


def itk_image(array: FloatArray, spacing: Sequence[float]) -> Any:
    """An image whose outer edge is at the origin; thin axes are repeated at their end."""
    more = [(0, max(0, _LEAST_VOXELS - n)) for n in array.shape]
    image = sitk.GetImageFromArray(np.ascontiguousarray(np.pad(array, more, mode="edge")))
    image.SetSpacing([float(s) for s in reversed(spacing)])
    image.SetOrigin([float(s) / 2 for s in reversed(spacing)])
    return image


def affine(fixed: Any, moving: Any, metric: Metric) -> Any:
    """Find the affine transform from a fixed to a moving image; their middles are the start.

    All voxels are compared: nothing depends on chance.
    """
    start = sitk.CenteredTransformInitializer(
        fixed,
        moving,
        sitk.AffineTransform(fixed.GetDimension()),
        sitk.CenteredTransformInitializerFilter.GEOMETRY,
    )
    method = sitk.ImageRegistrationMethod()
    if metric == "correlation":
        method.SetMetricAsCorrelation()
    else:
        method.SetMetricAsMattesMutualInformation(_BINS)
    method.SetInterpolator(sitk.sitkLinear)
    thinnest = min(*fixed.GetSize(), *moving.GetSize())
    shrinks = [max(1, min(factor, thinnest // 8)) for factor in (4, 2)]
    method.SetShrinkFactorsPerLevel(shrinks)
    method.SetSmoothingSigmasPerLevel([shrink / 2 for shrink in shrinks])
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOff()
    method.SetOptimizerAsRegularStepGradientDescent(1.0, 1e-3, _AFFINE_STEPS)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetInitialTransform(start, inPlace=False)
    try:
        return method.Execute(fixed, moving)
    except RuntimeError:
        # ITK gives up where scans do not overlap or have no contrast; their middles must do.
        return start


def deformed(
    fixed: FloatArray, moving: FloatArray, spacing: Sequence[float], settings: Registration
) -> Any:
    """Find the displacements that bring a scan, already on the same grid, onto another [1]_.

    Parameters
    ----------
    fixed, moving : float32 array of shape (*spatial)
    spacing : sequence of float
    settings : Registration

    Returns
    -------
    SimpleITK.DisplacementFieldTransform

    References
    ----------
    .. [1] J.-P. Thirion, "Image matching as a diffusion process: an analogy with Maxwell's
       demons", Medical Image Analysis 2 (1998), doi 10.1016/S1361-8415(98)80022-4
    """
    if settings.deformation == "local":
        fixed, moving = local_brightness(fixed), local_brightness(moving)
    field = None
    for shrink, steps in _LEVELS:
        coarse = [itk_image(*_shrunk(array, spacing, shrink)) for array in (fixed, moving)]
        demons = sitk.FastSymmetricForcesDemonsRegistrationFilter()
        demons.SetNumberOfIterations(steps)
        demons.SetStandardDeviations(settings.stiffness)
        demons.SetSmoothDisplacementField(True)
        start: list[Any] = [] if field is None else [_on(coarse[0], field)]
        field = demons.Execute(*coarse, *start)
    return sitk.DisplacementFieldTransform(sitk.Cast(field, sitk.sitkVectorFloat64))


def warped(
    array: FloatArray,
    spacing: Sequence[float],
    reference: Any,
    shape: Sequence[int],
    transform: Any,
    outside: float = 0.0,
) -> FloatArray:
    """Sample an array where a transform leads from each voxel of a reference; linear.

    Returns
    -------
    float32 array of shape ``shape``
    """
    moved = sitk.GetArrayFromImage(
        _on(reference, itk_image(array, spacing), transform=transform, outside=outside)
    )
    return np.asarray(moved[tuple(slice(n) for n in shape)], np.float32)


def _shrunk(
    array: FloatArray, spacing: Sequence[float], shrink: int
) -> tuple[FloatArray, list[float]]:
    shape = [max(min(n, _LEAST_VOXELS), -(-n // shrink)) for n in array.shape]
    coarser = [s * n / m for s, n, m in zip(spacing, array.shape, shape, strict=True)]
    return resample_image(array[None], shape)[0], coarser


def _on(reference: Any, image: Any, *, transform: Any = None, outside: float = 0.0) -> Any:
    resample = sitk.ResampleImageFilter()
    resample.SetReferenceImage(reference)
    resample.SetInterpolator(sitk.sitkLinear)
    resample.SetDefaultPixelValue(outside)
    if transform is not None:
        resample.SetTransform(transform)
    return resample.Execute(image)
