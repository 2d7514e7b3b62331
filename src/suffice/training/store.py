"""Preprocessed cases on disk, read patch by patch: memory does not grow with the cohort.

A folder of plain ``.npy`` files that are mapped into memory, so that training needs nothing but
numpy to read them. Images are half precision: normalised intensities need no more.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import numpy as np
import numpy.typing as npt

from suffice.core import ModelError
from suffice.files import write_text, writing_file, writing_folder

RATERS = "raters.npy"
SHARES = "shares.npy"
UNLABELLED = "unlabelled.npy"
# A share of 1, as it is stored.
WHOLE = 255
N_FOREGROUND_POINTS = 4096
# Memory-mapped files stay open, and many systems allow a process 256 of them.
N_OPEN = 48


@dataclass(frozen=True)
class StoredCase:
    """One case: mapped arrays and points inside each structure.

    Parameters
    ----------
    image : float16 array of shape (C, *spatial)
    labels : uint8 array of shape (*spatial,)
    points : int32 array of shape (n, 1 + D)
        Class and index of voxels drawn evenly from each structure, sorted by class.
    raters : uint8 array of shape (R, *spatial), optional
        The masks of all who drew the case, where more than one is learned from.
    unlabelled : int, optional
        The class in ``labels`` of voxels that nobody labelled, where there are any.
    shares : uint8 array of shape (S, *spatial), optional
        What of each voxel belongs to a class, in 255ths, where this is learned from instead.
    """

    name: str
    image: npt.NDArray[np.float16]
    labels: npt.NDArray[np.uint8]
    points: npt.NDArray[np.int32]
    raters: npt.NDArray[np.uint8] | None = None
    shares: npt.NDArray[np.uint8] | None = None
    unlabelled: int | None = None

    @functools.cached_property
    def classes(self) -> dict[int, tuple[int, int]]:
        """First point of each structure that is in the case, and the first after its last."""
        values, starts = np.unique(self.points[:, 0], return_index=True)
        ends = [*starts[1:], len(self.points)]
        return {int(v): (int(a), int(b)) for v, a, b in zip(values, starts, ends, strict=True)}


class Store:
    """Reader and writer of a folder of preprocessed cases."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def has(self, name: str) -> bool:
        """Whether the case stands whole: its files open and are as long as they say."""
        try:
            self.open(name)
        except (OSError, ValueError, EOFError):
            return False
        return True

    def open(self, name: str) -> StoredCase:
        """Map one case."""
        folder = self.folder / name
        raters, shares, unlabelled = folder / RATERS, folder / SHARES, folder / UNLABELLED
        is_shared = shares.exists()
        return StoredCase(
            name=name,
            image=np.load(folder / "image.npy", mmap_mode="r"),
            labels=np.load(folder / "labels.npy", mmap_mode="r"),
            points=np.load(folder / "points.npy", mmap_mode="r"),
            # Each file counts among those that a process may hold open.
            raters=np.load(raters, mmap_mode="r") if raters.exists() and not is_shared else None,
            shares=np.load(shares, mmap_mode="r") if is_shared else None,
            unlabelled=int(np.load(unlabelled)) if unlabelled.exists() else None,
        )

    def add(
        self,
        name: str,
        image: npt.NDArray[np.floating],
        labels: npt.NDArray[np.uint8],
        rng: np.random.Generator,
        *,
        raters: Sequence[npt.NDArray[np.uint8]] = (),
        unlabelled: int | None = None,
    ) -> None:
        """Write one case whole or not at all.

        Parameters
        ----------
        name : str
        image : array of shape (C, *spatial)
        labels : array of shape (*spatial,)
        rng : numpy.random.Generator
            Draws the points.
        raters : sequence of array of shape (*spatial,)
            All masks, where more than one is learned from. The points are then drawn from all of
            them: where patches lie must not hang on the mask that is drawn for them.
        unlabelled : int, optional
            The class of voxels that nobody labelled.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with writing_folder(self.folder / name, overwrite=True) as partial:
            np.save(partial / "image.npy", image.astype(np.float16))
            points = foreground_points(raters or [labels], rng, unlabelled=unlabelled)
            np.save(partial / "points.npy", points)
            if unlabelled is not None and any((m == unlabelled).any() for m in raters or [labels]):
                np.save(partial / UNLABELLED, np.uint8(unlabelled))
            if raters:
                np.save(partial / RATERS, np.stack(raters).astype(np.uint8))
            np.save(partial / "labels.npy", labels.astype(np.uint8))

    def add_shares(self, name: str, shares: npt.NDArray[np.floating]) -> None:
        """Write shares ``(S, *spatial)`` of 0 to 1 beside a case, in place of its raters' masks."""
        with writing_file(self.folder / name / SHARES) as partial:
            np.save(partial, np.round(WHOLE * shares).astype(np.uint8))

    def close(self, settings: dict[str, object]) -> None:
        """Write the index last; a store without it is not whole."""
        write_text(self.folder / "store.json", json.dumps(settings, indent=1, sort_keys=True))

    def settings(self) -> dict[str, object] | None:
        """Return what the store was made with, or ``None`` where it is not whole or damaged."""
        try:
            loaded = json.loads((self.folder / "store.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        return loaded if isinstance(loaded, dict) else None

    def read(self, names: Sequence[str]) -> Sequence[StoredCase]:
        """Map the named cases, each when it is asked for.

        Raises
        ------
        ModelError
            If one of them is not in the store, or damaged.
        """
        for name in names:
            if not self.has(name):
                raise ModelError(
                    f"Case '{name}' is not in the store '{self.folder}', or damaged",
                    cure="Start the training again: it is prepared anew.",
                )
        return _MappedCases(self.open, tuple(names))


class _MappedCases(Sequence[StoredCase]):
    """Cases of which the last few stay open: each takes up to four of a process's open files."""

    def __init__(self, read: Callable[[str], StoredCase], names: tuple[str, ...]) -> None:
        self._names, self._open = names, read
        self._read = functools.lru_cache(maxsize=N_OPEN)(read)

    def __reduce__(self) -> tuple[object, ...]:
        # Files are opened anew in another process.
        return _MappedCases, (self._open, self._names)

    def __len__(self) -> int:
        return len(self._names)

    @overload
    def __getitem__(self, index: int) -> StoredCase: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[StoredCase]: ...
    def __getitem__(self, index: int | slice) -> StoredCase | Sequence[StoredCase]:
        if isinstance(index, slice):
            return [self._read(name) for name in self._names[index]]
        return self._read(self._names[index])


def foreground_points(
    masks: Sequence[npt.NDArray[np.uint8]],
    rng: np.random.Generator,
    *,
    unlabelled: int | None = None,
) -> npt.NDArray[np.int32]:
    """Draw voxels evenly from each structure, of all voxels that anyone gave to it.

    Background and the class ``unlabelled`` are no structures.
    """
    shape = masks[0].shape
    flat = [mask.reshape(-1) for mask in masks]
    found = []
    for value in np.unique(np.concatenate([np.unique(mask) for mask in flat])):
        if value in (0, unlabelled):
            continue
        inside = np.flatnonzero(np.logical_or.reduce([mask == value for mask in flat]))
        if inside.size > N_FOREGROUND_POINTS:
            inside = rng.choice(inside, N_FOREGROUND_POINTS, replace=False)
        index = np.stack(np.unravel_index(inside, shape), axis=1)
        found.append(np.column_stack([np.full(len(index), value), index]))
    if not found:
        return np.zeros((0, 1 + len(shape)), dtype=np.int32)
    return np.concatenate(found).astype(np.int32)
