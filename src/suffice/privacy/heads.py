"""Faces of scans of heads: NIfTI files, and DICOM series as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.uid import UID

from suffice.core import SufficeError
from suffice.io import read_image
from suffice.io.dicom import series_of
from suffice.privacy.deface import NoHead, face_of
from suffice.privacy.refused import Refused

_WITH_FACES = ("CT", "MR", "PT")
_LEAST_SLICES = 16
_MOST_LABELS = 64
_CT_BELOW = -500


@dataclass
class Faces:
    """Masks of the faces of DICOM series; that of one series is kept at a time.

    Parameters
    ----------
    files : dict of str to list of Path
        Files of each series, by its UID.
    """

    files: Mapping[str, list[Path]] = field(default_factory=dict)
    _series: str = ""
    _masks: dict[str, npt.NDArray[np.bool_]] = field(default_factory=dict)

    def take_off(self, dataset: Dataset) -> bool:
        """Take the face off a slice in place; give whether there was any to take.

        Raises
        ------
        Refused
            If the series is no whole head, or its pixels cannot be changed.
        """
        if str(dataset.get("Modality", "")) not in _WITH_FACES or "PixelData" not in dataset:
            return False
        uid = str(dataset.get("SeriesInstanceUID", ""))
        if uid != self._series:
            self._masks, self._series = _masks_of(self.files.get(uid, [])), uid
        mask = self._masks.get(str(dataset.get("SOPInstanceUID", "")))
        if mask is None:
            raise Refused("no face could be told: it is in no series with a place in space")
        if not mask.any():
            return False
        if UID(dataset.file_meta.TransferSyntaxUID).is_compressed:
            dataset.decompress(generate_instance_uid=False)
        pixels = dataset.pixel_array.copy()
        if pixels.shape != mask.shape:
            raise Refused("no face could be told: several frames or samples")
        pixels[mask] = pixels.min()
        kind = pixels.dtype.newbyteorder("<")
        dataset.PixelData = pixels.astype(kind, copy=False).tobytes()
        return True


def _masks_of(files: Iterable[Path]) -> dict[str, npt.NDArray[np.bool_]]:
    """Find the face in each slice of a series: ``{SOP instance UID: (rows, columns)}``."""
    paths = list(files)
    if len(paths) < _LEAST_SLICES:
        raise Refused(f"no face could be told: fewer than {_LEAST_SLICES} slices")
    try:
        series = series_of(paths[0])
        image = read_image(paths[0])
    except SufficeError as error:
        raise Refused("no face could be told: its slices make no volume") from error
    face = face_of(image.array[0], image.grid, is_ct=series.modality == "CT")
    if isinstance(face, NoHead):
        raise Refused(f"no face could be told: {face.reason}")
    affine = np.asarray(image.grid.affine)
    masks = {}
    for frame in series.frames:
        masks[frame.instance] = _slice_of(face, affine, frame, series.shape)
    return masks


def _slice_of(
    face: npt.NDArray[np.bool_],
    affine: npt.NDArray[np.float64],
    frame: Any,
    shape: tuple[int, int],
) -> npt.NDArray[np.bool_]:
    """Look up a slice's pixels in the mask of the volume, by where they lie."""
    if frame.position is None or frame.orientation is None or frame.spacing_mm is None:
        raise Refused("no face could be told: a slice has no place in space")
    across, down = np.array(frame.orientation[:3]), np.array(frame.orientation[3:])
    row_mm, column_mm = frame.spacing_mm
    rows, columns = (np.arange(n)[:, None] for n in shape)
    at = (
        np.array(frame.position)
        + (columns * column_mm * across)[None, :, :]
        + (rows * row_mm * down)[:, None, :]
    )
    at = at * np.array([-1.0, -1.0, 1.0])
    inverse = np.linalg.inv(affine)
    index = np.rint(at @ inverse[:3, :3].T + inverse[:3, 3]).astype(int)
    for axis, n in enumerate(face.shape):
        index[..., axis] = index[..., axis].clip(0, n - 1)
    return np.asarray(face[index[..., 0], index[..., 1], index[..., 2]])


def deface_nifti(source: Path, target: Path) -> bool:
    """Write a copy of a NIfTI file without the face; give whether it had one to take.

    Pictures, short stacks and maps of labels are none.

    Raises
    ------
    Refused
        If it is a volume, but no whole head.
    """
    import nibabel as nib

    image: Any = nib.load(source)
    array = np.asanyarray(image.dataobj)
    if array.ndim < 3 or min(array.shape[:3]) < _LEAST_SLICES or _is_labels(array):
        return False
    grid = read_image(source).grid
    volume = array.reshape(*array.shape[:3], -1)[..., 0]
    face = face_of(volume, grid, is_ct=bool(volume.min() < _CT_BELOW))
    if isinstance(face, NoHead):
        raise Refused(f"no face could be told: {face.reason}")
    done = array.copy()
    done[face] = array.min()
    raw = type(image)(done, image.affine, image.header)
    raw.set_data_dtype(image.get_data_dtype() if array.dtype.kind in "iu" else array.dtype)
    nib.save(raw, target)
    return True


def _is_labels(array: npt.NDArray[Any]) -> bool:
    sample = array.reshape(-1)[:: max(1, array.size // 100_000)]
    return np.unique(sample).size <= _MOST_LABELS and bool((sample == np.round(sample)).all())
