"""The face goes, the brain stays."""

from __future__ import annotations

import numpy as np
import pytest

from suffice.core import Grid
from suffice.phantoms.head import head
from suffice.privacy.deface import NoHead, face_of, without_face


@pytest.mark.parametrize("is_ct", [False, True], ids=["MR", "CT"])
@pytest.mark.parametrize("tilt", [-12.0, -5.0, 0.0, 5.0, 12.0])
def test_the_features_go_and_the_brain_stays(is_ct: bool, tilt: float) -> None:
    made = head(is_ct=is_ct, tilt_degrees=tilt, seed=3)
    face = face_of(made.array, made.grid, is_ct=is_ct)
    assert not isinstance(face, NoHead)
    done = without_face(made.array, face, is_ct=is_ct)
    assert not (face & made.brain).any()
    np.testing.assert_array_equal(done[~face], made.array[~face])
    # A chin that is lifted far takes the lids behind the plane.
    share = (face & made.features).sum() / made.features.sum()
    assert share > (0.99 if abs(tilt) < 10 else 0.95)
    assert np.unique(done[face]).size == 1


@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
@pytest.mark.parametrize("flips", [(), (0,), (1, 2), (0, 1, 2)])
def test_how_the_volume_is_stored_does_not_matter(
    axes: tuple[int, ...], flips: tuple[int, ...]
) -> None:
    made = head(spacing_mm=4.0)
    face = face_of(made.array, made.grid)
    turn = np.zeros((4, 4))
    turn[3, 3] = 1
    for new, old in enumerate(axes):
        turn[old, new] = -1.0 if new in flips else 1.0
        if new in flips:
            turn[old, 3] = made.array.shape[old] - 1
    turned = np.flip(made.array.transpose(axes), flips)
    grid = Grid(turned.shape, made.grid.affine @ turn)
    again = face_of(np.ascontiguousarray(turned), grid)
    expected = np.flip(face.transpose(axes), flips)
    assert (again != expected).mean() < 0.01


def test_the_same_scan_gives_the_same_face() -> None:
    made = head(seed=1)
    np.testing.assert_array_equal(face_of(made.array, made.grid), face_of(made.array, made.grid))


@pytest.mark.parametrize("what", ["empty", "half a head", "a ball"])
def test_what_is_no_head_is_told(what: str) -> None:
    made = head(spacing_mm=4.0)
    array, grid = made.array, made.grid
    if what == "empty":
        array = np.zeros_like(array)
    elif what == "half a head":
        array, grid = array[..., 45:], Grid(array[..., 45:].shape, grid.affine)
    else:
        array = np.where(made.features, 500, 0).astype(np.int16)
    assert isinstance(face_of(array, grid), NoHead)
