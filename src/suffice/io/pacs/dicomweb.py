"""An archive by DICOMweb: QIDO-RS, WADO-RS and STOW-RS."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suffice.core import Listener, Progress, silent
from suffice.io.pacs.address import Address
from suffice.io.pacs.archive import ArchiveError, FoundSeries, Query, file_of
from suffice.io.pacs.credentials import Credentials

_TALKATIVE = (
    "dicomweb_client",
    "dicomweb_client.web",
    "dicomweb_client.api",
    "retrying",
    "urllib3",
)
_CONNECT_S = 20.0
# As they are stored: the archive need not decompress.
_ANY_SYNTAX = (("application/dicom", "*"),)
_FIELDS = ("StudyInstanceUID", "SeriesInstanceUID", "Modality", "SeriesDescription", "StudyDate")
_OF_QUERY = {
    "patient": "PatientID",
    "accession": "AccessionNumber",
    "date": "StudyDate",
    "modality": "Modality",
    "study": "StudyInstanceUID",
    "series": "SeriesInstanceUID",
}


@dataclass(frozen=True, slots=True)
class DicomWeb:
    """An archive that is spoken to by DICOMweb."""

    address: Address
    credentials: Credentials
    timeout_s: float

    def find(self, query: Query) -> list[FoundSeries]:
        """List the series that match."""
        filters = {
            name: getattr(query, key) for key, name in _OF_QUERY.items() if getattr(query, key)
        }
        fields = [*_FIELDS, "NumberOfSeriesRelatedInstances"]
        with self._asking("find series") as client:
            answers = client.search_for_series(
                search_filters=filters, fields=fields, get_remaining=True
            )
            return [_told(answer) for answer in answers]

    def fetch(self, found: FoundSeries, folder: Path, *, listener: Listener = silent) -> int:
        """Write the files of a series into a folder; return how many."""
        n = 0
        with self._asking("fetch a series") as client:
            for dataset in client.iter_series(found.study, found.series, media_types=_ANY_SYNTAX):
                place = file_of(folder, dataset.get("SOPInstanceUID"))
                dataset.save_as(place, enforce_file_format=True)
                n += 1
                listener(Progress("fetch", min(1.0, n / (found.n_slices or n + 1))))
        return n

    def store(self, files: Sequence[Path], *, listener: Listener = silent) -> None:
        """Send DICOM files."""
        import pydicom

        for i, path in enumerate(files):
            listener(Progress("store", i / len(files)))
            with self._asking(f"store '{path.name}'") as client:
                answer = client.store_instances([pydicom.dcmread(path)])
            failed = answer.get("FailedSOPSequence") or []
            if failed:
                raise ArchiveError(
                    f"{self.address} did not take '{path.name}'",
                    got=f"failure {int(failed[0].get('FailureReason') or 0):#06x}",
                    cure="Ask who runs the archive whether it stores such objects.",
                )
        listener(Progress("store", 1.0))

    @contextlib.contextmanager
    def _asking(self, what: str) -> Iterator[Any]:
        """Give a client; whatever goes wrong becomes one line, without what the answer quotes."""
        import requests
        from dicomweb_client.api import DICOMwebClient

        with requests.Session() as session, _quiet():
            self._introduce(session)
            client = DICOMwebClient(
                self.address.url, session=session, timeout=(_CONNECT_S, self.timeout_s)
            )
            client.set_http_retry_params(retry=False)
            try:
                yield client
            except requests.exceptions.SSLError as error:
                raise ArchiveError(
                    f"{self.address} has a certificate that is not trusted",
                    cure='Name the hospital\'s own authority in the file of --auth: ca = "ca.pem"',
                ) from error
            except requests.exceptions.Timeout as error:
                raise ArchiveError(
                    f"{self.address} did not answer in time",
                    got=f"nothing for {self.timeout_s:g} s",
                    cure="Try again later, or ask who runs it.",
                ) from error
            except requests.exceptions.HTTPError as error:
                status = 0 if error.response is None else error.response.status_code
                raise self._refused(what, status) from error
            except requests.exceptions.RequestException as error:
                raise ArchiveError(
                    f"{self.address} cannot be reached",
                    got=type(error).__name__,
                    cure="Check host, port and path, and whether a firewall is between.",
                ) from error
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise ArchiveError(
                    f"{self.address} answered what is no DICOMweb, asked to {what}",
                    got=type(error).__name__,
                    cure="Check the path, often /dicom-web, /rs or /wado-rs.",
                ) from error

    def _introduce(self, session: Any) -> None:
        """Say who asks; without credentials, what ~/.netrc holds of the host is taken."""
        given = self.credentials
        if given.token:
            session.headers["Authorization"] = f"Bearer {given.token}"
            # Else an entry in ~/.netrc would take its place.
            session.trust_env = False
        elif given.user:
            session.auth = (given.user, given.password)
        if given.ca is not None:
            session.verify = str(given.ca)
        if given.certificate is not None:
            key = given.key or given.certificate
            session.cert = (str(given.certificate), str(key))

    def _refused(self, what: str, status: int) -> ArchiveError:
        if status == 401:
            return ArchiveError(
                f"{self.address} asks who you are",
                got="HTTP 401",
                cure='Name a file with --auth: user = "..." and password = "...", or a token.',
            )
        cures = {
            403: "Ask who runs it for the right to.",
            404: "Check the path and the identifiers.",
            405: "Check the path, often /dicom-web.",
        }
        return ArchiveError(
            f"{self.address} refused to {what}",
            got=f"HTTP {status}",
            cure=cures.get(status, "Try again later, or ask who runs it."),
        )


def _told(answer: dict[str, Any]) -> FoundSeries:
    import pydicom

    with warnings.catch_warnings():
        # Archives answer with what headers hold, also where that breaks rules.
        warnings.simplefilter("ignore")
        item = pydicom.Dataset.from_json(answer)
        count = item.get("NumberOfSeriesRelatedInstances")
        return FoundSeries(
            study=str(item.get("StudyInstanceUID", "")),
            series=str(item.get("SeriesInstanceUID", "")),
            modality=str(item.get("Modality") or ""),
            description=str(item.get("SeriesDescription") or ""),
            date=str(item.get("StudyDate") or ""),
            n_slices=int(count) if count else None,
        )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep libraries from logging what they are told, which may name people."""
    loggers = [logging.getLogger(name) for name in _TALKATIVE]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
