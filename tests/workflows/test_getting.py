"""Getting a checkpoint by name: the licence first, then the file, then what is in it."""

import zipfile
from pathlib import Path

import pytest

from suffice.core import UsageError
from suffice.weights.catalogue import Checkpoint
from suffice.weights.fetching import Fetched
from suffice.workflows import getting

KNOWN = (
    Checkpoint(
        name="made",
        task="a test",
        modality="CT",
        licence="Apache-2.0",
        address="https://example.org/made.zip",
        use="convert",
    ),
    Checkpoint(
        name="elsewhere",
        task="a test",
        modality="CT",
        licence="MIT",
        address="https://example.org/page",
        use="page",
    ),
)


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    asked: list[str] = []

    def fetch(address: str, path: Path, **_: object) -> Fetched:
        asked.append(address)
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(path, "w") as opened:
            opened.writestr("Dataset1/trainer/plans.json", "{}")
        return Fetched(path, "ab" * 32, is_known=False, is_new=True)

    monkeypatch.setattr(getting, "fetch", fetch)
    return asked


def test_nothing_is_fetched_before_the_licence_is_accepted(
    fetched: list[str], tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=r"not accepted.*--accept 'Apache-2\.0'"):
        getting.get("made", tmp_path, known=KNOWN)
    assert not fetched
    with pytest.raises(UsageError, match=r"See https://example\.org/page"):
        getting.get("elsewhere", tmp_path, accept="MIT", known=KNOWN)
    assert not fetched


def test_an_archive_is_unpacked_and_a_hash_that_nobody_stated_is_told(
    fetched: list[str], tmp_path: Path
) -> None:
    got = getting.get("made", tmp_path, accept="apache-2.0", known=KNOWN)
    assert fetched == ["https://example.org/made.zip"]
    assert (got.path / "Dataset1" / "trainer" / "plans.json").is_file()
    assert "states no hash" in got.notes[0]
    assert "Apache-2.0" in (tmp_path / "made" / "licence.json").read_text()
    assert getting.get("made", tmp_path, accept="Apache-2.0", known=KNOWN).path == got.path
