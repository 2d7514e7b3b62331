import itertools

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suffice.core import Grid
from suffice.report.planes import PLANES, Upright, busiest_slice, cut

SHAPE = (5, 6, 7)


def _world(shape=SHAPE):
    """A volume in RAS order whose voxels know where they lie: right, anterior, superior."""
    return np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"))


def _stored(order, flips):
    """The same volume as a scanner may store it, with its affine."""
    affine = np.diag([1.0, 2.0, 3.0, 1.0])
    codes = np.array([[axis, flip] for axis, flip in zip(order, flips, strict=True)], dtype=float)
    arrays = [nib.orientations.apply_orientation(part, codes) for part in _world()]
    stored = affine @ nib.orientations.inv_ornt_aff(codes, SHAPE)
    return np.stack(arrays), Grid(arrays[0].shape, affine=stored)


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(list(itertools.permutations(range(3)))),
    st.tuples(*[st.sampled_from((1, -1))] * 3),
)
def test_however_stored_the_slices_look_the_same(order, flips):
    arrays, grid = _stored(order, flips)
    upright = Upright.of(grid)
    assert upright.spacing_mm == pytest.approx((1.0, 2.0, 3.0))
    for found, wanted in zip(arrays, _world(), strict=True):
        np.testing.assert_array_equal(upright.apply(found), wanted)


def test_patients_right_is_on_the_left_and_anterior_and_head_are_up():
    right, front, head = _world()
    axial, coronal, sagittal = PLANES
    for plane in (axial, coronal):
        columns = cut(right, plane, 2)[0]
        assert columns[0] == SHAPE[0] - 1 and columns[-1] == 0
        assert plane.letters[:2] == "RL"
    assert cut(front, axial, 2)[0, 0] == SHAPE[1] - 1, "anterior is the top row"
    assert cut(head, coronal, 2)[0, 0] == SHAPE[2] - 1, "the head is the top row"
    assert cut(head, sagittal, 2)[0, 0] == SHAPE[2] - 1
    assert cut(front, sagittal, 2)[0, 0] == SHAPE[1] - 1, "the face looks to the left"


def test_busiest_slice_has_the_most_labelled_voxels():
    mask = np.zeros(SHAPE, np.uint8)
    mask[1, 2, 3] = 1
    mask[:, :3, 4] = 2
    assert busiest_slice(mask, PLANES[0]) == 4
    assert busiest_slice(np.zeros(SHAPE), PLANES[0]) == SHAPE[2] // 2


def test_oblique_scan_is_known():
    turn = np.eye(4)
    angle = np.deg2rad(15)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    assert Upright.of(Grid(SHAPE, affine=turn)).is_oblique
    assert not Upright.of(Grid.from_spacing(SHAPE, (1, 1, 5))).is_oblique
