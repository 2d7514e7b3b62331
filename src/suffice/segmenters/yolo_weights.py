"""Published weights to start a YOLO from, with an account of what was taken and their licence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from torch import Tensor

from suffice.core import ModelError
from suffice.nets.torch_archive import read_archive
from suffice.nets.yolo import Yolo, YoloShape
from suffice.nets.yolo.names import shape_of, take_weights

LICENCE = (
    "weights by Ultralytics are under AGPL-3.0, or a licence bought of them: what is trained from "
    "them may be bound by it"
)


@dataclass(frozen=True, eq=False)
class PublishedWeights:
    """The arrays of a checkpoint.

    Parameters
    ----------
    path : Path
    arrays : mapping of str to tensor
    origin : str
        The package that wrote it, where it says so.
    """

    path: Path
    arrays: Mapping[str, Tensor]
    origin: str

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a checkpoint without running anything in it.

        Raises
        ------
        ModelError
            If it cannot be read.
        """
        archive = read_archive(path)
        return cls(path, archive.arrays, archive.origin)

    def shape(self, *, in_channels: int, n_classes: int) -> YoloShape:
        """Say what network takes these weights, for other channels and classes."""
        with_cause = f"'{self.path}' cannot be started from"
        try:
            return shape_of(self.arrays, in_channels=in_channels, n_classes=n_classes)
        except ModelError as error:
            raise ModelError(with_cause, got=str(error)) from error

    def put_into(self, network: Yolo) -> str:
        """Copy what fits into a network and give an account of it, with the licence."""
        try:
            taken = take_weights(network, self.arrays)
        except ModelError as error:
            raise ModelError(f"'{self.path}' cannot be started from", got=str(error)) from error
        licence = f". {LICENCE}" if self.origin in ("ultralytics", "") else ""
        return f"{self.path.name}: {taken}{licence}"
