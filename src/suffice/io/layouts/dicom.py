"""Trees of DICOM series as scanners and archives export them, with what was drawn on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from suffice.core import DEFAULT_CHANNEL, Case, Channel, CohortError, Modality, SufficeError, Unit
from suffice.io.layouts.dicom_drawings import (
    Drawings,
    note_drawings,
    series_of_object,
    without_series,
)
from suffice.io.layouts.draft import Draft, DraftCase
from suffice.io.layouts.names import is_dicom, is_paper, listed, walk
from suffice.io.left_out import LeftOut

if TYPE_CHECKING:
    from suffice.io.dicom_headers import Series

_N_PEEK = 100


@dataclass(frozen=True, slots=True)
class _Series:
    """The files of a series that lie in one folder, with what their headers say."""

    patient: str
    study: str
    date: str
    modality: str
    is_rescaled: bool
    uid: str
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Dicom:
    """One case a series; subjects and visits are numbered, since their names identify people.

    SEG and RTSTRUCT objects of the series that they name are its masks.
    """

    keep_dates: bool = False

    name = "dicom"

    def detect(self, source: Path) -> str | None:
        """Look at the first files of the tree."""
        first = list(islice(walk(source), _N_PEEK))
        n_dicom = sum(map(is_dicom, first))
        if not n_dicom:
            return None
        return f"{n_dicom} of its first {len(first)} files are DICOM"

    def collect(self, source: Path) -> Draft:
        """Group files by series and folder; number subjects in the order of their paths."""
        from suffice.io.dicom import MODALITY_OF

        series, n_in_folder, objects, left_out = _find_series(source)
        series, unit, unit_notes = _in_one_unit(series, left_out)
        if not series:
            raise CohortError(
                f"'{source}' holds no DICOM images",
                got=left_out[0].reason if left_out else "no DICOM files",
            )
        subjects = {
            patient: f"subject-{i:03d}"
            for i, patient in enumerate(dict.fromkeys(one.patient for one in series), 1)
        }
        visits = _visits(series)
        left_out += without_series(objects, {one.uid for one in series})
        drawings = Drawings(objects, left_out)
        names: Counter[str] = Counter()
        cases = []
        for one in series:
            subject, visit = subjects[one.patient], visits[one.patient, one.study]
            kind = MODALITY_OF.get(one.modality, "OTHER")
            name = f"{subject}_{visit}_{kind}"
            names[name] += 1
            name += f"-{names[name]}" if names[name] > 1 else ""
            # One file stands for its series where the folder holds several.
            alone = n_in_folder[one.files[0].parent] == 1
            path = one.files[0].parent if alone else one.files[0]
            date = _iso(one.date) if self.keep_dates else ""
            case = Case(name, subject, {DEFAULT_CHANNEL: path}, {}, visit, date)
            cases.append(DraftCase(case, drawings.of_series(one.uid, name, path)))
        kinds = sorted({MODALITY_OF.get(one.modality, "OTHER") for one in series})
        notes = [
            f"{len(series)} series of {len(subjects)} patients: subjects and visits are numbered, "
            "as identifiers"
            + (" identify people" if self.keep_dates else " and dates identify people")
        ]
        n_objects = sum(len(paths) for paths in objects.values())
        notes += [*note_drawings(n_objects, drawings.labels), *drawings.notes]
        if len(kinds) > 1:
            notes.append(
                f"The series are of several kinds ({listed(kinds)}): "
                "import the folder of each kind apart to train on it"
            )
        modality: Modality = kinds[0] if len(kinds) == 1 else "OTHER"
        return Draft(
            cases=tuple(cases),
            channels=(Channel(DEFAULT_CHANNEL, modality, unit),),
            labels=drawings.labels or None,
            codes=drawings.codes,
            left_out=tuple(left_out),
            notes=(*notes, *unit_notes),
        )


def _in_one_unit(
    series: list[_Series], left_out: list[LeftOut]
) -> tuple[list[_Series], Unit, list[str]]:
    """Keep CT in Hounsfield units where any is; CT without a rescale is no match for it."""
    bare = [one for one in series if one.modality == "CT" and not one.is_rescaled]
    if not series or any(one.modality != "CT" for one in series):
        return series, "none", []
    if len(bare) == len(series):
        note = "No CT has RescaleSlope and RescaleIntercept: the unit is none, each scan is scaled"
        return series, "none", [f"{note} by itself"]
    reason = "a CT without RescaleSlope and RescaleIntercept, where others are in HU"
    left_out += [LeftOut(one.files[0], reason) for one in bare]
    return [one for one in series if one not in bare], "HU", []


def _find_series(
    source: Path,
) -> tuple[list[_Series], Counter[Path], dict[str, list[Path]], list[LeftOut]]:
    """Find series, and the objects drawn on each, in a tree of files."""
    from suffice.io.dicom_headers import is_scan, read_header, series_of_files
    from suffice.io.objects.opening import kind_of_header

    left_out: list[LeftOut] = []
    files_in: dict[Path, list[Path]] = {}
    objects: dict[str, list[Path]] = {}
    for path in walk(source):
        if not is_dicom(path):
            if not is_paper(path):
                left_out.append(LeftOut(path, "not a DICOM file"))
            continue
        try:
            header = read_header(path)
        except SufficeError as error:
            left_out.append(LeftOut(path, str(error)))
            continue
        if kind_of_header(header) is not None:
            objects.setdefault(series_of_object(header), []).append(path)
        elif is_scan(header):
            files_in.setdefault(path.parent, []).append(path)
        else:
            kind = str(header.get("Modality", ""))
            left_out.append(LeftOut(path, f"a DICOM object ({kind}), no scan"))
    found = []
    for folder, files in files_in.items():
        try:
            found += series_of_files(files)
        except SufficeError as error:
            left_out.append(LeftOut(folder, str(error)))
    n_in_folder = Counter(series.frames[0].path.parent for series in found)
    scouts = [series for series in found if series.is_localizer]
    left_out += [LeftOut(s.frames[0].path, f"{s} is a localizer, no scan") for s in scouts]
    kept = [_told(series, source) for series in found if not series.is_localizer]
    return kept, n_in_folder, objects, left_out


def _told(series: Series, source: Path) -> _Series:
    header = series.header
    files = tuple(dict.fromkeys(frame.path for frame in series.frames))
    return _Series(
        # Without an identifier, a folder at the top is taken for a patient.
        str(header.get("PatientID") or files[0].relative_to(source).parts[0]),
        str(header.get("StudyInstanceUID") or ""),
        str(header.get("StudyDate") or ""),
        series.modality,
        series.is_rescaled,
        str(header.get("SeriesInstanceUID") or ""),
        files,
    )


def _visits(series: Iterable[_Series]) -> dict[tuple[str, str], str]:
    """Number the days on which each patient was scanned, in their order."""
    days: dict[str, set[str]] = {}
    for one in series:
        days.setdefault(one.patient, set()).add(one.date)
    return {
        (one.patient, one.study): f"visit-{sorted(days[one.patient]).index(one.date) + 1}"
        for one in series
    }


def _iso(date: str) -> str:
    """Write a DICOM date as an ISO date.

    Examples
    --------
    >>> _iso("20200119"), _iso("unknown")
    ('2020-01-19', '')
    """
    return f"{date[:4]}-{date[4:6]}-{date[6:]}" if len(date) == 8 and date.isdecimal() else ""
