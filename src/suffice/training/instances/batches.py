"""Patches with their objects: drawn, moved and changed in brightness in one go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage
from torch import Tensor

from suffice.augment import (
    Augmentation,
    Chance,
    Lookup,
    Patches,
    SpatialDraw,
    change_intensity,
    coordinates,
)
from suffice.training.instances.store import StoredInstances

# What is left of an object at the border of a patch must have so many pixels to be one.
LEAST_PIXELS = 9
_PIXELS = (1.0, 1.0)


@dataclass(frozen=True)
class Objects:
    """The objects of one patch.

    Parameters
    ----------
    boxes : float tensor of shape (n, 4)
        Left, top, right and bottom in pixels.
    classes : integer tensor of shape (n,)
    numbers : int32 tensor of shape (Y, X)
        Object ``i`` has the number ``i + 1``.
    """

    boxes: Tensor
    classes: Tensor
    numbers: Tensor

    def to(self, device: torch.device) -> Objects:
        """Move to a device."""
        return Objects(self.boxes.to(device), self.classes.to(device), self.numbers.to(device))


def objects_of(instances: npt.NDArray[np.int32], classes: npt.NDArray[np.uint8]) -> Objects:
    """Describe the objects of a patch, whose numbers point into ``classes``.

    Examples
    --------
    >>> found = objects_of(np.pad(np.full((3, 4), 2, np.int32), 1), np.array([0, 5], np.uint8))
    >>> found.boxes.tolist(), found.classes.tolist(), int(found.numbers.max())
    ([[1.0, 1.0, 5.0, 4.0]], [5], 1)
    """
    counts = np.bincount(instances.ravel())
    kept = np.flatnonzero(counts >= LEAST_PIXELS)
    kept = kept[kept > 0]
    table = np.zeros(max(len(counts), 1), dtype=np.int32)
    table[kept] = np.arange(1, len(kept) + 1)
    numbers = table[instances]
    places = ndimage.find_objects(numbers, max_label=len(kept))
    boxes = [(x.start, y.start, x.stop, y.stop) for y, x in places]
    return Objects(
        torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        torch.from_numpy(classes[kept - 1].astype(np.int64)),
        torch.from_numpy(numbers),
    )


class InstanceSampler:
    """Draw batches of patches, each picture as often as any other.

    Parameters
    ----------
    cases : sequence of StoredInstances
    patch_size, batch_size : int
    foreground : float
        Part of the patches that is centred near an object drawn at random.
    augmentation : Augmentation
    rng : numpy.random.Generator
        Draws pictures and places.
    generator : torch.Generator
        Draws what happens to the patches.
    """

    def __init__(
        self,
        cases: Sequence[StoredInstances],
        *,
        patch_size: int,
        batch_size: int,
        foreground: float,
        augmentation: Augmentation,
        rng: np.random.Generator,
        generator: torch.Generator,
    ) -> None:
        self.cases, self.batch_size, self.foreground = cases, batch_size, foreground
        self.patches = Patches(
            size=(patch_size, patch_size), spacing=_PIXELS, n_channels=cases[0].image.shape[0]
        )
        self.augmentation = augmentation
        self.rng, self.generator = rng, generator
        self._deck: list[int] = []

    def draw(self) -> tuple[Tensor, list[Objects]]:
        """Return images ``(N, C, patch, patch)`` float32 and the objects of each."""
        pairs = [self._patch(self.cases[self._next_case()]) for _ in range(self.batch_size)]
        return torch.stack([image for image, _ in pairs]), [objects for _, objects in pairs]

    def state(self) -> dict[str, Any]:
        """Return what the coming draws hang on."""
        return {
            "rng": self.rng.bit_generator.state,
            "deck": list(self._deck),
            "augmentation": self.generator.get_state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on drawing where a sampler of the same cases was."""
        self.rng.bit_generator.state = state["rng"]
        self._deck = list(state["deck"])
        self.generator.set_state(state["augmentation"])

    def _next_case(self) -> int:
        if not self._deck:
            self._deck = self.rng.permutation(len(self.cases)).tolist()
        return self._deck.pop()

    def _patch(self, case: StoredInstances) -> tuple[Tensor, Objects]:
        draw = self.augmentation.sample(self.patches, Chance(self.generator))
        image, instances = moved(
            case.image, case.instances, self._centre(case), self.patches.size, draw.spatial
        )
        return change_intensity(image, draw.intensity), objects_of(instances, case.classes)

    def _centre(self, case: StoredInstances) -> tuple[float, float]:
        """Choose the middle of a patch, so that it lies inside the picture where it can."""
        near = None
        if len(case.centres) and self.rng.random() < self.foreground:
            near = case.centres[self.rng.integers(len(case.centres))]
        centre = []
        for axis, (n, p) in enumerate(zip(case.instances.shape, self.patches.size, strict=True)):
            low, high = (p - 1) / 2, n - 1 - (p - 1) / 2
            at = self.rng.uniform(low, max(low, high))
            if near is not None:
                # Near the middle, not on it: else the net learns that objects are centred.
                at = near[axis] + self.rng.uniform(-p / 3, p / 3)
            centre.append((n - 1) / 2 if high <= low else float(np.clip(at, low, high)))
        return centre[0], centre[1]


def moved(
    image: npt.NDArray[np.float16],
    instances: npt.NDArray[np.int32],
    centre: tuple[float, float],
    size: tuple[int, ...],
    draw: SpatialDraw,
) -> tuple[Tensor, npt.NDArray[np.int32]]:
    """Read a moved patch about a place of a picture: intensities linearly, objects as they are.

    What the motion brings in from around the patch is read from the picture, not left empty.

    Returns
    -------
    image : float32 tensor of shape (C, *size)
        0 outside the picture.
    instances : int32 array of shape size
    """
    places = coordinates(draw, size, _PIXELS)
    window = []
    for axis, n in enumerate(instances.shape):
        places[axis] += centre[axis] - (size[axis] - 1) / 2
        first = min(max(int(places[axis].min()), 0), n - 1)
        last = max(min(int(places[axis].max()) + 2, n), first + 1)
        places[axis] -= first
        window.append(slice(first, last))
    near = instances[tuple(window)]
    part = torch.from_numpy(image[(slice(None), *window)].astype(np.float32))
    rows, columns = places.round().long().numpy()
    inside = (rows >= 0) & (rows < near.shape[0]) & (columns >= 0) & (columns < near.shape[1])
    numbers = near[np.where(inside, rows, 0), np.where(inside, columns, 0)]
    return Lookup(places, near.shape).image(part), np.where(inside, numbers, 0).astype(np.int32)
