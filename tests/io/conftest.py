"""Real scans, and made ones of every kind that a reader may meet."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import strategies as st
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from suffice.core import Grid

REAL_DATA = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture(scope="session")
def real_data() -> Callable[[str], Path]:
    """Give a folder of real data, or skip where it is absent."""

    def folder(name: str) -> Path:
        path = REAL_DATA / name
        if not path.exists():
            pytest.skip(f"real data '{name}' is not on this machine")
        return path

    return folder


@pytest.fixture(scope="session")
def grids() -> st.SearchStrategy[Grid]:
    """Small oblique grids, left- and right-handed, anywhere within a metre."""
    return st.builds(
        _oblique,
        shape=st.tuples(*[st.integers(1, 6)] * 3),
        seed=st.integers(0, 10_000),
        spacing=st.tuples(*[st.floats(0.1, 8.0)] * 3),
        origin=st.tuples(*[st.floats(-1000.0, 1000.0)] * 3),
        flips=st.tuples(*[st.sampled_from([1.0, -1.0])] * 3),
    )


def _oblique(
    shape: tuple[int, ...],
    seed: int,
    spacing: Sequence[float],
    origin: Sequence[float],
    flips: Sequence[float],
) -> Grid:
    rotation, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    affine = np.eye(4)
    affine[:3, :3] = rotation * np.multiply(spacing, flips)
    affine[:3, 3] = origin
    return Grid(shape, affine=affine)


@pytest.fixture
def make_series(tmp_path: Path) -> Callable[..., Path]:
    """Write a DICOM series of one file a slice, in an order that names do not show."""

    def make(
        pixels: np.ndarray,
        *,
        folder: str = "series",
        positions: Sequence[Sequence[float]] | None = None,
        orientation: Sequence[float] = (1, 0, 0, 0, 1, 0),
        step: Sequence[float] = (0, 0, 2.5),
        uid: str | None = None,
        syntax: str = ExplicitVRLittleEndian,
        **elements: Any,
    ) -> Path:
        # A tuple among the elements has one value a slice.
        place = tmp_path / folder
        place.mkdir(exist_ok=True)
        uid = uid or generate_uid()
        names = np.random.default_rng(0).permutation(len(pixels)) + len(list(place.iterdir()))
        for i, plane in enumerate(pixels):
            dataset = _slice(plane, syntax)
            dataset.SeriesInstanceUID = uid
            dataset.ImagePositionPatient = list(
                positions[i] if positions is not None else np.multiply(step, i)
            )
            dataset.ImageOrientationPatient = list(orientation)
            for name, value in elements.items():
                setattr(dataset, name, value[i] if isinstance(value, tuple) else value)
            dataset.save_as(place / f"{uid[-5:]}-{names[i]}.dcm", enforce_file_format=True)
        return place

    return make


def _slice(plane: np.ndarray, syntax: str) -> pydicom.Dataset:
    dataset = pydicom.Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = generate_uid()
    dataset.Modality = "CT"
    dataset.PatientName = "Secret^Name"
    dataset.PatientID = "SECRET-ID"
    dataset.PixelSpacing = [0.5, 0.75]
    dataset.SliceThickness = 2.5
    dataset.Rows, dataset.Columns = plane.shape[:2]
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 8 * plane.dtype.itemsize
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(plane.dtype.kind == "i")
    dataset.PixelData = plane.tobytes()
    dataset["PixelData"].VR = "OW"
    return dataset
