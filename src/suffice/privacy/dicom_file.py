"""DICOM files: read, clean, write."""

from __future__ import annotations

from pathlib import Path, PurePath

from suffice.privacy.cleaning import Done, Job
from suffice.privacy.dicom import clean_dicom, read_dicom, write_dicom


def clean(source: Path, target: Path, relative: PurePath, job: Job) -> Done:
    """De-identify a DICOM file."""
    cleaned = clean_dicom(read_dicom(source), job.key, job.options, forbidden=job.forbidden)
    write_dicom(target, cleaned.dataset)
    return cleaned.done
