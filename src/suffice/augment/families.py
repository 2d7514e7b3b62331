"""Families of changes by name, each of which can be left out to see what it is worth."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from suffice.augment.policy import Augmentation
from suffice.core import UsageError

# What of the spatial ranges moves nothing.
_NEUTRAL: dict[str, dict[str, Any]] = {
    "flip": {"flip_probability": 0.0},
    "rotation": {"rotation_deg": 0.0},
    "scale": {"scale": 1.0, "stretch": 1.0},
    "shear": {"shear": 0.0},
    "elastic": {"bend": 0.0},
}
FAMILIES: dict[str, str] = {
    "flip": "mirrored axes",
    "rotation": "rotation about each axis",
    "scale": "scaling, of all axes alike and of each",
    "shear": "shear",
    "elastic": "smooth bending",
    "brightness": "an offset",
    "contrast": "a gain",
    "gamma": "a curve between intensities",
    "colour": "channels against each other, paler colours, inverted intensities",
    "stain": "amounts of dye on a slide",
    "noise": "Gaussian, Rician and Poisson noise, and speckle",
    "resolution": "blur, sharpening, coarser voxels and thicker slices",
    "bias_field": "a gain that changes across the scan",
    "artefacts": "ghosting, spikes and motion of MR",
    "hounsfield": "CT that is off by some HU, and narrower windows",
    "cutout": "blanked boxes",
}


def families_of(augmentation: Augmentation) -> tuple[str, ...]:
    """Name the families that an augmentation makes use of."""
    return tuple(name for name in FAMILIES if without(augmentation, name) != augmentation)


def without(augmentation: Augmentation, family: str) -> Augmentation:
    """Leave one family out.

    Raises
    ------
    UsageError
        If there is no family of this name.

    Examples
    --------
    >>> from suffice.augment import POLICIES
    >>> families_of(without(POLICIES["light"], "noise"))
    ('flip', 'rotation', 'scale', 'brightness', 'contrast', 'gamma')
    """
    if family not in FAMILIES:
        raise UsageError(
            "There is no family of augmentation of this name",
            got=repr(family),
            expected=", ".join(FAMILIES),
        )
    if family in _NEUTRAL:
        return replace(augmentation, spatial=replace(augmentation.spatial, **_NEUTRAL[family]))
    kept = tuple(each for each in augmentation.intensity if each.family != family)
    return replace(augmentation, intensity=kept)
