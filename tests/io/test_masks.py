from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image as Pillow

from suffice.core import (
    FileFormatError,
    GeometryError,
    Grid,
    LabelError,
    LabelMap,
    Legend,
    StorageError,
)
from suffice.io import (
    mask_suffix_for,
    read_image,
    read_mask,
    read_mask_array,
    write_mask,
    write_probabilities,
)

TWO = Legend.from_names({1: "one", 2: "two"})
ONE = Legend.from_names({1: "one"})
VOLUME = Grid.from_spacing((3, 4, 5), (1, 1, 2))


def save(path: Path, voxels: np.ndarray, affine: np.ndarray | None = None) -> Path:
    nib.save(nib.Nifti1Image(voxels, np.eye(4) if affine is None else affine), path)
    return path


def test_whole_floats_become_integers(tmp_path: Path):
    values, _ = read_mask_array(save(tmp_path / "m.nii", np.full((2, 2, 2), 2.0004, np.float32)))
    assert values.dtype == np.uint8 and (values == 2).all()
    values, _ = read_mask_array(save(tmp_path / "n.nii", np.full((2, 2, 2), -3.0, np.float64)))
    assert values.dtype == np.int32 and (values == -3).all()


@pytest.mark.parametrize("odd", [0.5, np.nan, np.inf])
def test_values_that_are_not_whole_are_refused(tmp_path: Path, odd: float):
    voxels = np.zeros((2, 2, 2), np.float32)
    voxels[0, 0, :] = odd
    with pytest.raises(LabelError, match=r"m\.nii' holds 2 values .* not whole.*threshold"):
        read_mask_array(save(tmp_path / "m.nii", voxels))


def test_several_volumes_are_no_mask(tmp_path: Path):
    with pytest.raises(LabelError, match="holds 3 channels where a mask has one"):
        read_mask_array(save(tmp_path / "m.nii", np.zeros((2, 2, 2, 3), np.uint8)))


def test_unknown_values_are_named_with_the_file(tmp_path: Path):
    voxels = np.arange(8, dtype=np.uint8).reshape(2, 2, 2)
    with pytest.raises(LabelError, match=r"m\.nii' holds values .*\[3, 4, 5, 6, 7\].*\[1, 2\]"):
        read_mask(save(tmp_path / "m.nii", voxels), TWO)


def test_255_marks_the_only_structure(tmp_path: Path):
    marked = (np.arange(12).reshape(3, 4) % 2 * 255).astype(np.uint8)
    Pillow.fromarray(marked).save(tmp_path / "m.png")
    seven = Legend.from_names({7: "lung"})
    assert np.array_equal(read_mask(tmp_path / "m.png", ONE).array, marked > 0)
    assert np.array_equal(read_mask(tmp_path / "m.png", seven).array, (marked > 0) * 7)
    with pytest.raises(LabelError, match="does not know"):
        read_mask(tmp_path / "m.png", TWO)


def test_255_beside_other_values_is_refused(tmp_path: Path):
    Pillow.fromarray(np.array([[0, 1], [255, 0]], np.uint8)).save(tmp_path / "m.png")
    with pytest.raises(LabelError, match=r"does not know: got \[255\]"):
        read_mask(tmp_path / "m.png", ONE)


def test_interpolated_grey_is_refused(real_data: Callable[[str], Path]):
    with pytest.raises(LabelError, match="does not know"):
        read_mask(next((real_data("chest_xray_lungs") / "masks").iterdir()), ONE)


@pytest.mark.parametrize(("top", "dtype"), [(2, np.uint8), (255, np.uint8), (256, np.uint16)])
@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha", ".tif"])
def test_smallest_unsigned_type_is_written(tmp_path: Path, top: int, dtype: type, suffix: str):
    mask = LabelMap(np.full(VOLUME.shape, top), VOLUME, Legend.from_names({top: "all"}))
    write_mask(tmp_path / f"m{suffix}", mask)
    assert read_mask_array(tmp_path / f"m{suffix}")[0].dtype == dtype


def test_nothing_is_replaced_unasked(tmp_path: Path):
    mask = LabelMap(np.zeros(VOLUME.shape, int), VOLUME, ONE)
    write_mask(tmp_path / "m.nii.gz", mask)
    with pytest.raises(StorageError, match="exists already"):
        write_mask(tmp_path / "m.nii.gz", mask)
    write_mask(tmp_path / "m.nii.gz", mask, overwrite=True)
    assert [f.name for f in tmp_path.iterdir()] == ["m.nii.gz"]


@pytest.mark.parametrize("suffix", [".jpg", ".txt", ""])
def test_lossy_and_unknown_formats_are_refused(tmp_path: Path, suffix: str):
    mask = LabelMap(np.zeros((3, 4), int), Grid((3, 4)), ONE)
    with pytest.raises(FileFormatError, match="names no format for a mask"):
        write_mask(tmp_path / f"m{suffix}", mask)
    assert not list(tmp_path.iterdir())


def test_format_must_hold_the_grid(tmp_path: Path):
    picture = LabelMap(np.zeros((3, 4), int), Grid((3, 4)), ONE)
    with pytest.raises(GeometryError, match=r"m\.nii' cannot hold this mask: got a picture"):
        write_mask(tmp_path / "m.nii", picture)
    volume = LabelMap(np.zeros(VOLUME.shape, int), VOLUME, ONE)
    with pytest.raises(GeometryError, match=r"m\.png' cannot hold this mask: got a volume"):
        write_mask(tmp_path / "m.png", volume)


def test_like_on_another_grid_is_refused(tmp_path: Path):
    scan = save(tmp_path / "scan.nii", np.zeros((3, 4, 5), np.uint8))
    mask = LabelMap(np.zeros(VOLUME.shape, int), VOLUME, ONE)
    with pytest.raises(GeometryError, match=r"scan\.nii' and its mask lie on different grids"):
        write_mask(tmp_path / "m.nii.gz", mask, like=scan)


def test_like_of_another_format_gives_its_grid_alone(
    tmp_path: Path, make_series: Callable[..., Path]
):
    folder = make_series(np.zeros((3, 4, 5), np.int16))
    grid = read_image(folder).grid
    write_mask(tmp_path / "m.nii.gz", LabelMap(np.zeros(grid.shape, int), grid, ONE), like=folder)
    assert read_mask(tmp_path / "m.nii.gz", ONE).grid.matches(grid)


def test_suffix_follows_the_scan(tmp_path: Path, make_series: Callable[..., Path]):
    scan = LabelMap(np.zeros(VOLUME.shape, int), VOLUME, ONE)
    picture = LabelMap(np.zeros((3, 4), int), Grid((3, 4)), ONE)
    for name, expected in [
        ("a.nii", ".nii.gz"),
        ("b.nrrd", ".nrrd"),
        ("c.mha", ".mha"),
        ("d.tif", ".nii.gz"),
    ]:
        write_mask(tmp_path / name, scan)
        assert mask_suffix_for(tmp_path / name) == expected
    for name in ("e.tif", "f.png", "g.nrrd"):
        write_mask(tmp_path / name, picture)
        assert mask_suffix_for(tmp_path / name) == ".png"
    assert mask_suffix_for(make_series(np.zeros((3, 4, 5), np.int16))) == ".nii.gz"


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_probabilities_come_back_by_class(tmp_path: Path, dtype: type):
    rng = np.random.default_rng(0)
    for name, grid in [("p.nii.gz", VOLUME), ("p.tif", Grid((3, 4), pixel_spacing_mm=(0.1, 0.2)))]:
        chances = rng.random((3, *grid.shape)).astype(dtype)
        write_probabilities(tmp_path / name, chances, grid, overwrite=True)
        back = read_image(tmp_path / name)
        assert back.array.dtype == np.float32 and back.grid.matches(grid)
        assert np.array_equal(back.array, chances.astype(np.float32))


def test_probabilities_need_their_grid_and_format(tmp_path: Path):
    with pytest.raises(GeometryError, match="do not fit the grid"):
        write_probabilities(tmp_path / "p.nii", np.zeros((2, 3, 4), np.float32), VOLUME)
    with pytest.raises(FileFormatError, match=r"no format for probabilities.*\.nii\.gz"):
        write_probabilities(tmp_path / "p.tif", np.zeros((2, *VOLUME.shape), np.float32), VOLUME)
