from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from suffice.core import FileFormatError, Grid, LabelMap, Legend
from suffice.io import read_grid, read_image, read_mask, write_mask

LEGEND = Legend.from_names({1: "one", 300: "many"})
SUFFIXES = [".nrrd", ".mha"]


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), suffix=st.sampled_from(SUFFIXES))
def test_grid_survives_writing(
    tmp_path: Path, grids: st.SearchStrategy, data: st.DataObject, suffix: str
):
    grid = data.draw(grids)
    values = np.random.default_rng(0).choice([0, 1, 300], size=grid.shape)
    path = tmp_path / f"m{suffix}"
    write_mask(path, LabelMap(values, grid, LEGEND), overwrite=True)
    back = read_mask(path, LEGEND)
    assert np.abs(back.grid.corners_mm() - grid.corners_mm()).max() < 1e-3
    assert np.array_equal(back.array, values) and back.array.dtype == np.uint16
    assert read_grid(path) == back.grid


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".nhdr", ".mhd"])
def test_voxel_and_place_are_those_of_itk(tmp_path: Path, suffix: str):
    image = sitk.GetImageFromArray(np.arange(24, dtype=np.int16).reshape(2, 3, 4))
    image.SetSpacing((0.5, 0.7, 3.0))
    image.SetOrigin((10.0, -20.0, 30.0))
    image.SetDirection((0, 0, 1, 1, 0, 0, 0, 1, 0))
    sitk.WriteImage(image, str(tmp_path / f"a{suffix}"))
    scan = read_image(tmp_path / f"a{suffix}")
    assert scan.array.shape == (1, 4, 3, 2) and scan.array.dtype == np.int16
    for index in [(0, 0, 0), (3, 1, 0), (2, 2, 1)]:
        assert scan.array[(0, *index)] == image.GetPixel(index)
        left_posterior = np.array(image.TransformIndexToPhysicalPoint(index))
        assert np.allclose(scan.grid.to_world_mm([index])[0], left_posterior * [-1, -1, 1])


def test_vector_components_are_channels(tmp_path: Path):
    array = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(np.float32)
    sitk.WriteImage(sitk.GetImageFromArray(array, isVector=True), str(tmp_path / "a.nrrd"))
    assert np.array_equal(read_image(tmp_path / "a.nrrd").array, array.transpose())


def test_fourth_axis_is_channels(tmp_path: Path):
    array = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(np.float32)
    sitk.WriteImage(sitk.GetImageFromArray(array, isVector=False), str(tmp_path / "a.mha"))
    assert np.array_equal(read_image(tmp_path / "a.mha").array, array.transpose(0, 3, 2, 1))


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("spacing", [None, (0.3, 0.4)])
def test_pictures_stay_two_dimensional(tmp_path: Path, suffix: str, spacing: tuple | None):
    grid = Grid((4, 6), pixel_spacing_mm=spacing)
    values = np.arange(24).reshape(4, 6) % 2
    write_mask(tmp_path / f"m{suffix}", LabelMap(values, grid, LEGEND))
    back = read_mask(tmp_path / f"m{suffix}", LEGEND)
    assert back.grid == grid and np.array_equal(back.array, values)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kept", [0, 20, 150])
def test_damaged_files_are_refused(tmp_path: Path, suffix: str, kept: int):
    path = tmp_path / f"a{suffix}"
    voxels = np.random.default_rng(0).integers(0, 9999, (9, 9, 9)).astype(np.int16)
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(path), useCompression=True)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(FileFormatError, match=r"'.*a\.(nrrd|mha)'.*(empty|not a whole)") as caught:
        read_image(path)
    assert "\n" not in str(caught.value)


def test_truncated_voxels_are_refused(tmp_path: Path):
    for suffix in SUFFIXES:
        path = tmp_path / f"a{suffix}"
        voxels = np.random.default_rng(0).integers(0, 9999, (19, 19, 19)).astype(np.int16)
        sitk.WriteImage(sitk.GetImageFromArray(voxels), str(path), useCompression=True)
        path.write_bytes(path.read_bytes()[:-3000])
        with pytest.raises(FileFormatError, match="not a whole"):
            read_image(path)


def test_real_masks_are_read(real_data: Callable[[str], Path]):
    folder = real_data("dicom_seg") / "dcmqi" / "24x38x3"
    grid = read_grid(folder / "nrrd" / "label.nrrd")
    grid.require_match(read_grid(folder / "image"), "the mask", "the series")
