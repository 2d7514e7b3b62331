"""Outlines and fills are each other's inverse, with holes, islands and pixels that touch."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage
from skimage.draw import polygon2mask

from suffice.io.objects.contours import filled, outlined

planes = arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12)))


@given(planes)
def test_an_outline_filled_is_the_plane_again(plane: np.ndarray) -> None:
    np.testing.assert_array_equal(filled(outlined(plane), plane.shape), plane)


@given(planes)
def test_there_is_an_outline_for_each_piece_and_none_for_holes(plane: np.ndarray) -> None:
    _, most = ndimage.label(plane)
    _, least = ndimage.label(plane, structure=np.ones((3, 3)))
    assert least <= len(outlined(plane)) <= most


@given(planes, st.integers(0, 1000))
def test_the_rounding_of_sixteen_characters_moves_no_pixel(plane: np.ndarray, seed: int) -> None:
    # A vertex is rounded where it stands: both sides of a keyhole alike.
    rng = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(rng.normal(size=(2, 2)))
    outlines = [np.round(contour @ turn * 0.7 + 300, 10) for contour in outlined(plane)]
    back = [(contour - 300) / 0.7 @ turn.T for contour in outlines]
    np.testing.assert_array_equal(filled(back, plane.shape), plane)


@given(st.lists(st.tuples(st.floats(-3, 15), st.floats(-3, 15)), min_size=3, max_size=6))
def test_a_triangle_and_its_like_are_filled_as_by_scikit_image(
    vertices: list[tuple[float, float]],
) -> None:
    # Off the centres of pixels by odd parts, where no convention on borders matters; by one part
    # along each axis, as a diagonal would meet the centres again.
    contour = np.add(np.round(np.array(vertices), 2), [0.0037101, 0.0011317])
    expected = polygon2mask((12, 12), contour)
    np.testing.assert_array_equal(filled([contour], (12, 12)), expected)


def test_a_contour_within_another_is_a_hole() -> None:
    outer = np.array([[0.5, 0.5], [0.5, 8.5], [8.5, 8.5], [8.5, 0.5]])
    inner = np.array([[2.5, 2.5], [2.5, 5.5], [5.5, 5.5], [5.5, 2.5]])
    mask = filled([outer, inner], (10, 10))
    assert mask.sum() == 64 - 9
    assert not mask[4, 4]
    keyhole = np.concatenate([outer[:1], inner, inner[:1], outer[:1], outer[1:]])
    np.testing.assert_array_equal(filled([keyhole], (10, 10)), mask)
