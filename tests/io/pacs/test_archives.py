"""Against a real archive: what is stored is found, and comes back as it was."""

import json
import logging
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from typer.testing import CliRunner, Result

from suffice.cli.main import app
from suffice.core import Cohort, LabelMap, Legend, MissingDependencyError, UsageError
from suffice.io import read_grid, read_image, read_mask, write_mask
from suffice.io.objects.report import write_report
from suffice.io.objects.source import read_source
from suffice.io.pacs.address import parse_address
from suffice.io.pacs.archive import ArchiveError, file_of, open_archive
from suffice.io.pacs.credentials import read_credentials
from suffice.io.pacs.dicomweb import DicomWeb
from suffice.workflows.archiving import fetch_series, find_series, store_objects

LEGEND = Legend.from_names({1: "liver", 2: "spleen"})


def run(arguments: list) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def files_in(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def options(server, way: str) -> tuple[str, dict]:
    address = server.web if way == "web" else server.dimse
    return address, {"auth": server.auth} if way == "web" else {}


def behind(address: str, way: str, server, levels: str) -> str:
    return f"{address}{levels}" + (f"?move={server.move}" if way == "move" else "")


@pytest.mark.parametrize("way", ["web", "get", "move"])
def test_series_are_stored_found_and_fetched(
    way: str, archive, hospital: Callable, tmp_path: Path
) -> None:
    scan = hospital()
    address, extra = options(archive, way)
    store_objects(files_in(scan.folder), address, **extra)
    (found,) = find_series(address, patient=scan.patient, **extra)
    assert (found.study, found.series, found.modality) == (scan.study, scan.series, "CT")
    assert (found.n_slices, found.date, found.description) == (6, "20200101", "made up")
    assert find_series(address, patient=scan.patient, modality="MR", **extra) == []
    place = behind(address, way, archive, f"/studies/{scan.study}/series/{scan.series}")
    (fetched,) = fetch_series(place, tmp_path / "fetched", **extra)
    assert fetched.folder.name == scan.series
    back, image = read_image(fetched.folder), read_image(scan.folder)
    np.testing.assert_array_equal(back.array, image.array)
    assert back.grid.matches(image.grid)


@pytest.mark.parametrize("way", ["web", "get"])
def test_what_is_drawn_goes_in_and_comes_back(
    way: str, archive, hospital: Callable, tmp_path: Path
) -> None:
    scan = hospital()
    address, extra = options(archive, way)
    grid = read_grid(scan.folder)
    array = np.zeros(grid.shape, np.uint8)
    array[3:9, 4:12, 1:4], array[10:14, 2:5, 2] = 1, 2
    mask = LabelMap(array, grid, LEGEND)
    seg, contours, report = (tmp_path / f"a{end}" for end in (".seg.dcm", ".rtstruct.dcm", ".sr"))
    write_mask(seg, mask, like=scan.folder, model="unet")
    write_mask(contours, mask, like=scan.folder, model="unet")
    write_report(report, seg, {"liver": 1.5, "spleen": 0.5}, read_source(scan.folder))
    store_objects([*files_in(scan.folder), seg, contours, report], address, **extra)
    found = find_series(f"{address}/studies/{scan.study}", **extra)
    assert sorted(each.modality for each in found) == ["CT", "RTSTRUCT", "SEG", "SR"]
    # Only scans are fetched to be drawn on; the objects are asked for one by one.
    fetched = fetch_series(f"{address}/studies/{scan.study}", tmp_path / "fetched", **extra)
    assert [each.folder.name for each in fetched] == [scan.series]
    known = read_credentials(extra["auth"]) if extra else None
    for each in found:
        if each.modality in ("SEG", "SR"):
            place = tmp_path / each.modality
            place.mkdir()
            assert open_archive(parse_address(address), known).fetch(each, place) == 1
    (again,) = files_in(tmp_path / "SEG")
    np.testing.assert_array_equal(read_mask(again, LEGEND).array, array)
    (told,) = files_in(tmp_path / "SR")
    assert pydicom.dcmread(told).ContentSequence == pydicom.dcmread(report).ContentSequence


def test_storescu_of_dcmtk_takes_our_objects_to_the_archive(
    archive, hospital: Callable, tmp_path: Path
) -> None:
    found = (shutil.which("storescu", path=folder) for folder in os.get_exec_path())
    # pynetdicom brings a script of that name, which an activated environment puts first.
    program = next((p for p in found if p and not Path(p).read_bytes().startswith(b"#!")), None)
    if program is None:
        pytest.skip("storescu (package dcmtk) is not installed")
    scan = hospital()
    grid = read_grid(scan.folder)
    mask = LabelMap(np.ones(grid.shape, np.uint8), grid, LEGEND)
    write_mask(tmp_path / "a.seg.dcm", mask, like=scan.folder)
    subprocess.run(
        [program, "-R", "-aec", "MADEUP", "127.0.0.1", str(archive.dicom), tmp_path / "a.seg.dcm"],
        check=True,
        capture_output=True,
        timeout=60,
    )
    (found,) = find_series(f"{archive.dimse}/studies/{scan.study}")
    assert found.modality == "SEG"


def test_refusals_are_one_line_with_the_cure(archive, hospital: Callable, tmp_path: Path) -> None:
    scan = hospital()
    level = f"/studies/{scan.study}"
    with pytest.raises(ArchiveError, match="asks who you are: got HTTP 401"):
        find_series(archive.web + level)
    wrong = tmp_path / "wrong.toml"
    wrong.write_text('user = "somebody"\npassword = "else"\n', encoding="utf-8")
    wrong.chmod(0o600)
    with pytest.raises(ArchiveError) as refused:
        find_series(archive.web + level, auth=wrong)
    assert "else" not in str(refused.value).split("HTTP")[0]
    with pytest.raises(ArchiveError, match="refused to find series: got HTTP 404"):
        find_series(f"dicomweb://127.0.0.1:{archive.http}/elsewhere{level}", auth=archive.auth)
    with pytest.raises(ArchiveError, match="holds no scans there"):
        fetch_series(archive.web + level, tmp_path / "out", auth=archive.auth)
    with pytest.raises(ArchiveError, match="does not let 'SUFFICE' in"):
        find_series(f"dimse://OTHER@127.0.0.1:{archive.dicom}{level}")
    with pytest.raises(UsageError, match="too large to be listed whole"):
        find_series(archive.web, auth=archive.auth)


# pynetdicom leaves the socket of a refused connection to be collected.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_nobody_there_is_one_line(
    free_port_number: int,
) -> None:
    web = f"dicomweb://127.0.0.1:{free_port_number}/dicom-web/studies/1.2"
    with pytest.raises(ArchiveError, match="cannot be reached: got ConnectionError"):
        find_series(web)
    with pytest.raises(ArchiveError, match="cannot be reached: got no association"):
        find_series(f"dimse://A@127.0.0.1:{free_port_number}/studies/1.2")


def test_nothing_of_a_query_is_logged(
    free_port_number: int, caplog: pytest.LogCaptureFixture
) -> None:
    web = f"dicomweb://127.0.0.1:{free_port_number}/dicom-web"
    with caplog.at_level(logging.DEBUG), pytest.raises(ArchiveError) as refused:
        find_series(web, patient="SECRET-ID")
    assert "SECRET-ID" not in str(refused.value)
    assert "SECRET-ID" not in caplog.text


def test_netrc_says_who_asks(
    archive, hospital: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = hospital()
    store_objects(files_in(scan.folder), archive.web, auth=archive.auth)
    netrc = tmp_path / "netrc"
    known = read_credentials(archive.auth)
    netrc.write_text(f"machine 127.0.0.1 login {known.user} password {known.password}\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    assert len(find_series(archive.web, patient=scan.patient)) == 1


def test_a_series_in_part_is_no_series(
    archive, hospital: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = hospital()
    store_objects(files_in(scan.folder), archive.web, auth=archive.auth)
    monkeypatch.setattr(DicomWeb, "fetch", lambda *_, **__: 3)
    with pytest.raises(ArchiveError, match="sent a series in part: got 3 of 6 slices"):
        fetch_series(f"{archive.web}/studies/{scan.study}", tmp_path / "out", auth=archive.auth)
    assert not list(tmp_path.glob("out/*"))


@pytest.mark.parametrize("uid", ["../../etc/passwd", "1.2/3", "", None, "1..2"])
def test_an_archive_does_not_choose_where_files_go(uid: str | None, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="without a valid identifier"):
        file_of(tmp_path, uid)
    assert file_of(tmp_path, "1.2.3") == tmp_path / "1.2.3.dcm"


@pytest.mark.parametrize("way", ["web", "get"])
def test_one_command_fetches_draws_and_stores_back(
    way: str, archive, hospital: Callable, tiny_cohort: Cohort, tmp_path: Path
) -> None:
    scan = hospital()
    address, extra = options(archive, way)
    store_objects(files_in(scan.folder), address, **extra)
    model, out = tmp_path / "model", tmp_path / "out"
    trained = run(["train", tiny_cohort.root, "--model", "threshold", "-m", 1, "--out", model])
    assert trained.exit_code == 0, trained.output
    place = f"{address}/studies/{scan.study}"
    auth = ["--auth", archive.auth] if way == "web" else []
    asked = ["--format", "dicom-seg", "--sr", "--overlay", "--store", "back", "--out", out, *auth]
    done = run(["predict", model, place, *asked])
    assert done.exit_code == 0, done.output
    assert f"{out / scan.series}.seg.dcm" in done.stdout
    assert "8 files were stored" in done.stderr
    found = find_series(place, **extra)
    assert sorted(each.modality for each in found) == ["CT", "OT", "SEG", "SR"]
    assert all(scan.patient not in text for text in (done.stdout, done.stderr))
    # Nothing of what was fetched is left, and no password is in any file.
    secret = read_credentials(archive.auth).password.encode()
    assert not any(secret in path.read_bytes() for path in out.rglob("*") if path.is_file())
    drawn = read_mask(out / f"{scan.series}.seg.dcm", tiny_cohort.legend)
    assert drawn.grid.matches(read_grid(scan.folder))


def test_pacs_commands(archive, hospital: Callable, tmp_path: Path) -> None:
    scan = hospital()
    auth = ["--auth", archive.auth]
    assert run(["pacs", "store", *files_in(scan.folder), "--to", archive.web, *auth]).exit_code == 0
    found = run(["pacs", "find", archive.web, "--patient", scan.patient, "--json", *auth])
    (told,) = json.loads(found.stdout)
    assert (told["series"], told["n_slices"]) == (scan.series, 6)
    assert "Made" not in found.stdout
    table = run(["pacs", "find", archive.web, "--patient", scan.patient, *auth]).stdout
    header = ["study", "series", "modality", "date", "slices", "description"]
    assert table.splitlines()[0].split() == header
    place = f"{archive.web}/studies/{scan.study}"
    fetched = run(["pacs", "fetch", place, "--out", tmp_path / "f", *auth])
    assert fetched.stdout.strip() == str(tmp_path / "f" / scan.series)
    again = run(["pacs", "fetch", place, "--out", tmp_path / "f", *auth])
    assert again.exit_code == 1
    assert "exists already" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["dicomweb://h/rs/studies/1", "--store", "back"], "An archive takes DICOM objects"),
        (["scans", "--store", "back", "--format", "dicom-seg"], "Only what was fetched"),
        (["scans", "--store", "http://h", "--format", "rtstruct"], "no address of an archive"),
    ],
)
def test_what_cannot_be_stored_is_said_before_anything_is_drawn(
    arguments: list[str], says: str, tmp_path: Path
) -> None:
    done = run(["predict", tmp_path / "no-model", *arguments, "--out", tmp_path / "o"])
    assert done.exit_code == 1
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'suffice\[pacs\]'"):
        open_archive(parse_address("dimse://A@h:1"))
