"""Series made by code, masks on them, and the programs that judge what is written of them."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import generate_uid

from suffice.core import Label, LabelMap, Legend
from suffice.io import read_grid

# Turned about two axes: no row, column or normal runs along an axis of the patient.
OBLIQUE = (0.8, 0.48, -0.36, 0.0, 0.6, 0.8)
NORMAL = tuple(np.cross(OBLIQUE[:3], OBLIQUE[3:]))

LEGEND = Legend(
    (
        Label(2, "left kidney", "#E69F00"),
        Label(7, "anterior", "#56B4E9", "SCT:5366008:Hippocampus"),
        Label(9, "odd thing", "grey"),
    )
)


@pytest.fixture
def oblique_series(make_series: Callable[..., Path]) -> Path:
    """A CT of 12 slices that lies askew, with what a hospital's header says."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(-1000, 1000, size=(12, 20, 16)).astype(np.int16)
    n = len(pixels)
    return make_series(
        pixels,
        orientation=OBLIQUE,
        positions=[np.add((-30.1, 12.7, 55.3), np.multiply(NORMAL, 2.5 * i)) for i in range(n)],
        StudyInstanceUID=generate_uid(),
        FrameOfReferenceUID=generate_uid(),
        RescaleSlope=1,
        RescaleIntercept=0,
        InstanceNumber=tuple(range(1, n + 1)),
        SpecificCharacterSet="ISO_IR 100",
        AccessionNumber="7",
    )


@pytest.fixture
def mask_on() -> Callable[..., LabelMap]:
    """Draw a mask on a series: three structures, the outer slices and one between left empty."""

    def draw(series: Path, legend: Legend = LEGEND) -> LabelMap:
        grid = read_grid(series)
        array = np.zeros(grid.shape, dtype=np.uint8)
        first, second, third = legend.values
        array[2:9, 3:12, 2:6] = first
        array[9:14, 5:18, 3:8] = second
        array[4:7, 14:18, 9] = third
        array[5, 6, 4] = 0
        return LabelMap(array, grid, legend)

    return draw


@pytest.fixture
def judged() -> Callable[[Path], list[str]]:
    """Give the errors that dciodvfy of dicom3tools finds in an object, or skip without it."""
    program = shutil.which("dciodvfy")
    if program is None:
        pytest.skip("dciodvfy (package dicom3tools) is not installed")

    def judge(path: Path) -> list[str]:
        done = subprocess.run(
            [program, "-new", str(path)],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=60,
        )
        said = (done.stdout + done.stderr).splitlines()
        # Without this, a file that it could not read would pass.
        assert any(line.strip() in KINDS for line in said), said
        return [line for line in said if line.startswith("Error")]

    return judge


KINDS = ("Segmentation", "Comprehensive3DSR", "RTStructureSet", "SCImage")
