"""The folder that says what visits have: its pages show what they can and tell what they cannot."""

from __future__ import annotations

import pytest

from suffice.core import StorageError
from suffice.workflows.track_folder import TRACK_CSV, write_track
from suffice.workflows.tracking import track
from suffice.workflows.visits import gather_visits


def test_a_scan_that_cannot_be_read_is_told_on_the_page(lesions, tmp_path):
    scan = lesions.root / "files" / "scan2.nii.gz"
    # Its header can be read, so that the mask fits it, but not its voxels.
    scan.write_bytes(scan.read_bytes()[: scan.stat().st_size // 2])
    found = track(lesions.root, tmp_path / "out")
    assert found.lesions.empty and any("v1 to v2" in note for note in found.notes)
    page = (tmp_path / "out" / "subjects" / "P_1.html").read_text(encoding="utf-8")
    assert "Could not be shown" in page and str(tmp_path) not in page


def test_a_folder_that_cannot_be_finished_is_not_left_half_done(lesions, tmp_path):
    found, out = track(lesions.root), tmp_path / "out"
    visits = gather_visits(lesions.root)

    def stop(progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_track(found, visits, out, overwrite=False, listener=stop)
    assert [path.name for path in tmp_path.iterdir()] == ["cohort"]
    write_track(found, visits, out, overwrite=False, listener=lambda progress: None)
    with pytest.raises(StorageError, match="exists already"):
        write_track(found, visits, out, overwrite=False, listener=lambda progress: None)
    assert (out / TRACK_CSV).is_file()
