"""Prepared pictures and their objects on disk, read patch by patch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from suffice.files import writing_folder


@dataclass(frozen=True)
class StoredInstances:
    """One picture: mapped arrays and its objects.

    Parameters
    ----------
    image : float16 array of shape (C, Y, X)
    instances : int32 array of shape (Y, X)
        Objects numbered from 1 on, 0 for none.
    classes : uint8 array of shape (n,)
        Of each object, from 0 on, the background left out.
    centres : int32 array of shape (n, 2)
        A row and a column in the middle of each object's box.
    """

    name: str
    image: npt.NDArray[np.float16]
    instances: npt.NDArray[np.int32]
    classes: npt.NDArray[np.uint8]
    centres: npt.NDArray[np.int32]


class InstanceStore:
    """Reader and writer of a folder of prepared pictures."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def has(self, name: str) -> bool:
        """Whether the picture stands whole."""
        try:
            self.open(name)
        except (OSError, ValueError, EOFError):
            return False
        return True

    def open(self, name: str) -> StoredInstances:
        """Map one picture."""
        folder = self.folder / name
        return StoredInstances(
            name=name,
            image=np.load(folder / "image.npy", mmap_mode="r"),
            instances=np.load(folder / "instances.npy", mmap_mode="r"),
            classes=np.load(folder / "classes.npy"),
            centres=np.load(folder / "centres.npy"),
        )

    def add(
        self,
        name: str,
        image: npt.NDArray[np.floating],
        instances: npt.NDArray[np.int32],
        classes: npt.NDArray[np.uint8],
        centres: npt.NDArray[np.int32],
    ) -> None:
        """Write one picture whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with writing_folder(self.folder / name, overwrite=True) as partial:
            np.save(partial / "image.npy", image.astype(np.float16))
            np.save(partial / "instances.npy", instances)
            np.save(partial / "classes.npy", classes)
            np.save(partial / "centres.npy", centres)

    def read(self, names: Sequence[str]) -> list[StoredInstances]:
        """Map the named pictures."""
        return [self.open(name) for name in names]
