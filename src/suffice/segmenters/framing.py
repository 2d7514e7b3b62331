"""Which part of a scan a network sees, and along which axes: our way or that of nnU-Net."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from suffice.core import CohortError, Image, LabelMap, ModelError
from suffice.segmenters.nnunet_preparing import normalised, not_empty, resampled
from suffice.segmenters.preparing import (
    Orientation,
    network_shape,
    prepare_image,
    prepare_labels,
    require_fit,
    slices_first,
)
from suffice.training.plan import Plan
from suffice.training.resampling import resample_labels

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Frame:
    """What of a scan a network sees.

    Parameters
    ----------
    orientation : Orientation
        From the axes of the file to those of the network.
    whole : tuple of int
        Shape of the scan along the axes of the network.
    box : tuple of slice
        What is cut out of it.
    shape : tuple of int
        Of the cut at the plan's spacing.
    """

    orientation: Orientation
    whole: tuple[int, ...]
    box: tuple[slice, ...]
    shape: tuple[int, ...]

    @classmethod
    def of(cls, image: Image, plan: Plan) -> Frame:
        """Find what a plan's network sees of an image; nnU-Net cuts off what is zero around it."""
        orientation = orientation_of(image, plan)
        whole = tuple(int(n) for n in orientation.reorder(image.grid.shape))
        if plan.preparation == "suffice":
            return cls(
                orientation,
                whole,
                tuple(slice(0, n) for n in whole),
                network_shape(image, plan),
            )
        box = not_empty(orientation.to_canonical(image.array))
        # A spacing of 0 leaves an axis as it is.
        spacing = orientation.reorder(image.grid.unit_spacing)
        if plan.pixel_units:
            spacing = (1.0,) * len(whole)
        shape = tuple(
            max(1, round(old / (new or old) * (part.stop - part.start)))
            for old, new, part in zip(spacing, plan.spacing_mm, box, strict=True)
        )
        return cls(orientation, whole, box, shape)

    @property
    def cut(self) -> tuple[int, ...]:
        """Shape of what is cut out."""
        return tuple(part.stop - part.start for part in self.box)

    def place(self, out: Array) -> Array:
        """Put what a network said of the cut back into the scan, on the axes of the file.

        Parameters
        ----------
        out : array of shape (*cut) or (K, *cut)
            Classes, or their probabilities.
        """
        if self.cut != self.whole:
            lead = out.shape[: out.ndim - len(self.whole)]
            full = np.zeros((*lead, *self.whole), out.dtype)
            if lead:
                full[0] = 1
            place: tuple[Any, ...] = (..., *self.box)
            full[place] = out
            out = full
        return np.ascontiguousarray(self.orientation.from_canonical(out))


def orientation_of(image: Image, plan: Plan) -> Orientation:
    """Say how the axes of an image become those of a plan's network."""
    turned = Orientation.of(image.grid)
    if not plan.reorient:
        n = image.grid.ndim
        turned = Orientation(tuple(range(n)), (False,) * n)
    if not plan.axis_order:
        return turned
    return Orientation(
        tuple(turned.order[axis] for axis in plan.axis_order),
        tuple(turned.flips[axis] for axis in plan.axis_order),
    )


def prepare_scan(image: Image, plan: Plan) -> tuple[npt.NDArray[np.float32], Frame]:
    """Bring an image to what a plan's network sees.

    Returns
    -------
    float32 array of shape (C, *spatial)
        With the slice axis first where the plan goes slice by slice.
    Frame

    Raises
    ------
    ModelError
        If the image has another number of channels or axes than the plan.
    """
    require_fit(image, plan)
    frame = Frame.of(image, plan)
    if plan.preparation == "suffice":
        return prepare_image(image, plan), frame
    array = frame.orientation.to_canonical(image.array)[(slice(None), *frame.box)]
    spacing = np.array(frame.orientation.reorder(image.grid.unit_spacing))
    target = np.where(np.array(plan.spacing_mm) > 0, plan.spacing_mm, spacing)
    prepared = resampled(normalised(array, plan), frame.shape, spacing, target)
    return slices_first(prepared, plan), frame


def prepare_like_others(image: Image, plan: Plan, name: str) -> npt.NDArray[np.float32]:
    """Bring a scan of a cohort to what a plan's network sees.

    Raises
    ------
    CohortError
        If it has another number of channels or axes than the plan; it is called ``name``.
    """
    try:
        return prepare_scan(image, plan)[0]
    except ModelError as error:
        raise CohortError(
            f"{name} is unlike the others",
            got=error.got,
            expected=error.expected,
            cure="Leave it out of cases.csv, or convert it.",
        ) from error


def prepare_mask(mask: LabelMap, image: Image, plan: Plan) -> npt.NDArray[np.uint8]:
    """Bring a mask to what a plan's network sees of its image, as contiguous classes."""
    if plan.preparation == "suffice":
        return prepare_labels(mask, image, plan)
    frame = Frame.of(image, plan)
    classes = frame.orientation.to_canonical(mask.legend.to_classes(mask.array))[frame.box]
    small = resample_labels(classes, frame.shape, mask.legend.n_classes)
    labels: npt.NDArray[np.uint8] = slices_first(small[None], plan)[0]
    return labels
