from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from suffice.core import FileFormatError, GeometryError, Grid
from suffice.io import read_grid, read_image

PIXELS = np.arange(5 * 6 * 7, dtype=np.int16).reshape(5, 6, 7)


def through_itk(folder: Path) -> tuple[np.ndarray, Grid]:
    """Read a series with SimpleITK: voxels (X, Y, Z) and their grid."""
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    image = reader.Execute()
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    voxels = sitk.GetArrayFromImage(image).transpose().copy()
    return voxels, Grid(image.GetSize(), affine=np.diag([-1, -1, 1, 1]) @ affine)


def assert_as_itk(folder: Path) -> None:
    image = read_image(folder)
    voxels, grid = through_itk(folder)
    assert np.abs(image.grid.corners_mm() - grid.corners_mm()).max() < 1e-3
    assert np.allclose(image.array[0], voxels, rtol=1e-6)
    assert read_grid(folder) == image.grid


def test_slices_are_sorted_by_position(make_series: Callable[..., Path]):
    folder = make_series(PIXELS, InstanceNumber=7)
    image = read_image(folder)
    assert image.array.shape == (1, 7, 6, 5)
    assert np.array_equal(image.array[0], PIXELS.transpose())
    assert image.grid.spacing_mm == (0.75, 0.5, 2.5)
    assert_as_itk(folder)


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 999), gap=st.floats(0.3, 9), origin=st.floats(-500, 500))
def test_oblique_series_lie_where_itk_puts_them(
    make_series: Callable[..., Path], seed: int, gap: float, origin: float
):
    axes, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    across, down = axes[:, 0], axes[:, 1]
    step = np.cross(across, down) * round(gap, 3)
    positions = np.round([origin + step * i for i in range(5)], 5)
    orientation = np.round([*across, *down], 8)
    folder = make_series(
        PIXELS, folder=f"s{seed}-{gap}-{origin}", positions=positions, orientation=orientation
    )
    assert_as_itk(folder)


def test_gantry_tilt_is_an_exact_shear(make_series: Callable[..., Path]):
    folder = make_series(PIXELS, step=(0, 0.9, 2.5))
    grid = read_grid(folder)
    expected = np.array([[-0.75, 0, 0, 0], [0, -0.5, -0.9, 0], [0, 0, 2.5, 0], [0, 0, 0, 1.0]])
    assert np.allclose(grid.affine, expected)


def test_uneven_shift_is_refused(make_series: Callable[..., Path]):
    positions = [(0, 0, 0), (0, 0, 2), (0, 3, 4), (0, 0, 6), (0, 0, 8)]
    with pytest.raises(GeometryError, match=r"series.*shifted.*3\.00 mm off"):
        read_image(make_series(PIXELS, positions=positions))


def test_missing_slice_is_named_with_its_gap(make_series: Callable[..., Path]):
    positions = [(0, 0, z) for z in (0, 2.5, 5, 10, 12.5)]
    with pytest.raises(
        GeometryError, match=r"slices 3 and 4 of 5\): got a gap of 5\.00 mm, expected 2\.50 mm"
    ):
        read_grid(make_series(PIXELS, positions=positions))


def test_rounded_positions_are_forgiven(make_series: Callable[..., Path]):
    positions = [(0, 0, round(0.625 * i, 1)) for i in range(5)]
    assert read_grid(make_series(PIXELS, positions=positions)).shape == (7, 6, 5)


def test_doubled_position_is_refused(make_series: Callable[..., Path]):
    positions = [(0, 0, z) for z in (0, 2.5, 2.5, 5, 7.5)]
    with pytest.raises(GeometryError, match=r"1 slices? .*where another one does.*echo"):
        read_image(make_series(PIXELS, positions=positions))


def test_copies_of_one_instance_count_once(make_series: Callable[..., Path]):
    folder = make_series(PIXELS)
    for file in list(folder.iterdir())[:3]:
        (folder / f"copy of {file.name}").write_bytes(file.read_bytes())
    assert np.array_equal(read_image(folder).array[0], PIXELS.transpose())


def test_mixed_series_are_listed(make_series: Callable[..., Path]):
    make_series(PIXELS, SeriesNumber=4)
    folder = make_series(PIXELS, SeriesNumber=9, orientation=(0, 1, 0, 0, 0, 1), step=(3, 0, 0))
    with pytest.raises(
        FileFormatError, match=r"holds 2 series.*series \d \(CT, 5 of 7x6, '.*dcm'\).*Name a file"
    ) as caught:
        read_image(folder)
    assert "ecret" not in str(caught.value) and "SECRET" not in str(caught.value)


def test_any_file_of_a_series_stands_for_it(make_series: Callable[..., Path]):
    folder = make_series(PIXELS)
    make_series(PIXELS + 1000)
    for file in folder.iterdir():
        assert read_image(file).array.shape == (1, 7, 6, 5)
    lows = {int(read_image(file).array.min()) for file in folder.iterdir()}
    assert lows == {0, 1000}


def test_list_of_slices_is_a_series(make_series: Callable[..., Path]):
    files = sorted(make_series(PIXELS).iterdir())
    assert np.array_equal(read_image(files).array[0], PIXELS.transpose())
    with pytest.raises(GeometryError, match="unevenly spaced"):
        read_image([f for f in files if read_position(f) != 5.0])


def read_position(path: Path) -> float:
    import pydicom

    return float(pydicom.dcmread(path).ImagePositionPatient[2])


def test_single_slice_is_a_volume_of_its_thickness(make_series: Callable[..., Path]):
    grid = read_grid(make_series(PIXELS[:1]))
    assert grid.shape == (7, 6, 1) and grid.spacing_mm == (0.75, 0.5, 2.5)


def test_slices_of_several_spacings_are_refused(make_series: Callable[..., Path]):
    folder = make_series(PIXELS[:3], uid="1.2.3.44444")
    make_series(
        PIXELS[3:5], uid="1.2.3.44444", positions=[(0, 0, 7.5), (0, 0, 10)], PixelSpacing=[1, 1]
    )
    with pytest.raises(GeometryError, match="differ in pixel spacing"):
        read_image(folder)


def test_axes_that_are_not_square_are_refused(make_series: Callable[..., Path]):
    with pytest.raises(GeometryError, match="not at right angles"):
        read_image(make_series(PIXELS, orientation=(1, 0, 0, 0.6, 0.8, 0)))


def test_frames_without_positions_are_refused(make_series: Callable[..., Path]):
    with pytest.raises(GeometryError, match=r"5 frames of series .* no positions"):
        read_image(make_series(PIXELS, ImagePositionPatient=None, SeriesNumber=1))


@pytest.mark.parametrize("name", ["hippocampus_dicom", "sarcoma_STS_008", "dicom_seg/dcmqi"])
def test_real_series_agree_with_itk(real_data: Callable[[str], Path], name: str):
    root = real_data(name)
    folders = {f.parent for f in root.rglob("*.dcm") if f.parent.name != "mask"}
    series = [f for f in folders if f.name.endswith(("image", "Volume", "slice"))]
    assert series
    for folder in series:
        assert_as_itk(folder)


@pytest.mark.parametrize("name", ["CT", "MR_T1", "PET"])
def test_real_series_agree_with_their_nifti(real_data: Callable[[str], Path], name: str):
    root = real_data("sarcoma_STS_008")
    ours = read_image(root / "dicom" / name / "image")
    theirs = read_image(root / "nifti" / f"{name}_image.nii.gz")
    ours.grid.require_match(theirs.grid, "DICOM", "NIfTI")
    assert np.allclose(ours.array, theirs.array, rtol=1e-4, atol=1e-3)
    assert ours.unit == {"CT": "HU", "MR_T1": "none", "PET": "SUV"}[name]
