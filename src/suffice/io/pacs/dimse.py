"""An archive by DICOM's own network: C-FIND, C-GET or C-MOVE, C-STORE."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suffice.core import Listener, Progress, silent
from suffice.io.pacs.address import Address
from suffice.io.pacs.archive import ArchiveError, FoundSeries, Query, file_of
from suffice.io.pacs.association import associated, make_entity

# Study Root Query/Retrieve Information Model.
_FIND, _MOVE, _GET = (f"1.2.840.10008.5.1.4.1.2.2.{i}" for i in (1, 2, 3))
_NOT_OURS, _NO_ROOM = 0xA900, 0xA700
_SUCCESS, _PENDING = 0x0000, (0xFF00, 0xFF01)
# Warnings of a store: data were kept, perhaps coerced.
_KEPT = (0x0000, 0xB000, 0xB006, 0xB007)
# What scans and our own objects are stored as; an association holds at most 128 kinds.
_KINDS = (
    *("CTImageStorage", "EnhancedCTImageStorage", "LegacyConvertedEnhancedCTImageStorage"),
    *("MRImageStorage", "EnhancedMRImageStorage", "LegacyConvertedEnhancedMRImageStorage"),
    *("PositronEmissionTomographyImageStorage", "EnhancedPETImageStorage"),
    *("LegacyConvertedEnhancedPETImageStorage", "NuclearMedicineImageStorage"),
    *("ComputedRadiographyImageStorage", "DigitalXRayImageStorageForPresentation"),
    *("DigitalMammographyXRayImageStorageForPresentation", "XRayAngiographicImageStorage"),
    *("DigitalMammographyXRayImageStorageForProcessing", "BreastTomosynthesisImageStorage"),
    *("DigitalXRayImageStorageForProcessing", "XRayRadiofluoroscopicImageStorage"),
    *("UltrasoundImageStorage", "UltrasoundMultiFrameImageStorage", "EnhancedUSVolumeStorage"),
    *("OphthalmicTomographyImageStorage", "SecondaryCaptureImageStorage"),
    *("MultiFrameTrueColorSecondaryCaptureImageStorage", "SegmentationStorage"),
    *("RTStructureSetStorage", "Comprehensive3DSRStorage", "EnhancedSRStorage"),
    "ComprehensiveSRStorage",
)


@dataclass(frozen=True, slots=True)
class Dimse:
    """An archive that is spoken to by DICOM's own network."""

    address: Address
    timeout_s: float

    def find(self, query: Query) -> list[FoundSeries]:
        """List the series that match."""
        if query.patient or query.accession or query.date or not query.study:
            studies = self._find_studies(query)
        else:
            studies = [(query.study, "")]
        found = []
        entity = make_entity(self.address, self.timeout_s)
        entity.add_requested_context(_FIND)
        with associated(self.address, entity, "find series", service=_FIND) as association:
            for study, date in studies:
                wanted = _dataset(
                    QueryRetrieveLevel="SERIES",
                    StudyInstanceUID=study,
                    SeriesInstanceUID=query.series,
                    Modality=query.modality,
                    SeriesDescription="",
                    NumberOfSeriesRelatedInstances="",
                )
                for item in self._answers(association.send_c_find(wanted, _FIND), "find series"):
                    found.append(_told(item, study, date))
        return found

    def fetch(self, found: FoundSeries, folder: Path, *, listener: Listener = silent) -> int:
        """Write the files of a series into a folder; return how many."""
        wanted = _dataset(
            QueryRetrieveLevel="SERIES",
            StudyInstanceUID=found.study,
            SeriesInstanceUID=found.series,
        )
        n = 0
        failed: list[Exception] = []

        def keep(event: Any) -> int:
            nonlocal n
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                if event.dataset.get("SeriesInstanceUID") != found.series:
                    # Nobody asked for it.
                    return _NOT_OURS
                try:
                    place = file_of(folder, event.request.AffectedSOPInstanceUID)
                    place.write_bytes(event.encoded_dataset())
                except (ArchiveError, OSError) as error:
                    failed.append(error)
                    return _NO_ROOM
            n += 1
            listener(Progress("fetch", min(1.0, n / (found.n_slices or n + 1))))
            return _SUCCESS

        try:
            (self._get if self.address.move_port is None else self._move)(wanted, keep)
        except ArchiveError:
            if not failed:
                raise
        if failed:
            # What stopped it was here, whatever the archive makes of it.
            raise failed[0]
        return n

    def store(self, files: Sequence[Path], *, listener: Listener = silent) -> None:
        """Send DICOM files."""
        import pydicom

        entity = make_entity(self.address, self.timeout_s)
        kinds: dict[str, list[str]] = {}
        for path in files:
            meta = pydicom.filereader.read_file_meta_info(path)
            kind, syntax = str(meta.MediaStorageSOPClassUID), str(meta.TransferSyntaxUID)
            if syntax not in kinds.setdefault(kind, []):
                kinds[kind].append(syntax)
        for kind, syntaxes in kinds.items():
            for syntax in syntaxes:
                entity.add_requested_context(kind, syntax)
        with associated(self.address, entity, "store objects of these kinds") as association:
            for i, path in enumerate(files):
                listener(Progress("store", i / len(files)))
                try:
                    status = association.send_c_store(path)
                except ValueError as error:
                    raise ArchiveError(
                        f"{self.address} takes no objects of the kind of '{path.name}'",
                        cure="Ask who runs the archive to let it store them.",
                    ) from error
                self._require(status, _KEPT, f"store '{path.name}'")
        listener(Progress("store", 1.0))

    def _find_studies(self, query: Query) -> list[tuple[str, str]]:
        wanted = _dataset(
            QueryRetrieveLevel="STUDY",
            StudyInstanceUID=query.study,
            StudyDate=query.date,
            PatientID=query.patient,
            AccessionNumber=query.accession,
        )
        entity = make_entity(self.address, self.timeout_s)
        entity.add_requested_context(_FIND)
        with associated(self.address, entity, "find studies", service=_FIND) as association:
            answers = self._answers(association.send_c_find(wanted, _FIND), "find studies")
            return [(str(a.StudyInstanceUID), str(a.get("StudyDate") or "")) for a in answers]

    def _get(self, wanted: Any, keep: Callable[[Any], int]) -> None:
        """Let the archive send on the same connection."""
        from pynetdicom import build_role, evt, sop_class

        what = "fetch a series by C-GET"
        entity = make_entity(self.address, self.timeout_s)
        entity.add_requested_context(_GET)
        roles = []
        for name in _KINDS:
            kind = getattr(sop_class, name)
            entity.add_requested_context(kind)
            roles.append(build_role(kind, scp_role=True))
        handlers = [(evt.EVT_C_STORE, keep)]
        with associated(
            self.address, entity, what, service=_GET, ext_neg=roles, evt_handlers=handlers
        ) as association:
            for status, _ in association.send_c_get(wanted, _GET):
                self._require(status, (_SUCCESS, *_PENDING), what)

    def _move(self, wanted: Any, keep: Callable[[Any], int]) -> None:
        """Let the archive call back; it must know our title, host and port."""
        from pynetdicom import evt, sop_class

        listening = make_entity(self.address, self.timeout_s)
        listening.require_called_aet = True
        for name in _KINDS:
            listening.add_supported_context(getattr(sop_class, name))
        try:
            server = listening.start_server(
                ("", self.address.move_port),
                block=False,
                evt_handlers=[(evt.EVT_C_STORE, keep)],
            )
        except OSError as error:
            raise ArchiveError(
                f"Port {self.address.move_port} cannot be listened on",
                got=error.strerror,
                cure="Name another with move=PORT, the one that the archive knows us by.",
            ) from error
        what = "send a series by C-MOVE"
        try:
            entity = make_entity(self.address, self.timeout_s)
            entity.add_requested_context(_MOVE)
            with associated(self.address, entity, what, service=_MOVE) as association:
                for status, _ in association.send_c_move(wanted, self.address.own_aet, _MOVE):
                    self._require(status, (_SUCCESS, *_PENDING), what)
        finally:
            server.shutdown()

    def _answers(self, responses: Any, what: str) -> Iterator[Any]:
        for status, item in responses:
            self._require(status, (_SUCCESS, *_PENDING), what)
            if item is not None:
                yield item

    def _require(self, status: Any, good: Sequence[int], what: str) -> None:
        code = status.get("Status") if status is not None else None
        if code in good:
            return
        raise ArchiveError(
            f"{self.address} did not {what}",
            got="no answer" if code is None else f"status {int(code):#06x}",
            cure="Ask who runs the archive; its log says more."
            if code is not None
            else "Try again later: it was silent for too long, or broke off.",
        )


def _dataset(**values: str) -> Any:
    from pydicom import Dataset

    dataset = Dataset()
    for name, value in values.items():
        setattr(dataset, name, value)
    return dataset


def _told(item: Any, study: str, date: str) -> FoundSeries:
    count = item.get("NumberOfSeriesRelatedInstances")
    return FoundSeries(
        study=study,
        series=str(item.SeriesInstanceUID),
        modality=str(item.get("Modality") or ""),
        description=str(item.get("SeriesDescription") or ""),
        date=date,
        n_slices=int(count) if count else None,
    )
