"""From scans to what a network sees: canonical axes, the plan's spacing, normal intensities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt

from suffice.core import Grid, Image, LabelMap, ModelError
from suffice.training.fingerprint import CaseFacts
from suffice.training.plan import Plan
from suffice.training.resampling import resample_image, resample_labels

N_INTENSITIES = 10_000
# Bright vessels and metal would otherwise set the scale of a whole scan.
CLIP_PERCENT = (0.5, 99.5)

Array = npt.NDArray[Any]
S = TypeVar("S", bound=np.generic)


@dataclass(frozen=True)
class Orientation:
    """How a volume's axes are permuted and flipped to run closest to right, anterior, superior.

    Parameters
    ----------
    order : tuple of int
        Which axis of the file becomes axis 0, 1, 2.
    flips : tuple of bool
        Which of the axes, in the new order, are reversed.
    """

    order: tuple[int, ...]
    flips: tuple[bool, ...]

    @classmethod
    def of(cls, grid: Grid) -> Orientation:
        """Find the orientation of a grid; pictures stay as they are."""
        axes = grid.nearest_axes
        return cls(tuple(axis for axis, _ in axes), tuple(flip for _, flip in axes))

    def to_canonical(self, array: Array) -> Array:
        """View the last axes of an array in canonical order."""
        lead = array.ndim - len(self.order)
        moved = array.transpose(*range(lead), *(lead + axis for axis in self.order))
        return self._flip(moved)

    def from_canonical(self, array: Array) -> Array:
        """View a canonical array in the order of the file."""
        lead = array.ndim - len(self.order)
        back = self._flip(array)
        return back.transpose(*range(lead), *(lead + int(axis) for axis in np.argsort(self.order)))

    def _flip(self, array: Array) -> Array:
        lead = array.ndim - len(self.order)
        axes = tuple(lead + axis for axis, flip in enumerate(self.flips) if flip)
        flipped: Array = np.flip(array, axes)
        return flipped

    def reorder(self, per_axis: tuple[float, ...]) -> tuple[float, ...]:
        """Put one number for each file axis into canonical order."""
        return tuple(per_axis[axis] for axis in self.order)


def case_facts(image: Image, mask: LabelMap, rng: np.random.Generator) -> CaseFacts:
    """Collect what a plan needs to know about one labelled case."""
    orientation = Orientation.of(image.grid)
    classes = orientation.to_canonical(mask.legend.to_classes(mask.array))
    n_classes = mask.legend.n_classes
    counts = np.bincount(classes.reshape(-1), minlength=n_classes + 1)
    is_volume = image.grid.affine is not None
    drawn = (classes > 0) & (classes < n_classes)
    inside = np.flatnonzero(drawn)
    if inside.size > N_INTENSITIES:
        inside = rng.choice(inside, N_INTENSITIES, replace=False)
    channels = orientation.to_canonical(image.array)
    sample = np.stack([channel.reshape(-1)[inside] for channel in channels])
    return CaseFacts(
        shape=classes.shape,
        # Pictures go pixel by pixel, also those whose spacing is known: see `network_shape`.
        spacing_mm=orientation.reorder(image.grid.unit_spacing) if is_volume else (1.0, 1.0),
        class_voxels=tuple(int(n) for n in counts[:n_classes]),
        n_unlabelled=int(counts[n_classes]),
        class_centres=tuple(_centre(classes == k) for k in range(1, n_classes)),
        occupancy=occupancy_of(drawn),
        foreground=sample.astype(np.float32),
        contrast=_contrast(sample[0], channels[0]),
        is_colour=_is_colour(image),
        thickness=0.0 if is_volume else _thickness(classes, n_classes),
    )


def _thickness(classes: npt.NDArray[Any], n_classes: int) -> float:
    """Twice the largest distance to the edge, of the thinnest structure that is there."""
    inside = [classes == k for k in range(1, n_classes)]
    return min((2 * float(distance_transform_edt(m).max()) for m in inside if m.any()), default=0.0)


def occupancy_of(inside: npt.NDArray[np.bool_], n_sections: int = 8) -> npt.NDArray[np.float64]:
    """Labelled part of each section; an axis of fewer voxels is repeated first."""
    part = inside.astype(np.float64)
    for axis in range(inside.ndim):
        if part.shape[axis] < n_sections:
            part = np.repeat(part, n_sections, axis=axis)
        sections = np.array_split(part, n_sections, axis=axis)
        part = np.stack([section.mean(axis=axis) for section in sections], axis=axis)
    return part


def _contrast(inside: Array, scan: Array) -> float:
    spread = float(scan.std())
    if inside.size == 0 or spread == 0:
        return 0.0
    return (float(inside.mean()) - float(scan.mean())) / spread


def _is_colour(image: Image) -> bool:
    """Whether a picture has three channels that differ by more than compression makes them."""
    if image.grid.ndim != 2 or image.n_channels != 3:
        return False
    channels = image.array.astype(np.float32)
    spread = float(channels.max() - channels.min())
    return bool(np.abs(channels - channels.mean(0)).mean() > 0.01 * max(spread, 1e-6))


def _centre(inside: npt.NDArray[np.bool_]) -> tuple[float, ...]:
    if not inside.any():
        return (float("nan"),) * inside.ndim
    centre = []
    for axis in range(inside.ndim):
        others = tuple(a for a in range(inside.ndim) if a != axis)
        mass = inside.sum(axis=others)
        centre.append(float((mass * np.arange(mass.size)).sum() / mass.sum() / mass.size))
    return tuple(centre)


def network_shape(image: Image, plan: Plan) -> tuple[int, ...]:
    """Shape of an image at the plan's spacing, axes in canonical order."""
    orientation = Orientation.of(image.grid)
    shape = orientation.reorder(image.grid.shape)
    if plan.pixel_units:
        return tuple(max(1, round(n / s)) for n, s in zip(shape, plan.spacing_mm, strict=True))
    spacing = orientation.reorder(image.grid.unit_spacing)
    return tuple(
        max(1, round(n * old / new))
        for n, old, new in zip(shape, spacing, plan.spacing_mm, strict=True)
    )


def require_fit(image: Image, plan: Plan) -> None:
    """Raise a `ModelError` where an image has other channels or axes than a plan."""
    # A volume has other channels than a picture, too: the axes are what is to be told.
    if image.grid.ndim != len(plan.spacing_mm):
        raise ModelError(
            "The image does not fit the model",
            got=f"{image.grid.ndim} axes",
            expected=len(plan.spacing_mm),
            cure="A model of volumes needs volumes, a model of pictures needs pictures.",
        )
    require_channels(image, plan.in_channels)


def require_channels(image: Image, n_channels: int) -> None:
    """Raise a `ModelError` where an image has other channels than a model."""
    if image.n_channels != n_channels:
        raise ModelError(
            "The image does not fit the model",
            got=f"{image.n_channels} channels",
            expected=n_channels,
            cure="Give the channels that the model was trained with, in the same order.",
        )


def prepare_image(image: Image, plan: Plan) -> npt.NDArray[np.float32]:
    """Bring an image to the axes, spacing and intensities of a plan.

    Returns
    -------
    float32 array of shape (C, *spatial)
        With the slice axis first where the plan goes slice by slice.

    Raises
    ------
    ModelError
        If the image has another number of channels or axes than the plan.
    """
    require_fit(image, plan)
    array = Orientation.of(image.grid).to_canonical(image.array)
    resampled = resample_image(array, network_shape(image, plan))
    return slices_first(_normalise(resampled, plan), plan)


def prepare_labels(mask: LabelMap, image: Image, plan: Plan) -> npt.NDArray[np.uint8]:
    """Bring a mask to the axes and spacing of a plan, as contiguous classes."""
    classes = Orientation.of(mask.grid).to_canonical(mask.legend.to_classes(mask.array))
    resampled = resample_labels(classes, network_shape(image, plan), mask.legend.n_classes)
    labels: npt.NDArray[np.uint8] = slices_first(resampled.astype(np.uint8)[None], plan)[0]
    return labels


def slices_first(array: npt.NDArray[S], plan: Plan) -> npt.NDArray[S]:
    """Move the slice axis of ``(C, *spatial)`` to the front of the spatial axes."""
    if plan.slice_axis is not None:
        array = np.moveaxis(array, 1 + plan.slice_axis, 1)
    return np.ascontiguousarray(array)


def _normalise(array: npt.NDArray[np.float32], plan: Plan) -> npt.NDArray[np.float32]:
    out = np.empty_like(array)
    for c, channel in enumerate(array):
        if plan.normalisation[c] == "cohort":
            low, high, mean, sd = plan.intensity[c]
        else:
            low, high, mean, sd = scan_intensity(channel)
        np.clip(channel, low, high, out=out[c])
        out[c] -= mean
        out[c] /= max(sd, 1e-6)
    return out


def scan_intensity(channel: npt.NDArray[np.floating]) -> tuple[float, float, float, float]:
    """Limits that a scan's intensities are cut at, and their mean and spread within."""
    # A regular sample is enough for a percentile and bounds the time on large scans.
    sample = channel.reshape(-1)[:: max(1, channel.size // 1_000_000)]
    low, high = (float(v) for v in np.percentile(sample, CLIP_PERCENT))
    clipped = np.clip(sample, low, high)
    return low, high, float(clipped.mean()), float(clipped.std())
