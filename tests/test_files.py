import os
import subprocess
import sys
from pathlib import Path

import pytest

from suffice.core import FileFormatError, StorageError
from suffice.files import require_free, require_writable, write_text, writing_file, writing_folder


def names(folder: Path) -> list[str]:
    return sorted(item.name for item in folder.iterdir())


def test_file_takes_its_place_whole(tmp_path: Path):
    with writing_file(tmp_path / "new" / "a.txt") as partial:
        partial.write_text("hello")
        assert partial.suffix == ".txt" and not (tmp_path / "new" / "a.txt").exists()
    assert names(tmp_path / "new") == ["a.txt"]


def test_failed_block_leaves_the_old_file_and_nothing_else(tmp_path: Path):
    write_text(tmp_path / "a.txt", "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(tmp_path / "a.txt", "new \ud800")
    assert names(tmp_path) == ["a.txt"] and (tmp_path / "a.txt").read_text() == "old"


def test_taken_places_are_refused_before_anything_is_done(tmp_path: Path):
    write_text(tmp_path / "a.txt", "old")
    for write in (
        lambda: write_text(tmp_path / "a.txt", "new", overwrite=False),
        lambda: require_free(tmp_path / "a.txt", overwrite=False),
        lambda: writing_folder(tmp_path / "a.txt").__enter__(),
    ):
        with pytest.raises(StorageError, match=r"a\.txt' exists already.*--force"):
            write()
    assert (tmp_path / "a.txt").read_text() == "old"


def test_only_a_folder_that_bears_the_mark_is_replaced(tmp_path: Path):
    place = tmp_path / "home"
    require_free(place, overwrite=True, mark="model.toml")
    place.mkdir()
    require_free(place, overwrite=True, mark="model.toml")
    (place / "thesis.txt").write_text("years of work")
    for other in (place, place / "thesis.txt"):
        with pytest.raises(StorageError, match="other things and will not be replaced"):
            require_free(other, overwrite=True, mark="model.toml")
    (place / "model.toml").touch()
    require_free(place, overwrite=True, mark="model.toml")


def test_block_that_writes_nothing_is_an_error(tmp_path: Path):
    with pytest.raises(StorageError, match="Cannot write"), writing_file(tmp_path / "a.txt"):
        pass
    assert names(tmp_path) == []


def test_folder_takes_its_place_whole_and_replaces(tmp_path: Path):
    for content in ("old", "new"):
        with writing_folder(tmp_path / "f", overwrite=True) as partial:
            (partial / "a.txt").write_text(content)
    assert names(tmp_path) == ["f"] and (tmp_path / "f" / "a.txt").read_text() == "new"


def test_files_of_a_folder_are_on_the_disk_before_it_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    synced: list[tuple[int, bool]] = []
    fsync = os.fsync

    def record(handle: int) -> None:
        synced.append((os.fstat(handle).st_ino, (tmp_path / "f").exists()))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", record)
    with writing_folder(tmp_path / "f") as partial:
        (partial / "sub").mkdir()
        (partial / "sub" / "a.txt").write_text("a")
        (partial / "gone").symlink_to(tmp_path / "nowhere")
    parts = [tmp_path / "f" / "sub" / "a.txt", tmp_path / "f" / "sub", tmp_path / "f", tmp_path]
    inodes = [path.stat().st_ino for path in parts]
    assert set(synced) == {*((inode, False) for inode in inodes[:-1]), (inodes[-1], True)}


def test_failed_folder_leaves_the_old_one(tmp_path: Path):
    with writing_folder(tmp_path / "f") as partial:
        (partial / "a.txt").write_text("old")
    with (
        pytest.raises(ZeroDivisionError),
        writing_folder(tmp_path / "f", overwrite=True) as partial,
    ):
        raise ZeroDivisionError
    assert names(tmp_path) == ["f"] and (tmp_path / "f" / "a.txt").read_text() == "old"


def test_old_folder_comes_back_where_the_new_one_cannot_take_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with writing_folder(tmp_path / "f") as partial:
        (partial / "a.txt").write_text("old")
    rename = Path.rename

    def refuse(self: Path, target: Path) -> Path:
        if target.name == "f" and "-old-" not in self.name:
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with (
        pytest.raises(StorageError, match="No space left"),
        writing_folder(tmp_path / "f", overwrite=True),
    ):
        pass
    assert names(tmp_path) == ["f"] and (tmp_path / "f" / "a.txt").read_text() == "old"


def test_disk_errors_name_the_place_and_a_cure(tmp_path: Path):
    with (
        pytest.raises(StorageError, match=r"Cannot write '.*a\.txt': got No space.*Free some"),
        writing_file(tmp_path / "a.txt"),
    ):
        raise OSError(28, "No space left on device")


def test_file_in_the_way_of_a_folder(tmp_path: Path):
    (tmp_path / "a").write_text("x")
    with pytest.raises(StorageError, match="Cannot write"):
        write_text(tmp_path / "a" / "b.txt", "y")


def test_what_cannot_be_read_is_not_told_as_what_cannot_be_written(tmp_path: Path):
    with (
        pytest.raises(FileFormatError, match=r"source\.nii' cannot be read or written: got No"),
        writing_folder(tmp_path / "out"),
    ):
        (tmp_path / "source.nii").read_bytes()
    with (
        pytest.raises(StorageError, match="Cannot write"),
        writing_folder(tmp_path / "out") as partial,
    ):
        (partial / "absent" / "a").write_bytes(b"")


@pytest.mark.parametrize("write", [require_writable, lambda f: writing_folder(f / "x").__enter__()])
def test_leftovers_of_another_day_are_swept(tmp_path: Path, write):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    swept = [f".partial-0a.{ended.pid}-m", ".partial-0b-m.csv", f".partial-0c.{ended.pid}-old-new"]
    kept = [f".partial-1a.{os.getpid()}-m", f".partial-1b.{ended.pid}-old-gone", "m", "new"]
    for name in [*swept, *kept]:
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (0, 0))
    young = tmp_path / f".partial-2a.{ended.pid}-m"
    young.mkdir()
    write(tmp_path)
    left = names(tmp_path)
    assert not set(swept) & set(left)
    assert {*kept, young.name} <= set(left)
