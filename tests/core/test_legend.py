import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from suffice.core import GeometryError, Grid, Image, LabelError, LabelMap, Legend, UsageError

LEGEND = Legend.from_names({2: "two", 700: "many", 9: "nine"})


@settings(max_examples=40, deadline=None)
@given(
    picks=hnp.arrays(
        np.uint8, hnp.array_shapes(min_dims=1, max_dims=3), elements=st.integers(0, 3)
    ),
    dtype=st.sampled_from([np.uint16, np.int16, np.int64]),
    fortran=st.booleans(),
)
def test_classes_and_values_are_inverse(picks: np.ndarray, dtype: type, fortran: bool):
    values = np.array([0, *LEGEND.values], dtype)[picks]
    values = np.asfortranarray(values) if fortran else values
    classes = LEGEND.to_classes(values)
    assert classes.dtype == np.uint8 and np.array_equal(classes, picks)
    assert np.array_equal(LEGEND.from_classes(classes), values)
    assert LEGEND.unknown_values(values) == []


@pytest.mark.parametrize("dtype", [np.int16, np.int64, np.uint16])
def test_unknown_values_are_found(dtype: type):
    mask = np.zeros((3, 4, 5), dtype)
    mask[1, 2, 3], mask[0, 0, 0] = 2, 5
    assert LEGEND.unknown_values(mask) == [5]
    if dtype != np.uint16:
        mask[2] = -1
        assert LEGEND.unknown_values(mask) == [-1, 5]
    with pytest.raises(LabelError, match=r"does not know: got .*5.*cohort\.toml"):
        LEGEND.to_classes(mask)


def test_values_beyond_sixteen_bits_are_unknown():
    assert LEGEND.unknown_values(np.array([[0, 2**40]])) == [2**40]


def test_labels_come_in_the_order_of_their_values():
    assert LEGEND.values == (2, 9, 700) and LEGEND.names == ("two", "nine", "many")
    assert len(LEGEND) == 3 and LEGEND.n_classes == 4
    assert len({label.colour for label in LEGEND}) == 3


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({}, "at least one structure"),
        ({0: "background"}, "1 to 65535"),
        ({70000: "far"}, "1 to 65535"),
        ({1: "same", 2: "same"}, "must be unique"),
        ({i: str(i) for i in range(1, 300)}, "at most 255"),
    ],
)
def test_impossible_legends_are_refused(names: dict[int, str], message: str):
    with pytest.raises(LabelError, match=message):
        Legend.from_names(names)


def test_mask_must_hold_known_integers_on_its_grid():
    grid = Grid((2, 3))
    with pytest.raises(LabelError, match="holds integers: got float"):
        LabelMap(np.zeros((2, 3)), grid, LEGEND)
    with pytest.raises(LabelError, match=r"does not know: got \[1\]"):
        LabelMap(np.ones((2, 3), int), grid, LEGEND)
    with pytest.raises(GeometryError, match="does not fit its grid"):
        LabelMap(np.zeros((3, 2), int), grid, LEGEND)


def test_image_must_fit_its_grid_and_be_of_a_kind():
    with pytest.raises(GeometryError, match=r"does not fit its grid: got \(2, 3\)"):
        Image(np.zeros((2, 3)), Grid((2, 3)))
    with pytest.raises(UsageError, match="Unknown modality: got XYZ"):
        Image(np.zeros((1, 2, 3)), Grid((2, 3)), "XYZ")
    with pytest.raises(UsageError, match="Unknown unit"):
        Image(np.zeros((1, 2, 3)), Grid((2, 3)), unit="kg")


def test_unlabelled_voxels_are_a_class_of_their_own() -> None:
    legend = Legend.from_names({1: "left", 4: "right"}, ignore=255)
    mask = np.array([[0, 1], [4, 255]])
    classes = legend.to_classes(mask)
    assert classes.tolist() == [[0, 1], [2, legend.n_classes]]
    np.testing.assert_array_equal(legend.from_classes(classes), mask)
    assert legend.unknown_values(mask) == []
    assert legend.whole.unknown_values(mask) == [255]
    held = LabelMap(mask, Grid((2, 2)), legend)
    assert held.unlabelled is not None and held.unlabelled.tolist() == [
        [False, False],
        [False, True],
    ]
    assert held.drawn.tolist() == [[0, 1], [4, 0]]
    assert LabelMap(mask[:1], Grid((1, 2)), legend).unlabelled is None


def test_a_legend_that_ignores_nothing_is_written_as_ever() -> None:
    legend = Legend.from_names({1: "left"})
    assert repr(legend) == f"Legend(labels={legend.labels!r})"
    assert repr(legend) != repr(Legend.from_names({1: "left"}, ignore=2))


@pytest.mark.parametrize("value", [0, 1, 70_000])
def test_the_value_of_unlabelled_voxels_is_no_other(value: int) -> None:
    with pytest.raises(LabelError, match="one that no structure has"):
        Legend.from_names({1: "left"}, ignore=value)
