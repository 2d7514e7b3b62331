"""What every archive offers, however it is spoken to."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from suffice.core import Listener, MissingDependencyError, SufficeError, silent
from suffice.io.pacs.address import Address
from suffice.io.pacs.credentials import Credentials

_UID = re.compile(r"[0-9]+(\.[0-9]+)*")

TIMEOUT_S = 60.0
"""How long an archive may say nothing."""


class ArchiveError(SufficeError):
    """An archive that cannot be reached, refuses, or does not hold what is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSeries:
    """A series in an archive; names of patients are not asked for."""

    study: str
    series: str
    modality: str = ""
    description: str = ""
    date: str = ""
    n_slices: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What series are looked for by; what is empty matches all.

    Parameters
    ----------
    patient, accession : str
    date : str
        ``20240131``, or a range such as ``20240101-20240131``.
    modality : str
        DICOM's own code, e.g. ``CT``.
    study, series : str
    """

    patient: str = ""
    accession: str = ""
    date: str = ""
    modality: str = ""
    study: str = ""
    series: str = ""


class Archive(Protocol):
    """An archive that series are found in, fetched from and stored to."""

    def find(self, query: Query) -> list[FoundSeries]:
        """List the series that match."""

    def fetch(self, found: FoundSeries, folder: Path, *, listener: Listener = silent) -> int:
        """Write the files of a series into a folder; return how many."""

    def store(self, files: Sequence[Path], *, listener: Listener = silent) -> None:
        """Send DICOM files."""


def file_of(folder: Path, uid: object) -> Path:
    """Name the file of an instance; an identifier that is none must not choose a place.

    Raises
    ------
    ArchiveError
        If it holds anything but digits and dots.
    """
    text = str(uid)
    if not _UID.fullmatch(text):
        raise ArchiveError(
            "The archive sent an instance without a valid identifier",
            cure="Have it mended there, or fetch the series by other means.",
        )
    return folder / f"{text}.dcm"


def open_archive(
    address: Address, credentials: Credentials | None = None, *, timeout_s: float = TIMEOUT_S
) -> Archive:
    """Make what speaks to an archive; nothing is sent yet.

    Raises
    ------
    MissingDependencyError
        If the library that it takes is not installed.
    """
    library = "dicomweb_client" if address.kind == "dicomweb" else "pynetdicom"
    if importlib.util.find_spec(library) is None:
        raise MissingDependencyError(
            f"Speaking to an archive takes {library}, which is not installed",
            cure="Give: pip install 'suffice[pacs]'",
        )
    if address.kind == "dicomweb":
        from suffice.io.pacs.dicomweb import DicomWeb

        return DicomWeb(address, credentials or Credentials(), timeout_s)
    from suffice.io.pacs.dimse import Dimse

    return Dimse(address, timeout_s)
