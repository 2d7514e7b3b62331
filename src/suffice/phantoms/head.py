"""A head of ellipsoids, with a brain, eyes, a nose and a chin, in the size of an adult's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from suffice.core import Grid

Mask = npt.NDArray[np.bool_]

# Millimetres: centre and radii, right, front and up; after the proportions of the MNI template.
_BRAIN = ((0.0, -18.0, 15.0), (68.0, 88.0, 65.0))
_SCALP = ((0.0, -15.0, 15.0), (82.0, 105.0, 85.0))
_FACE = ((0.0, 35.0, -60.0), (60.0, 52.0, 75.0))
_NOSE = ((0.0, 90.0, -60.0), (15.0, 15.0, 20.0))
_EYES = (((-32.0, 68.0, -40.0), (12.0, 12.0, 12.0)), ((32.0, 68.0, -40.0), (12.0, 12.0, 12.0)))
_NECK_CENTRE, _NECK_RADIUS = (0.0, -25.0), 55.0
_EXTENT = ((-100.0, 100.0), (-130.0, 120.0), (-150.0, 115.0))
# Brightness of brain, scalp and face, eyes; in HU, and as T1-weighted MR has it.
_CT, _MR = (40.0, 60.0, 20.0), (600.0, 800.0, 250.0)


@dataclass(frozen=True)
class Head:
    """A head and its parts, in the axis order of its array.

    Parameters
    ----------
    array : array of shape (X, Y, Z)
    grid : Grid
    brain, features : mask of shape (X, Y, Z)
        The brain; eyes, nose and the skin before them.
    """

    array: npt.NDArray[Any]
    grid: Grid
    brain: Mask
    features: Mask


def head(
    *, is_ct: bool = False, spacing_mm: float = 3.0, tilt_degrees: float = 0.0, seed: int = 0
) -> Head:
    """Draw a head.

    Parameters
    ----------
    tilt_degrees : float
        Nodding: positive lifts the chin.
    seed : int
        Of the noise.
    """
    axes = [np.arange(low, high, spacing_mm) for low, high in _EXTENT]
    at = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    angle = np.deg2rad(tilt_degrees)
    turn = np.array(
        [
            [1.0, 0.0, 0.0],
            [0.0, np.cos(angle), np.sin(angle)],
            [0.0, -np.sin(angle), np.cos(angle)],
        ]
    )
    own = at @ turn.T
    brain, scalp, face, nose = (_inside(own, part) for part in (_BRAIN, _SCALP, _FACE, _NOSE))
    eyes = _inside(own, _EYES[0]) | _inside(own, _EYES[1])
    across = (own[..., 0] - _NECK_CENTRE[0]) ** 2 + (own[..., 1] - _NECK_CENTRE[1]) ** 2
    neck = (across < _NECK_RADIUS**2) & (own[..., 2] < -20)
    body = scalp | face | nose | neck
    values = _CT if is_ct else _MR
    array = np.where(body, values[1], -1000.0 if is_ct else 0.0)
    array[brain], array[eyes] = values[0], values[2]
    rng = np.random.default_rng(seed)
    array += rng.normal(0, 15, array.shape)
    array = array.clip(-1024 if is_ct else 0).astype(np.int16)
    skin = (face | nose) & (own[..., 1] > 65) & (own[..., 2] < -20)
    affine = np.diag([spacing_mm] * 3 + [1.0])
    affine[:3, 3] = [axis[0] for axis in axes]
    return Head(array, Grid(array.shape, affine), brain & ~eyes, eyes | nose | skin)


def _inside(at: npt.NDArray[np.float64], part: tuple[Any, Any]) -> Mask:
    centre, radii = part
    return np.asarray((((at - centre) / radii) ** 2).sum(axis=-1) <= 1)
