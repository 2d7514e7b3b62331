from pathlib import Path

import numpy as np
import pytest

from suffice.core import FileFormatError, Grid, Image, StorageError
from suffice.io import read_image, write_image


def test_volume_and_picture_come_back_as_written(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    volume = Image(
        rng.integers(-1000, 1000, (2, 4, 5, 6)).astype(np.int16),
        Grid((4, 5, 6), affine=np.array([[0, 2, 0, 1], [-3, 0, 0, 2], [0, 0, 4, 3], [0, 0, 0, 1]])),
    )
    write_image(tmp_path / "v.nii.gz", volume)
    back = read_image(tmp_path / "v.nii.gz")
    assert np.array_equal(back.array, volume.array) and back.grid.matches(volume.grid)
    for channels in (1, 3):
        picture = Image(rng.integers(0, 255, (channels, 7, 9)).astype(np.uint8), Grid((7, 9)))
        write_image(tmp_path / "p.png", picture, overwrite=True)
        assert np.array_equal(read_image(tmp_path / "p.png").array, picture.array)


def test_wrong_format_and_taken_place_are_refused(tmp_path: Path) -> None:
    volume = Image(np.zeros((1, 3, 3, 3), np.int16), Grid.from_spacing((3, 3, 3), None))
    with pytest.raises(FileFormatError, match=r"nii\.gz"):
        write_image(tmp_path / "v.png", volume)
    write_image(tmp_path / "v.nii", volume)
    with pytest.raises(StorageError, match="exists already"):
        write_image(tmp_path / "v.nii", volume)
    grey = Image(np.zeros((1, 3, 3), np.float32), Grid((3, 3)))
    with pytest.raises(FileFormatError, match="uint8"):
        write_image(tmp_path / "p.png", grey)
