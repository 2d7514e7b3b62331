"""A folder of scans without what says who they are of."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest

from suffice.core import StorageError, UsageError
from suffice.phantoms.identified import CT, Person, identified_slice
from suffice.privacy import AUDIT_CSV, read_key
from suffice.workflows.deidentifying import deidentify


def everything(folder: Path) -> bytes:
    files = (p for p in folder.rglob("*") if p.is_file())
    return b"\n".join(str(p).encode() + p.read_bytes() for p in files).lower()


def write_study(folder: Path, seed: int) -> Person:
    person = Person(seed)
    for visit in range(2):
        made = identified_slice(person, visit=visit, index=0, sop_class=CT)
        place = folder / person.word("PatientName") / f"{made.day}-IM{visit:04d}.dcm"
        place.parent.mkdir(parents=True, exist_ok=True)
        made.dataset.save_as(place, enforce_file_format=True)
    return person


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "src"
    for seed in range(3):
        write_study(folder, seed)
    return folder


def test_nothing_is_left_and_the_audit_quotes_nothing(tmp_path: Path, source: Path) -> None:
    people = [Person(seed) for seed in range(3)]
    for person in people:
        identified_slice(person, visit=0, index=0)
    out = tmp_path / "out"
    report = deidentify(source, out)
    assert (report.n_cleaned, report.n_refused, report.leftovers) == (6, 0, ())
    data = everything(out)
    for person in people:
        # A date that was moved may fall on another that somebody had.
        words = {k: w for k, w in person.planted.items() if not w.isdigit()}
        assert [k for k, w in words.items() if w[:16].encode() in data] == []
    rows = list(csv.DictReader((out / AUDIT_CSV).read_text().splitlines()))
    assert {row["outcome"] for row in rows} == {"cleaned"}
    assert len({row["file"] for row in rows}) == 6
    assert report.key.read_text().split()[-1].encode() not in data
    assert report.key.stat().st_mode & 0o777 == 0o600


def dates_of(dataset: pydicom.Dataset) -> dict[tuple[int, ...], str]:
    """Give the day in each field of dates, by the field's place in the object."""
    days = {}
    for element in dataset:
        if element.VR in ("DA", "DT") and element.value:
            days[(element.tag,)] = str(element.value)[:8]
        for i, item in enumerate(element.value if element.VR == "SQ" else ()):
            days |= {(element.tag, i, *place): day for place, day in dates_of(item).items()}
    return days


def test_every_field_of_dates_is_moved_or_empty(tmp_path: Path, source: Path) -> None:
    report = deidentify(source, tmp_path / "out")
    key = read_key(report.key)
    after = {one.SOPInstanceUID: one for one in map(pydicom.dcmread, report.folder.rglob("*.dcm"))}
    n_moved = 0
    for before in map(pydicom.dcmread, source.rglob("*.dcm")):
        held, kept = dates_of(before), dates_of(after[key.uid(before.SOPInstanceUID)])
        assert len(held) == 10
        assert [place for place, day in kept.items() if held[place] == day] == []
        n_moved += len(kept)
    assert n_moved >= 6 * 6


def test_the_same_key_gives_the_same_files(tmp_path: Path, source: Path) -> None:
    first = deidentify(source, tmp_path / "one")
    second = deidentify(source, tmp_path / "two", key=first.key)
    third = deidentify(source, tmp_path / "three")
    names = [
        sorted(p.relative_to(f.folder) for p in f.folder.rglob("*.dcm"))
        for f in (first, second, third)
    ]
    assert names[0] == names[1] != names[2]
    for name in names[0]:
        assert (first.folder / name).read_bytes() == (second.folder / name).read_bytes()


def test_what_cannot_be_cleaned_is_listed_and_not_copied(tmp_path: Path, source: Path) -> None:
    (source / "letter to Mrs Zwiquoxan.pdf").write_bytes(b"%PDF Zwiquoxan")
    (source / "cut.dcm").write_bytes((next(source.rglob("*.dcm"))).read_bytes()[:300])
    report = deidentify(source, tmp_path / "out")
    assert (report.n_cleaned, report.n_refused) == (6, 2)
    assert {path.name for path in report.refused} == {"letter to Mrs Zwiquoxan.pdf", "cut.dcm"}
    assert "of no format that can be cleaned" in report.reasons
    assert b"zwiquoxan" not in everything(report.folder)
    assert len(list(report.folder.rglob("*.dcm"))) == 6


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_listed(tmp_path: Path, source: Path) -> None:
    next(source.rglob("*.dcm")).chmod(0)
    report = deidentify(source, tmp_path / "out")
    assert report.n_refused == 1


def test_a_run_that_was_killed_goes_on(tmp_path: Path, source: Path, monkeypatch) -> None:
    import suffice.workflows.deidentifying as module

    out, calls = tmp_path / "out", []
    real = module._clean_one

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(module, "_clean_one", interrupted)
    with pytest.raises(KeyboardInterrupt):
        deidentify(source, out)
    written = {p: p.stat().st_mtime_ns for p in out.rglob("*.dcm")}
    assert len(written) == 3
    assert not list(out.rglob(".partial*"))
    monkeypatch.setattr(module, "_clean_one", real)
    report = deidentify(source, out)
    assert report.n_cleaned == 6 and not report.leftovers
    # The last one is done again, as a kill may have cut its rows of the audit.
    assert sum(p.stat().st_mtime_ns == mtime for p, mtime in written.items()) == 2
    fresh = deidentify(source, tmp_path / "fresh", key=report.key)
    assert (out / AUDIT_CSV).read_text() == (fresh.folder / AUDIT_CSV).read_text()


def test_folders_in_each_other_are_refused(tmp_path: Path, source: Path) -> None:
    for out in (source / "out", source, tmp_path):
        with pytest.raises(UsageError, match="lie in each other"):
            deidentify(source, out)
    for key in (source / "k", tmp_path / "out" / "k"):
        with pytest.raises(UsageError, match="key would lie with the files"):
            deidentify(source, tmp_path / "out", key=key)
    assert not (tmp_path / "out").exists()


def test_other_options_or_another_key_need_force(tmp_path: Path, source: Path) -> None:
    out = tmp_path / "out"
    deidentify(source, out)
    with pytest.raises(StorageError, match="another key or other options"):
        deidentify(source, out, dates="remove")
    report = deidentify(source, out, dates="remove", overwrite=True)
    dates = {pydicom.dcmread(p).StudyDate for p in out.rglob("*.dcm")}
    assert report.n_cleaned == 6 and dates == {""}


def test_a_folder_of_other_things_is_left_alone(tmp_path: Path, source: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    with pytest.raises(StorageError, match="holds other things"):
        deidentify(source, out, overwrite=True)
    assert (out / "mine.txt").read_text() == "mine"


def test_what_is_left_is_found(tmp_path: Path, source: Path, monkeypatch) -> None:
    """Cleaning that forgets a tag, a private one and the file's name is caught."""
    import suffice.privacy.dicom_file as module

    real: Callable[..., object] = module.write_dicom

    def forgetful(path: Path, dataset: pydicom.Dataset) -> None:
        dataset.InstitutionName = Person(0).word("PatientName")
        real(path, dataset)

    monkeypatch.setattr(module, "write_dicom", forgetful)
    report = deidentify(source, tmp_path / "out")
    assert {one.what for one in report.leftovers} >= {
        "part of a name or identifier ((0008,0080))",
        "part of a name or identifier (bytes of the file)",
    }


def test_a_shifted_date_that_another_person_had_is_no_alarm(tmp_path: Path) -> None:
    from suffice.privacy import Key, write_key
    from suffice.privacy.dates import shifted

    key = Key(bytes(range(32)))
    write_key(tmp_path / "k.key", key)
    source = tmp_path / "src"
    one = identified_slice(Person(1), visit=0, index=0)
    other = identified_slice(Person(2), visit=0, index=0)
    day = shifted(one.day, key.days(one.subject))
    for keyword in ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"):
        setattr(other.dataset, keyword, day)
    for made, name in ((one, one.day), (other, day)):
        place = source / str(name) / f"{made.planted['PatientName']}.dcm"
        place.parent.mkdir(parents=True)
        made.dataset.save_as(place, enforce_file_format=True)
    report = deidentify(source, tmp_path / "out", key=tmp_path / "k.key")
    assert (report.n_cleaned, report.leftovers) == (2, ())
