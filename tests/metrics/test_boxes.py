"""Boxes lose no voxel of a structure, however many structures there are."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from suffice.core import Legend
from suffice.metrics.boxes import structure_boxes


@settings(max_examples=80, deadline=None)
@given(
    array_shapes(min_dims=2, max_dims=3, max_side=6).flatmap(
        lambda shape: st.lists(
            arrays(np.int16, shape, elements=st.sampled_from([0, 0, 0, 0, 1, 2, 17, -3])),
            min_size=2,
            max_size=2,
        )
    ),
    st.sampled_from([3, 20]),
    st.booleans(),
)
def test_every_voxel_of_a_structure_lies_in_its_box(masks, n_labels, is_fortran):
    if is_fortran:
        masks = [np.asfortranarray(mask) for mask in masks]
    legend = Legend.from_names({value: str(value) for value in range(1, n_labels + 1)})
    boxes = structure_boxes(masks, legend)
    assert set(boxes) == set(legend.values)
    for value, box in boxes.items():
        for mask in masks:
            assert np.count_nonzero(mask[box] == value) == np.count_nonzero(mask == value)


def test_many_structures_have_tight_boxes_of_their_own():
    mask = np.zeros((9, 9), dtype=np.uint16)
    mask[2:4, 3:7], mask[7, 8] = 1, 300
    legend = Legend.from_names({1: "a", 300: "b", **{v: str(v) for v in range(2, 15)}})
    boxes = structure_boxes([mask, mask], legend)
    assert boxes[1] == np.s_[2:4, 3:7]
    assert boxes[300] == np.s_[7:8, 8:9]
    assert mask[boxes[5]].size == 0
    assert structure_boxes([mask > 9, mask > 9], Legend.from_names({1: "a"}))[1] == boxes[300]
