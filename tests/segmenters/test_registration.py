from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from suffice.segmenters.registration import (
    Registration,
    affine,
    deformed,
    itk_image,
    single_threaded,
    warped,
)


def shape_at(points: np.ndarray) -> np.ndarray:
    """An egg with a bright spot, so that neither shift nor rotation is ambiguous."""
    row, column = points
    egg = np.exp(-(((row / 12.0) ** 2 + (column / 8.0) ** 2) ** 2))
    spot = 0.6 * np.exp(-((row - 5) ** 2 + (column - 2) ** 2) / 8)
    return (egg + spot).astype(np.float32)


def scan(turn: float = 0.0, shift: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    rows, columns = np.indices((44, 40)).astype(float)
    points = np.stack([rows - 22 - shift[0], columns - 20 - shift[1]])
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return shape_at(np.tensordot(rotation, points, axes=1))


@pytest.mark.parametrize(("metric", "voxels"), [("correlation", 1.0), ("mutual information", 2.0)])
def test_a_known_shift_and_rotation_is_found_within_voxels(metric: str, voxels: float) -> None:
    turn, shift, spacing = 0.2, (3.0, -2.0), (0.8, 0.6)
    with single_threaded():
        fixed = itk_image(scan(), spacing)
        found = affine(fixed, itk_image(scan(turn, shift), spacing), metric)  # type: ignore[arg-type]
    for row, column in [(0.0, 0.0), (8.0, 0.0), (-4.0, 5.0)]:
        middle, size = np.array([22.0, 20.0]), np.array(spacing)
        there = np.array(
            [
                np.cos(turn) * row - np.sin(turn) * column,
                np.sin(turn) * row + np.cos(turn) * column,
            ]
        )
        place = (middle + [row, column] + 0.5) * size
        got = np.array(found.TransformPoint(place[::-1].tolist()))[::-1] / size - 0.5
        assert np.abs(got - (middle + there + shift)).max() < voxels


@pytest.mark.parametrize("deformation", ["global", "local"])
def test_displacements_bring_a_shape_onto_another(deformation: str) -> None:
    fixed, moving = scan(), scan(shift=(2.0, 1.0))
    settings = Registration(deformation=deformation)  # type: ignore[arg-type]
    with single_threaded():
        field = deformed(fixed, moving, (1.0, 1.0), settings)
        moved = warped(moving, (1.0, 1.0), itk_image(fixed, (1.0, 1.0)), fixed.shape, field)
    assert np.abs(moved - fixed).mean() < 0.3 * np.abs(moving - fixed).mean()


def test_a_volume_of_few_slices_keeps_its_shape() -> None:
    fixed = np.repeat(scan()[..., None], 2, axis=2)
    with single_threaded():
        field = deformed(fixed, fixed, (1.0, 1.0, 5.0), Registration())
        reference = itk_image(fixed, (1.0, 1.0, 5.0))
        moved = warped(fixed, (1.0, 1.0, 5.0), reference, fixed.shape, field)
    np.testing.assert_allclose(moved, fixed, atol=1e-3)


def test_scans_without_contrast_stay_where_they_are() -> None:
    flat = itk_image(np.zeros((16, 16), np.float32), (1.0, 1.0))
    with single_threaded():
        found = affine(flat, flat, "correlation")
    np.testing.assert_allclose(found.TransformPoint((3.0, 4.0)), (3.0, 4.0))


def test_threads_are_as_before_afterwards() -> None:
    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    with single_threaded():
        assert sitk.ProcessObject.GetGlobalDefaultNumberOfThreads() == 1
    assert sitk.ProcessObject.GetGlobalDefaultNumberOfThreads() == before
