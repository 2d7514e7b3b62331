"""Cases on disk: whole or not there, mapped and not read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import psutil
import pytest

from suffice.core import ModelError
from suffice.training import store as store_module
from suffice.training.store import N_FOREGROUND_POINTS, Store


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_what_is_written_is_read(store: Store) -> None:
    image = rng().normal(size=(2, 6, 7, 8))
    labels = rng().integers(0, 3, (6, 7, 8)).astype(np.uint8)
    store.add("a", image, labels, rng())
    (case,) = store.read(["a"])
    assert case.name == "a" and case.image.dtype == np.float16
    np.testing.assert_array_equal(case.image, image.astype(np.float16))
    np.testing.assert_array_equal(case.labels, labels)
    assert isinstance(case.image, np.memmap) and isinstance(case.labels, np.memmap)


def test_points_lie_inside_their_structure(store: Store) -> None:
    labels = np.zeros((40, 40, 40), np.uint8)
    labels[:30] = 1
    labels[35, 3, 7] = 5
    store.add("a", np.zeros((1, *labels.shape)), labels, rng())
    points = store.read(["a"])[0].points
    np.testing.assert_array_equal(labels[tuple(points[:, 1:].T)], points[:, 0])
    assert (points[:, 0] == 5).sum() == 1
    assert (points[:, 0] == 1).sum() == N_FOREGROUND_POINTS
    assert len(np.unique(points, axis=0)) == len(points)


def test_a_case_without_structure_has_no_points(store: Store) -> None:
    store.add("a", np.zeros((1, 4, 5)), np.zeros((4, 5), np.uint8), rng())
    assert store.read(["a"])[0].points.shape == (0, 3)


def test_a_write_that_is_cut_off_is_never_taken_for_whole(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = np.save
    calls = []

    def cut_off(file: Path, array: np.ndarray) -> None:
        calls.append(file)
        whole(file, array)
        if len(calls) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(np, "save", cut_off)
    with pytest.raises(KeyboardInterrupt):
        store.add("a", np.zeros((1, 4, 4)), np.ones((4, 4), np.uint8), rng())
    assert len(calls) == 3 and not store.has("a")
    with pytest.raises(ModelError, match="Case 'a' is not in the store"):
        store.read(["a"])


def test_the_store_is_whole_once_it_is_closed(store: Store) -> None:
    store.add("a", np.zeros((1, 4, 4)), np.ones((4, 4), np.uint8), rng())
    assert store.settings() is None
    store.close({"train_seconds": 12.5})
    assert store.settings() == {"train_seconds": 12.5}


@pytest.mark.parametrize("name", ["image.npy", "labels.npy", "points.npy"])
@pytest.mark.parametrize("content", [b"", b"no array", None])
def test_a_damaged_case_is_not_taken_for_whole(
    store: Store, name: str, content: bytes | None
) -> None:
    labels = np.ones((6, 7, 8), np.uint8)
    store.add("a", np.zeros((1, *labels.shape)), labels, rng())
    path = store.folder / "a" / name
    path.write_bytes(path.read_bytes()[:-9] if content is None else content)
    assert not store.has("a")
    with pytest.raises(ModelError, match=r"or damaged\. Start the training again"):
        store.read(["a"])
    store.add("a", np.zeros((1, *labels.shape)), labels, rng())
    assert store.has("a")


@pytest.mark.parametrize("content", ["", "{", "[1]"])
def test_a_damaged_index_is_none(store: Store, content: str) -> None:
    store.close({"train_seconds": 1.0})
    (store.folder / "store.json").write_text(content, encoding="utf-8")
    assert store.settings() is None


def test_a_large_store_keeps_few_files_open(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    labels = np.arange(8, dtype=np.uint8).reshape(2, 2, 2)
    names = [f"case{i}" for i in range(20)]
    for i, name in enumerate(names):
        store.add(name, np.full((1, *labels.shape), i), labels, rng())
    monkeypatch.setattr(store_module, "N_OPEN", 4)
    before = psutil.Process().num_fds()
    cases = store.read(names)
    values = [float(case.image[0, 0, 0, 0]) for case in cases]
    assert values == list(range(20)) and len(cases[2:5]) == 3
    assert psutil.Process().num_fds() - before <= 12


def test_the_points_of_each_structure_are_found(store: Store) -> None:
    labels = np.zeros((9, 9, 9), np.uint8)
    labels[:3], labels[5:7] = 4, 2
    store.add("a", np.zeros((1, *labels.shape)), labels, rng())
    (case,) = store.read(["a"])
    assert list(case.classes) == [2, 4]
    for value, (first, end) in case.classes.items():
        assert end > first and set(case.points[first:end, 0].tolist()) == {value}
