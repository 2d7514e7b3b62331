"""A scan whose truth is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from suffice.core import Image, LabelMap


@dataclass(frozen=True, eq=False)
class Phantom:
    """An image made by code, its mask, and the true volumes that the mask approximates.

    Parameters
    ----------
    image : Image
        What a scanner would have shown.
    truth : LabelMap
        The structure that fills most of each voxel.
    volumes_ml : dict of str to float
        Volume of each structure by fine quadrature of its shape, independent of the voxels;
        empty for pictures.
    """

    image: Image
    truth: LabelMap
    volumes_ml: Mapping[str, float]
