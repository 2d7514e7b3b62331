"""Read a scan once and keep what the checks need of it; a few kilobytes a case."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from suffice.core import Case, Cohort, GeometryError, Grid, Image, SufficeError
from suffice.io import known_units, read_image
from suffice.qc.finding import Finding, Kind
from suffice.qc.thumbnails import Thumbnail, thumbnail

# Percentiles of a hundred thousand voxels are known to a fraction of a per cent.
_ENOUGH_VOXELS = 100_000


@dataclass(frozen=True, kw_only=True)
class ScanFacts:
    """What is kept of one scan.

    Parameters
    ----------
    case, subject : str
    grid : Grid
    n_channels : int
    percentiles : tuple of (float, float, float)
        5th, 50th and 95th percentile of each channel.
    content : str
        Hash of the voxel values and the shape; equal for equal scans whatever their file.
    thumbnail : Thumbnail or None
        ``None`` where there is no contrast.
    """

    case: str
    subject: str
    grid: Grid
    n_channels: int
    percentiles: tuple[tuple[float, float, float], ...]
    content: str
    thumbnail: Thumbnail | None


def inspect_scan(cohort: Cohort, case: Case) -> tuple[ScanFacts | None, list[Finding]]:
    """Read a scan and check it by itself.

    Returns
    -------
    facts : ScanFacts or None
        ``None`` where the scan cannot be read.
    findings : list of Finding
        Of the kinds missing-file, unreadable, grid-mismatch, nan-voxels, constant-image.
    """
    missing = [channel.name for channel in cohort.channels if channel.name not in case.images]
    paths = [case.images[c.name] for c in cohort.channels if c.name in case.images]
    absent = [f"'{path}'" for path in paths if not path.exists()] + [
        f"channel '{name}'" for name in missing
    ]
    if absent:
        return None, [missing_file(case.name, ", ".join(absent))]
    modality, units = cohort.channels[0].modality, known_units(cohort.channels)
    try:
        image = read_image(paths, modality=modality, unit=units, allow_nan=True)
    except SufficeError as error:
        return None, [finding_from(error, case.name)]
    return _facts(case, image), _bad_values(case, image)


def missing_file(case: str, what: str) -> Finding:
    """Report a file that is not where the cohort says."""
    return Finding(
        kind="missing-file",
        severity="error",
        cases=(case,),
        message=f"Not there: {what}",
        cure="Put the file back, mend its path in cases.csv, or drop the row.",
    )


def finding_from(error: SufficeError, case: str, kind: Kind | None = None) -> Finding:
    """Report an error that reading a file of a case raised."""
    if kind is None:
        kind = "grid-mismatch" if isinstance(error, GeometryError) else "unreadable"
    text = str(error)
    cure = error.cure or "Mend the file, or leave the case out."
    return Finding(
        kind=kind,
        severity="error",
        cases=(case,),
        message=text.removesuffix(f" {error.cure}").rstrip("."),
        cure=cure,
    )


def _facts(case: Case, image: Image) -> ScanFacts:
    return ScanFacts(
        case=case.name,
        subject=case.subject,
        grid=image.grid,
        n_channels=image.n_channels,
        percentiles=tuple(_percentiles(channel) for channel in image.array),
        content=_content_hash(image.array),
        thumbnail=thumbnail(image),
    )


def _percentiles(channel: npt.NDArray[np.generic]) -> tuple[float, float, float]:
    voxels = channel.ravel()
    voxels = voxels[:: max(1, voxels.size // _ENOUGH_VOXELS)].astype(np.float64)
    voxels = voxels[np.isfinite(voxels)]
    if not voxels.size:
        return 0.0, 0.0, 0.0
    low, middle, high = (float(p) for p in np.percentile(voxels, (5, 50, 95)))
    return low, middle, high


def _content_hash(array: npt.NDArray[np.generic]) -> str:
    # One type for all: the same scan saved as integers and as floats is the same scan.
    digest = hashlib.blake2b(str(array.shape).encode(), digest_size=16)
    for channel in array:
        for plane in channel:
            digest.update(np.ascontiguousarray(plane, dtype=np.float32).tobytes())
    return digest.hexdigest()


def _bad_values(case: Case, image: Image) -> list[Finding]:
    array = image.array
    findings = []
    if array.dtype.kind == "f" and not np.isfinite([array.min(), array.max()]).all():
        n_bad = sum(plane.size - int(np.isfinite(plane).sum()) for plane in array)
        findings.append(
            Finding(
                kind="nan-voxels",
                severity="error",
                cases=(case.name,),
                message=f"{n_bad} voxels of '{case.name}' are NaN or infinite",
                cure="Replace them by a sensible background value and save the scan again.",
            )
        )
    flat = [i for i, channel in enumerate(array) if channel.min() == channel.max()]
    if flat:
        which = "" if len(array) == 1 else f" in channel {flat[0] + 1} of {len(array)}"
        findings.append(
            Finding(
                kind="constant-image",
                severity="error",
                cases=(case.name,),
                message=f"'{case.name}' has the same value everywhere{which}",
                cure="Export the scan again, or leave the case out.",
            )
        )
    return findings
