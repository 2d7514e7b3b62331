"""Two patches that become one: what every way of mixing shares."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from suffice.augment.transform import Chance
from suffice.core import UsageError


@dataclass(frozen=True, eq=False, kw_only=True)
class Pair:
    """A patch, and another of the same size that something is taken from.

    Parameters
    ----------
    image, other : tensor of shape (C, *spatial)
        Normalised intensities.
    labels, other_labels : tensor of shape (*spatial,) or (K, *spatial)
        Classes as integers, or shares of K classes that sum to 1; both of one kind.
    spacing : tuple of float
        Along each spatial axis, in mm or, for pictures, ones.
    """

    image: Tensor
    labels: Tensor
    other: Tensor
    other_labels: Tensor
    spacing: tuple[float, ...]

    def __post_init__(self) -> None:
        size = tuple(self.image.shape[1:])
        if (
            self.image.shape != self.other.shape
            or self.labels.shape != self.other_labels.shape
            or tuple(self.labels.shape[-len(size) :]) != size
            or len(self.spacing) != len(size)
        ):
            raise UsageError(
                "Two patches that are mixed need one size",
                got=f"{tuple(self.image.shape)} and {tuple(self.other.shape)}, labels"
                f" {tuple(self.labels.shape)} and {tuple(self.other_labels.shape)}",
            )

    @property
    def size(self) -> tuple[int, ...]:
        """Voxels along each spatial axis."""
        return tuple(self.image.shape[1:])

    @property
    def classes(self) -> Tensor:
        """The class of each voxel of the patch, ``(*spatial,)``."""
        return hard(self.labels, len(self.size))

    @property
    def other_classes(self) -> Tensor:
        """The class of each voxel of the other patch, ``(*spatial,)``."""
        return hard(self.other_labels, len(self.size))

    def take(self, weight: Tensor, *, image: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Take the other patch where ``weight`` says so.

        Parameters
        ----------
        weight : tensor of shape (*spatial,)
            Part of the other patch in each voxel. Integers go to whoever has the larger part.
        image : tensor of shape (C, *spatial), optional
            The other image, where its intensities were changed.

        Returns
        -------
        image : tensor of shape (C, *spatial)
        labels : tensor in the shape and kind of ``labels``
        """
        other = self.other if image is None else image
        weight = weight.to(self.image.dtype)
        mixed = torch.where(weight == 1, other, torch.lerp(self.image, other, weight))
        if self.labels.ndim > len(self.size):
            share = weight.to(self.labels.dtype)
            return mixed, torch.lerp(self.labels, self.other_labels, share)
        return mixed, torch.where(weight > 0.5, self.other_labels, self.labels)


class MixDraw(Protocol):
    """The parameters of one mixture: plain values, to be printed and replayed."""

    def apply(self, pair: Pair) -> tuple[Tensor, Tensor]:
        """Return the mixed image and its labels; both patches stay as they are."""
        ...


@dataclass(frozen=True, kw_only=True)
class Mix(ABC):
    """Ranges that the mixture of a pair is drawn from."""

    @abstractmethod
    def sample(self, pair: Pair, chance: Chance) -> MixDraw | None:
        """Draw the parameters for one pair; None where nothing can be taken from the other."""


def hard(labels: Tensor, ndim: int) -> Tensor:
    """Give each voxel one class: the largest share, or the integer that is there."""
    return labels if labels.ndim == ndim else labels.argmax(0)


def present(classes: Tensor) -> list[int]:
    """Classes of a map, in order."""
    return [int(value) for value in classes.flatten().long().bincount().nonzero()[:, 0]]


def structures(classes: Tensor) -> list[int]:
    """Structures in a map of classes, without the background."""
    return [value for value in present(classes) if value]
