"""DICOM files: read, clean, write."""

from __future__ import annotations

from pathlib import Path, PurePath

from suffice.privacy.cleaning import Done, Job
from suffice.privacy.dicom import clean_dicom, read_dicom, write_dicom
from suffice.privacy.heads import Faces


def clean(source: Path, target: Path, relative: PurePath, job: Job) -> Done:
    """De-identify a DICOM file."""
    deface = None
    if "faces" in job.options.clean:
        deface = _faces(job).take_off
    cleaned = clean_dicom(
        read_dicom(source), job.key, job.options, forbidden=job.forbidden, deface=deface
    )
    write_dicom(target, cleaned.dataset)
    return cleaned.done


# The job of a run and what is known of its series: slices of one come after each other.
_known: list[tuple[Job, Faces]] = []


def _faces(job: Job) -> Faces:
    if not _known or _known[0][0] is not job:
        _known[:] = [(job, Faces(job.series))]
    return _known[0][1]
