"""From positions of slices to one regular grid, exact also where it is oblique or sheared."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from suffice.core import GeometryError, Grid
from suffice.io.dicom_headers import Frame, Series
from suffice.io.raw import LPS_TO_RAS

FloatArray = npt.NDArray[np.float64]

# Projections have no depth, wherever their header says that they were taken.
PROJECTIONS = ("CR", "DX", "MG", "XA", "RF", "US", "XC", "ES", "OP", "PX", "IO", "GM")
_SAME_PLACE_MM = 0.01
# Positions are often rounded to a tenth of a millimetre.
_ROUNDING_MM, _PART_OF_GAP, _LARGEST_PART = 0.1, 0.05, 0.25
_PART_OF_PIXEL = 0.1
_UNIT_CENTIMETRE = 3


def is_volume(series: Series) -> bool:
    """Whether every frame has a place in space and the modality has depth."""
    placed = all(f.position and f.orientation and f.spacing_mm for f in series.frames)
    return placed and series.modality not in PROJECTIONS


def arrange(series: Series) -> tuple[tuple[Frame, ...], Grid]:
    """Sort the frames along their normal and find the grid that they lie on.

    File names and instance numbers are not looked at. A tilted gantry shifts each slice against
    the last: the affine holds that shear exactly.

    Raises
    ------
    GeometryError
        If slices are missing, doubled or do not line up, or several frames have no place.
    """
    rows, columns = series.shape
    if not is_volume(series):
        if len(series.frames) > 1:
            raise GeometryError(
                f"The {len(series.frames)} frames of {series} have no positions in space",
                cure="Films and loose pictures are no volume: give the pictures one by one.",
            )
        return series.frames, Grid((rows, columns), pixel_spacing_mm=_pixel_spacing(series))
    across, down, normal = _directions(series.frames[0])
    positions = np.array([frame.position for frame in series.frames])
    order = np.argsort(positions @ normal, kind="stable")
    frames = tuple(series.frames[i] for i in order)
    step = _step(frames, positions[order], normal)
    row_mm, column_mm = frames[0].spacing_mm or (1.0, 1.0)
    lps = np.eye(4)
    lps[:3, 0], lps[:3, 1], lps[:3, 2] = across * column_mm, down * row_mm, step
    lps[:3, 3] = positions[order[0]]
    return frames, Grid((columns, rows, len(frames)), affine=LPS_TO_RAS @ lps)


def _directions(frame: Frame) -> tuple[FloatArray, FloatArray, FloatArray]:
    across, down = np.array(frame.orientation[:3]), np.array(frame.orientation[3:])  # type: ignore[index]
    normal = np.cross(across, down)
    if not 0.99 < np.linalg.norm(normal) < 1.01:
        raise GeometryError(
            f"The rows and columns of '{frame.path.name}' are not at right angles",
            got=frame.orientation,
            cure="Mend ImageOrientationPatient or leave the series out.",
        )
    return across, down, normal / np.linalg.norm(normal)


def _step(frames: tuple[Frame, ...], positions: FloatArray, normal: FloatArray) -> FloatArray:
    """Vector from one slice to the next, the same all the way."""
    spacings = np.array([frame.spacing_mm for frame in frames])
    if not np.allclose(spacings, spacings[0], rtol=1e-3):
        raise GeometryError(
            "The slices of the series differ in pixel spacing",
            got=f"{spacings.min():.4g} to {spacings.max():.4g} mm",
            cure="Move each acquisition into a folder of its own.",
        )
    if len(frames) == 1:
        return normal * (frames[0].thickness_mm or 1.0)
    gaps = np.diff(positions @ normal)
    _require_single(frames, gaps)
    _require_even(frames, gaps)
    step: FloatArray = (positions[-1] - positions[0]) / (len(frames) - 1)
    off = positions - positions[0] - np.arange(len(frames))[:, None] * step
    sideways = np.linalg.norm(off - np.outer(off @ normal, normal), axis=1)
    if sideways.max() > max(_ROUNDING_MM, _PART_OF_PIXEL * spacings.min()):
        raise GeometryError(
            "The slices of the series are shifted against each other unevenly",
            got=f"{sideways.max():.2f} mm off the line at '{_name(frames, sideways.argmax())}'",
            cure="Resample it where it was made, or leave it out.",
        )
    return step


def _name(frames: tuple[Frame, ...], place: np.intp) -> str:
    return frames[int(place)].path.name


def _require_single(frames: tuple[Frame, ...], gaps: FloatArray) -> None:
    doubled = np.flatnonzero(gaps < _SAME_PLACE_MM)
    if doubled.size:
        one, other = frames[doubled[0]], frames[doubled[0] + 1]
        raise GeometryError(
            f"{doubled.size + 1 if doubled.size == len(gaps) else doubled.size} slices of the "
            f"series lie where another one does, first '{one.path.name}' and '{other.path.name}'",
            expected="one slice a position",
            cure="Move each time point, echo or reconstruction into a folder of its own.",
        )


def _require_even(frames: tuple[Frame, ...], gaps: FloatArray) -> None:
    usual = float(np.median(gaps))
    tolerance = min(max(_ROUNDING_MM, _PART_OF_GAP * usual), _LARGEST_PART * usual)
    odd = np.flatnonzero(np.abs(gaps - usual) > tolerance)
    if odd.size:
        k = int(odd[0])
        raise GeometryError(
            f"The slices of the series are unevenly spaced between '{frames[k].path.name}' and "
            f"'{frames[k + 1].path.name}' (slices {k + 1} and {k + 2} of {len(frames)})",
            got=f"a gap of {gaps[k]:.2f} mm",
            expected=f"{usual:.2f} mm as between most others",
            cure="Slices are probably missing: export the series again, or leave it out.",
        )


def _pixel_spacing(series: Series) -> tuple[float, float] | None:
    """Spacing of a picture in mm: at the detector for X-rays, by region for ultrasound."""
    spacing = series.frames[0].spacing_mm
    if spacing:
        return spacing[0], spacing[1]
    regions = series.header.get("SequenceOfUltrasoundRegions") or []
    if len(regions) != 1:
        return None
    region = regions[0]
    units = region.get("PhysicalUnitsXDirection"), region.get("PhysicalUnitsYDirection")
    if units != (_UNIT_CENTIMETRE, _UNIT_CENTIMETRE):
        return None
    row, column = region.get("PhysicalDeltaY"), region.get("PhysicalDeltaX")
    return (abs(float(row)) * 10, abs(float(column)) * 10) if row and column else None
