"""Write small pictures and volumes wherever a layout wants them."""

from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image as Pillow

Save = Callable[..., Path]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Write an array below ``source/`` in the format of its suffix."""

    def write(place: str, array: np.ndarray | None = None) -> Path:
        path = tmp_path / "source" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".gz":
            voxels = np.ones((4, 5, 3), np.uint8) if array is None else array
            nib.save(nib.Nifti1Image(voxels, np.eye(4)), path)
        else:
            pixels = np.full((6, 8), 200, np.uint8) if array is None else array
            Pillow.fromarray(pixels).save(path)
        return path

    return write


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The folder that `save` writes to."""
    folder = tmp_path / "source"
    folder.mkdir()
    return folder
