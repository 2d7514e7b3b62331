from pathlib import Path

import numpy as np
import pytest
import tifffile

from suffice.core import FileFormatError, GeometryError, Grid, LabelError, LabelMap, Legend
from suffice.io import read_grid, read_image, read_mask, read_mask_array, write_mask

LEGEND = Legend.from_names({1: "one", 300: "many"})


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.float32])
def test_grey_pictures_keep_their_type(tmp_path: Path, dtype: type):
    array = np.arange(12).reshape(3, 4).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", array)
    image = read_image(tmp_path / "a.tif")
    assert image.array.dtype == dtype and np.array_equal(image.array[0], array)
    assert image.grid == Grid((3, 4))


def test_colours_come_first_and_alpha_goes(tmp_path: Path):
    array = np.arange(48, dtype=np.uint8).reshape(3, 4, 4)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb", extrasamples=["unassalpha"])
    image = read_image(tmp_path / "a.tif")
    assert np.array_equal(image.array, np.moveaxis(array[..., :3], -1, 0))


def test_stack_is_a_volume_with_imagej_spacing(tmp_path: Path):
    stack = np.arange(60, dtype=np.uint16).reshape(3, 4, 5)
    tifffile.imwrite(
        tmp_path / "a.tif",
        stack,
        imagej=True,
        resolution=(2.0, 4.0),
        metadata={"spacing": 3.0, "unit": "um", "axes": "ZYX"},
    )
    image = read_image(tmp_path / "a.tif")
    assert np.array_equal(image.array[0], stack.transpose())
    assert np.allclose(image.grid.spacing_mm, (0.5e-3, 0.25e-3, 3e-3))
    assert read_grid(tmp_path / "a.tif") == image.grid


def test_stack_without_spacing_has_unit_voxels(tmp_path: Path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((3, 4, 5), np.uint8), photometric="minisblack")
    assert read_grid(tmp_path / "a.tif") == Grid.from_spacing((5, 4, 3), None)


@pytest.mark.parametrize(
    ("resolution", "unit", "expected"),
    [
        ((100.0, 50.0), "CENTIMETER", (0.2, 0.1)),
        ((5080.0, 5080.0), "INCH", (0.005, 0.005)),
        ((72.0, 72.0), "INCH", None),
        ((300.0, 300.0), "INCH", None),
        ((10.0, 10.0), "NONE", None),
    ],
)
def test_resolution_is_believed_unless_it_is_a_screens(
    tmp_path: Path, resolution: tuple, unit: str, expected: tuple | None
):
    tifffile.imwrite(
        tmp_path / "a.tif", np.zeros((3, 4), np.uint8), resolution=resolution, resolutionunit=unit
    )
    spacing = read_grid(tmp_path / "a.tif").pixel_spacing_mm
    assert (spacing is None) if expected is None else np.allclose(spacing, expected)


@pytest.mark.parametrize("spacing", [None, (0.3, 0.4)])
def test_picture_masks_come_back(tmp_path: Path, spacing: tuple | None):
    mask = LabelMap(np.eye(4, 6, dtype=int) * 300, Grid((4, 6), pixel_spacing_mm=spacing), LEGEND)
    write_mask(tmp_path / "m.tif", mask)
    back = read_mask(tmp_path / "m.tif", LEGEND)
    assert np.array_equal(back.array, mask.array) and back.grid.matches(mask.grid)


def test_volume_masks_come_back_where_a_tiff_can_say_where(tmp_path: Path):
    grid = Grid.from_spacing((3, 4, 5), (0.5, 0.6, 2.0))
    mask = LabelMap(np.arange(60).reshape(3, 4, 5) % 2, grid, LEGEND)
    write_mask(tmp_path / "m.tif", mask)
    back = read_mask(tmp_path / "m.tif", LEGEND)
    assert np.array_equal(back.array, mask.array)
    assert np.abs(back.grid.corners_mm() - grid.corners_mm()).max() < 1e-3
    moved = Grid((3, 4, 5), affine=np.diag([-0.5, 0.6, 2.0, 1.0]))
    with pytest.raises(GeometryError, match=r"TIFF cannot say where.*nii\.gz"):
        write_mask(tmp_path / "n.tif", LabelMap(mask.array, moved, LEGEND))
    assert not (tmp_path / "n.tif").exists()


def test_mask_in_colours_is_refused(tmp_path: Path):
    array = np.arange(36, dtype=np.uint8).reshape(3, 4, 3)
    tifffile.imwrite(tmp_path / "m.tif", array, photometric="rgb")
    with pytest.raises(LabelError, match=r"m\.tif.*colours"):
        read_mask_array(tmp_path / "m.tif")


def test_palette_index_is_the_label(tmp_path: Path):
    values = np.arange(12, dtype=np.uint8).reshape(3, 4)
    colours = np.random.default_rng(0).integers(0, 65535, (3, 256)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "m.tif", values, photometric="palette", colormap=colours)
    assert np.array_equal(read_mask_array(tmp_path / "m.tif")[0], values)


def test_more_axes_than_a_volume_are_refused(tmp_path: Path):
    array = np.zeros((2, 3, 1, 4, 5), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", array, imagej=True, metadata={"axes": "TZCYX"})
    with pytest.raises(FileFormatError, match=r"a\.tif.*more axes"):
        read_image(tmp_path / "a.tif")


@pytest.mark.parametrize("content", [b"", b"II*\0", b"hello, this is text"])
def test_wrong_files_are_refused(tmp_path: Path, content: bytes):
    (tmp_path / "a.tif").write_bytes(content)
    with pytest.raises(FileFormatError, match=r"(empty|not a whole TIFF)"):
        read_image(tmp_path / "a.tif")


def test_truncated_tiff_is_refused(tmp_path: Path):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", noise)
    (tmp_path / "a.tif").write_bytes((tmp_path / "a.tif").read_bytes()[:-2000])
    with pytest.raises(FileFormatError, match="not a whole TIFF"):
        read_image(tmp_path / "a.tif")
