"""Find series in a hospital's archive, fetch them to draw on, and store what was drawn."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from suffice.core import Listener, UsageError, silent
from suffice.files import require_writable, writing_folder
from suffice.io.formats import OBJECTS, stem_of
from suffice.io.pacs.address import Address, is_address, parse_address
from suffice.io.pacs.archive import ArchiveError, FoundSeries, Query, open_archive
from suffice.io.pacs.credentials import Credentials, read_credentials
from suffice.workflows.dicom_out import OVERLAYS, REPORTS

BACK = "back"
"""In the place of an address: to where the series came from."""

# Objects of an archive that are no scans.
_NOT_SCANS = ("SEG", "RTSTRUCT", "RTDOSE", "RTPLAN", "SR", "PR", "KO", "ANN", "REG", "DOC", "OT")


@dataclass(frozen=True, slots=True)
class Fetched:
    """A series of an archive, and the folder that it was fetched into."""

    address: Address
    folder: Path


def find_series(
    address: str,
    *,
    patient: str = "",
    accession: str = "",
    date: str = "",
    modality: str = "",
    auth: Path | None = None,
) -> list[FoundSeries]:
    """List the series of an archive; names of patients are neither asked for nor told.

    Parameters
    ----------
    address : str
        ``dicomweb://HOST/PATH``, ``dicomweb+https://HOST/PATH`` or ``dimse://AET@HOST:PORT``, and
        ``/studies/UID`` where one study is meant.
    patient, accession : str
        The patient's identifier, the accession number.
    date : str
        Of the study: ``20240131``, or a range such as ``20240101-20240131``.
    modality : str
        DICOM's own code, e.g. ``CT``.
    auth : Path, optional
        File of credentials, see `read_credentials`.

    Raises
    ------
    ArchiveError
        If it cannot be reached, or refuses.
    UsageError
        If nothing is said of what is looked for: archives are large.
    """
    place = parse_address(address)
    query = Query(
        patient=patient,
        accession=accession,
        date=date,
        modality=modality,
        study=place.study,
        series=place.series,
    )
    if not (patient or accession or date or place.study):
        raise UsageError(
            "An archive is too large to be listed whole",
            cure="Give a study in the address, or --patient, --accession or --date.",
        )
    return open_archive(place, _credentials(auth)).find(query)


def fetch_series(
    address: str,
    out: Path,
    *,
    auth: Path | None = None,
    overwrite: bool = False,
    listener: Listener = silent,
) -> list[Fetched]:
    """Fetch the scans of a study, or one series, each into a folder of ``out`` named by its UID.

    Raises
    ------
    ArchiveError
        If they are not there, or come in part.
    """
    place = parse_address(address)
    if not place.study:
        raise UsageError(
            "The address names no study",
            got=str(place),
            expected="/studies/UID at its end",
            cure="Find its identifier with `suffice pacs find`.",
        )
    archive = open_archive(place, _credentials(auth))
    found = [
        each
        for each in archive.find(Query(study=place.study, series=place.series))
        if each.modality not in _NOT_SCANS
    ]
    if not found:
        raise ArchiveError(
            f"{place} holds no scans there", cure="Check the identifiers of study and series."
        )
    fetched = []
    for each in found:
        with writing_folder(out / each.series, overwrite=overwrite) as folder:
            n = archive.fetch(each, folder, listener=listener)
            if not n or (each.n_slices is not None and n < each.n_slices):
                raise ArchiveError(
                    f"{place} sent a series in part",
                    got=f"{n} of {each.n_slices or 'its'} slices",
                    cure="Try again, or ask who runs it.",
                )
        fetched.append(Fetched(place, out / each.series))
    return fetched


def store_objects(
    paths: Sequence[Path],
    address: str | Address,
    *,
    auth: Path | None = None,
    listener: Listener = silent,
) -> None:
    """Send DICOM files to an archive.

    Raises
    ------
    ArchiveError
        If it does not take one of them; those before it are kept there.
    """
    place = address if isinstance(address, Address) else parse_address(address)
    open_archive(place, _credentials(auth)).store(paths, listener=listener)


@contextlib.contextmanager
def fetched_sources(
    sources: Sequence[str],
    *,
    auth: Path | None = None,
    listener: Listener = silent,
) -> Iterator[tuple[list[Path], dict[str, Address]]]:
    """Give paths for sources, of which some may be addresses; what was fetched is removed after.

    Yields
    ------
    paths : list of Path
    came_from : dict of str to Address
        The archives of fetched series, by the names that their masks get.
    """
    paths: list[Path] = []
    came_from: dict[str, Address] = {}
    # Readable by its owner alone: it holds names of patients.
    with tempfile.TemporaryDirectory(prefix="suffice-") as place:
        require_writable(Path(place))
        for source in sources:
            if not is_address(source):
                paths.append(Path(source))
                continue
            for each in fetch_series(source, Path(place), auth=auth, listener=listener):
                paths.append(each.folder)
                came_from[each.folder.name] = each.address.archive
        yield paths, came_from


def store_predictions(
    masks: Sequence[Path],
    to: str,
    came_from: dict[str, Address],
    *,
    auth: Path | None = None,
    listener: Listener = silent,
) -> int:
    """Send masks, and the reports and pictures that go with them; return how many files.

    Parameters
    ----------
    masks : sequence of Path
        DICOM objects.
    to : str
        An address, or ``back``.
    came_from : dict of str to Address
        Where series were fetched, by the names of their masks.
    """
    batches: dict[Address, list[Path]] = {}
    for mask in masks:
        batches.setdefault(_target(mask, to, came_from), []).extend(files_of(mask))
    for place, files in batches.items():
        store_objects(files, place, auth=auth, listener=listener)
    return sum(map(len, batches.values()))


def files_of(mask: Path) -> list[Path]:
    """List a mask with what was written beside it: probabilities, report and pictures."""
    name = stem_of(mask)
    beside = [
        mask.parent / "probabilities" / f"{name}.seg.dcm",
        mask.parent / REPORTS / f"{name}.sr.dcm",
    ]
    pictures = sorted((mask.parent / OVERLAYS / name).glob("*.dcm"))
    return [mask, *(path for path in beside if path.is_file()), *pictures]


def require_storable(suffix: str | None, to: str | None, sources: Sequence[str]) -> None:
    """Raise a `UsageError` where masks cannot be sent, before any is drawn."""
    if to is None:
        return
    if suffix not in OBJECTS:
        raise UsageError(
            "An archive takes DICOM objects", cure="Give --format dicom-seg or rtstruct with it."
        )
    if to == BACK:
        if not all(is_address(source) for source in sources):
            raise UsageError(
                "Only what was fetched from an archive can be sent back",
                cure="Name the address in the place of 'back'.",
            )
    else:
        parse_address(to)


def _target(mask: Path, to: str, came_from: dict[str, Address]) -> Address:
    if to != BACK:
        return parse_address(to)
    return came_from[stem_of(mask)]


def _credentials(auth: Path | None) -> Credentials | None:
    return None if auth is None else read_credentials(auth)
