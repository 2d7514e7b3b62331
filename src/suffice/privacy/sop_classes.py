"""Which DICOM objects can be cleaned, and why others are refused."""

from __future__ import annotations

from typing import Any

from pydicom.uid import UID

from suffice.privacy.options import Options

_STORAGE = "1.2.840.10008.5.1.4.1.1."
_REPORTS = f"{_STORAGE}88."
_PRESENTATION = f"{_STORAGE}11."
_DOCUMENTS = f"{_STORAGE}104."
_WAVEFORMS = f"{_STORAGE}9."
_RAW = f"{_STORAGE}66"
_DICOMDIR = "1.2.840.10008.1.3.10"
_VIDEO = "1.2.840.10008.1.2.4.10"


def refusal(header: Any, options: Options) -> str:
    """Say why an object is refused; empty where it can be cleaned."""
    sop_class = str(header.get("SOPClassUID", ""))
    syntax = str(getattr(header, "file_meta", {}).get("TransferSyntaxUID", ""))
    if not sop_class:
        if "DirectoryRecordSequence" in header:
            return "a DICOMDIR lists names: make a new one"
        return "no SOP class: nothing says what the object is"
    if sop_class == _DICOMDIR:
        return "a DICOMDIR lists names: make a new one"
    if sop_class.startswith(_DOCUMENTS):
        return "an encapsulated document cannot be cleaned"
    if sop_class.startswith(_REPORTS) and "structured-content" not in options.clean:
        return "a report holds free text: give --clean structured-content to keep its numbers"
    if sop_class.startswith(_PRESENTATION) and "graphics" not in options.clean:
        return "a presentation state holds drawn text: give --clean graphics to keep its shapes"
    if sop_class.startswith(_WAVEFORMS):
        return "a waveform or recorded voice cannot be cleaned"
    if sop_class == _RAW:
        return "raw data are the maker's secret and cannot be cleaned"
    if syntax.startswith(_VIDEO):
        return "a video cannot be searched for text"
    is_standard = UID(sop_class).name != sop_class
    if not (is_standard and sop_class.startswith(_STORAGE)):
        return "a SOP class that is not known cannot be cleaned"
    return ""


def is_report(sop_class: str) -> bool:
    """Whether an object is a structured report."""
    return sop_class.startswith(_REPORTS)
