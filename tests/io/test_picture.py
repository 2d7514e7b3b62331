from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image as Pillow

from suffice.core import FileFormatError, LabelError
from suffice.io import read_grid, read_image, read_mask_array

GREY = np.arange(12, dtype=np.uint8).reshape(3, 4)
COLOUR = np.stack([GREY, GREY + 20, GREY + 40], axis=-1)


def save(path: Path, array: np.ndarray, **options: object) -> Path:
    Pillow.fromarray(array).save(path, **options)
    return path


@pytest.mark.parametrize("suffix", ["png", "bmp"])
def test_grey_has_one_channel_and_colour_three(tmp_path: Path, suffix: str):
    grey = read_image(save(tmp_path / f"g.{suffix}", GREY))
    assert grey.array.shape == (1, 3, 4) and np.array_equal(grey.array[0], GREY)
    colour = read_image(save(tmp_path / f"c.{suffix}", COLOUR))
    assert np.array_equal(colour.array, np.moveaxis(COLOUR, -1, 0))
    assert colour.grid.shape == (3, 4) and colour.grid.pixel_spacing_mm is None


def test_jpeg(tmp_path: Path):
    image = read_image(save(tmp_path / "a.jpg", np.full((5, 7), 90, np.uint8), dpi=(300, 300)))
    assert image.array.shape == (1, 5, 7) and image.grid.spacing_mm is None


def test_sixteen_bits_stay(tmp_path: Path):
    deep = (GREY.astype(np.uint16) + 1) * 5000
    image = read_image(save(tmp_path / "a.png", deep))
    assert image.array.dtype == np.uint16 and np.array_equal(image.array[0], deep)
    values, _ = read_mask_array(tmp_path / "a.png")
    assert np.array_equal(values, deep)


def test_sixteen_bit_colours_stay(tmp_path: Path):
    deep = (COLOUR.astype(np.uint16) + 1) * 500
    sitk.WriteImage(sitk.GetImageFromArray(deep, isVector=True), str(tmp_path / "a.png"))
    image = read_image(tmp_path / "a.png")
    assert np.array_equal(image.array, np.moveaxis(deep, -1, 0))


def test_alpha_is_left_out(tmp_path: Path):
    alpha = np.concatenate([COLOUR, np.full((3, 4, 1), 128, np.uint8)], axis=-1)
    assert np.array_equal(
        read_image(save(tmp_path / "a.png", alpha)).array, np.moveaxis(COLOUR, -1, 0)
    )


def test_palette_is_colours_for_an_image_and_indices_for_a_mask(tmp_path: Path):
    picture = Pillow.fromarray(GREY % 3).convert("P")
    picture.putpalette([0, 0, 0, 255, 0, 0, 0, 0, 255])
    picture.save(tmp_path / "p.png")
    image = read_image(tmp_path / "p.png")
    assert image.array[:, 0, 1].tolist() == [255, 0, 0]
    values, grid = read_mask_array(tmp_path / "p.png")
    assert np.array_equal(values, GREY % 3) and grid.shape == (3, 4)


def test_grey_palette_has_one_channel(tmp_path: Path):
    picture = Pillow.fromarray(GREY % 2).convert("P")
    picture.putpalette([10, 10, 10, 200, 200, 200])
    picture.save(tmp_path / "p.png")
    image = read_image(tmp_path / "p.png")
    assert image.array.shape[0] == 1 and set(np.unique(image.array)) == {10, 200}


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_masks_of_few_bits_keep_their_values(tmp_path: Path, bits: int):
    values = (GREY % 2**bits).astype(np.uint8)
    _write_grey_png(tmp_path / "m.png", values, bits)
    assert np.array_equal(read_mask_array(tmp_path / "m.png")[0], values)


def _write_grey_png(path: Path, values: np.ndarray, bits: int) -> None:
    """Write a grey PNG of fewer than 8 bits, which Pillow itself writes for 1 bit alone."""
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    height, width = values.shape
    rows = b""
    for row in values:
        flat = "".join(f"{v:0{bits}b}" for v in row).ljust(-(-width * bits // 8) * 8, "0")
        rows += b"\0" + int(flat, 2).to_bytes(len(flat) // 8, "big")
    header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + data)


def test_equal_colours_count_as_grey_in_a_mask(tmp_path: Path):
    path = save(tmp_path / "m.png", np.repeat(GREY[..., None], 3, axis=-1))
    assert np.array_equal(read_mask_array(path)[0], GREY)


def test_mask_in_colours_is_refused(tmp_path: Path):
    with pytest.raises(LabelError, match=r"m\.png.*colours.*palette"):
        read_mask_array(save(tmp_path / "m.png", COLOUR))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_turns_pixels_and_grid(tmp_path: Path, orientation: int):
    picture = Pillow.fromarray(GREY)
    exif = picture.getexif()
    exif[0x0112] = orientation
    picture.save(tmp_path / "a.png", exif=exif)
    image = read_image(tmp_path / "a.png")
    assert image.grid == read_grid(tmp_path / "a.png")
    assert image.grid.shape == ((3, 4) if orientation < 5 else (4, 3))


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", b"hello"])
@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp"])
def test_wrong_files_are_refused(tmp_path: Path, suffix: str, content: bytes):
    (tmp_path / f"a.{suffix}").write_bytes(content)
    with pytest.raises(FileFormatError, match=r"(empty|not a whole picture)"):
        read_image(tmp_path / f"a.{suffix}")


def test_truncated_picture_is_refused(tmp_path: Path):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)
    for suffix in ("png", "jpg"):
        path = save(tmp_path / f"a.{suffix}", noise)
        path.write_bytes(path.read_bytes()[:-1500])
        with pytest.raises(FileFormatError, match="not a whole picture"):
            read_image(path)


def test_real_pictures(real_data: Callable[[str], Path]):
    radiograph = next((real_data("chest_xray_lungs") / "images").iterdir())
    assert read_image(radiograph).grid.shape == (256, 256)
    nucleus = sorted(real_data("nuclei").glob("*/images/*.png"))[0]
    with Pillow.open(nucleus) as opened:
        assert opened.mode == "RGBA"
        expected = np.array(opened)[..., :3]
    assert np.array_equal(read_image(nucleus).array, np.moveaxis(expected, -1, 0))
    axons = sorted(real_data("axons_bids").glob("sub-*/micr/*.png"))[0]
    assert read_image(axons).n_channels == 1
