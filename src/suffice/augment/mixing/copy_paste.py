"""Copy-paste: one object of another patch, moved, matched to its new place and blended in."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from suffice.augment.lookup import Lookup
from suffice.augment.mixing.blending import feathered, matched
from suffice.augment.mixing.pair import Mix, Pair, structures
from suffice.augment.mixing.region import bounding_box, objects
from suffice.augment.spatial import SpatialDraw, coordinates
from suffice.augment.transform import Chance
from suffice.core import UsageError

_RING = 2


@dataclass(frozen=True, kw_only=True)
class CopyPaste(Mix):
    """Paste an object of the other patch where the surroundings are like those it came from.

    Parameters
    ----------
    rotation_deg : float
        Largest angle about each axis, to either side.
    scale : float
        Largest factor of its size, up or down.
    flip : float
        Chance of each axis to be mirrored.
    feather : int
        Width in voxels of the soft border.
    match : bool
        Whether the object is made as much brighter or darker as its surroundings are.
    over : tuple of int
        Classes that may be covered; the background alone by default.
    tolerance : float
        Largest difference between the surroundings here and there, in standard deviations of the
        scan: a lesion of an organ is pasted neither into the air nor into another tissue.
    tries : int
        Places that are tried; where none will do nothing is pasted.

    References
    ----------
    Yang et al., TumorCP, MICCAI 2021, https://doi.org/10.1007/978-3-030-87193-2_55,
    arXiv 2107.09843; the test of the surroundings is ours.
    """

    rotation_deg: float = 30.0
    scale: float = 1.25
    flip: float = 0.5
    feather: int = 1
    match: bool = True
    over: tuple[int, ...] = (0,)
    tolerance: float = 1.0
    tries: int = 20

    def __post_init__(self) -> None:
        if self.scale < 1 or self.feather < 0 or self.tries < 1:
            raise UsageError(
                "CopyPaste cannot be followed",
                got=f"scale {self.scale}, feather {self.feather}, tries {self.tries}",
                expected="a scale of 1 or more, a feather of 0 or more, a try or more",
            )

    def sample(self, pair: Pair, chance: Chance) -> CopyPasteDraw | None:
        """Draw an object, its motion and a place; None where there is none for it."""
        classes = pair.other_classes
        present = structures(classes)
        if not present:
            return None
        structure = present[chance.integer(len(present))]
        _, n = objects(classes == structure)
        number = 1 + chance.integer(n)
        motion = SpatialDraw(
            flips=tuple(axis for axis in range(len(pair.size)) if chance.happens(self.flip)),
            rotation_deg=tuple(
                chance.either_side(self.rotation_deg)
                for _ in range(3 if len(pair.size) == 3 else 1)
            )
            if self.rotation_deg
            else (),
            factors=(chance.ratio(self.scale),) * len(pair.size) if self.scale > 1 else (),
        )
        draw = CopyPasteDraw(
            structure, number, motion, (0,) * len(pair.size), self.feather, self.match
        )
        moved = draw.moved(pair)
        for _ in range(self.tries):
            corner = tuple(
                chance.integer(max(1, n - k + 1))
                for n, k in zip(pair.size, moved.inside.shape, strict=True)
            )
            if self._is_fit(pair, moved, corner):
                return CopyPasteDraw(structure, number, motion, corner, self.feather, self.match)
        return None

    def _is_fit(self, pair: Pair, moved: Moved, corner: tuple[int, ...]) -> bool:
        window = moved.window(corner)
        covered = pair.classes[window]
        if covered.shape != moved.inside.shape or not bool(moved.inside.any()):
            return False
        allowed = torch.tensor(self.over, device=covered.device)
        if not bool(torch.isin(covered[moved.inside], allowed).all()):
            return False
        there = pair.image[(slice(None), *window)][:, moved.ring]
        if there.shape[1] < 2 or not bool((there.std(1) > 0).all()):
            return False
        return bool(((there.mean(1) - moved.surroundings).abs() <= self.tolerance).all())


@dataclass(frozen=True, eq=False)
class Moved:
    """An object after its motion, in the smallest box that holds it and its ring.

    Parameters
    ----------
    image : tensor of shape (C, *box)
    inside, ring : bool tensor of shape (*box,)
    surroundings : tensor of shape (C,)
        Mean intensity of the ring about the object where it came from.
    """

    image: Tensor
    inside: Tensor
    ring: Tensor
    surroundings: Tensor

    def window(self, corner: tuple[int, ...]) -> tuple[slice, ...]:
        """Where the box lies with its first voxel at ``corner``."""
        return tuple(slice(c, c + n) for c, n in zip(corner, self.inside.shape, strict=True))


@dataclass(frozen=True)
class CopyPasteDraw:
    """Class and number of the object, its motion, and the first voxel of its box at its place."""

    structure: int
    number: int
    motion: SpatialDraw
    corner: tuple[int, ...]
    feather: int
    match: bool

    def moved(self, pair: Pair) -> Moved:
        """Cut the object out of the other patch and move it."""
        numbers, _ = objects(pair.other_classes == self.structure)
        own = torch.from_numpy(numbers == self.number).to(pair.other.device)
        # Rotated and enlarged it stays within a ball about its middle.
        box = bounding_box(numbers == self.number)
        spans = [(s.stop - s.start) * mm for s, mm in zip(box, pair.spacing, strict=True)]
        # Places are read at `factor` times their distance: below 1 the object grows.
        growth = max((1 / f for f in self.motion.factors), default=1.0)
        reach = 0.5 * math.hypot(*spans) * max(growth, 1.0)
        margins = [
            max(0, math.ceil(reach / mm - (s.stop - s.start) / 2)) + _RING + 1
            for s, mm in zip(box, pair.spacing, strict=True)
        ]
        sides = [s.stop - s.start + 2 * m for s, m in zip(box, margins, strict=True)]
        places = coordinates(self.motion, sides, pair.spacing, pair.other.device)
        for axis, (span, margin) in enumerate(zip(box, margins, strict=True)):
            places[axis] += span.start - margin
        shown = Lookup(places.clone(), pair.size).image(own.float()[None])[0] > 0.5
        for axis, n in enumerate(pair.size):
            places[axis].clamp_(0, n - 1)
        image = Lookup(places, pair.size).image(pair.other.float()).to(pair.other.dtype)
        ring = _grown(shown, _RING) & ~shown
        if bool(shown.any()):
            tight = bounding_box(shown.cpu().numpy(), _RING)
            image, shown, ring = image[(slice(None), *tight)], shown[tight], ring[tight]
        around = _grown(own, _RING) & ~own
        mean = (
            pair.other[:, around].mean(1) if bool(around.any()) else pair.other.flatten(1).mean(1)
        )
        return Moved(image, shown, ring, mean)

    def apply(self, pair: Pair) -> tuple[Tensor, Tensor]:
        """Return the mixed image and its labels."""
        moved = self.moved(pair)
        window = moved.window(self.corner)
        here = pair.image[(slice(None), *window)]
        own = (*(slice(None),) * (pair.labels.ndim - len(window)), *window)
        object_ = moved.image
        if self.match:
            object_ = matched(object_, here, moved.ring, moved.ring, spread=False)
        local = Pair(
            image=here,
            labels=pair.labels[own],
            other=object_,
            other_labels=self._own_labels(pair.labels[own], len(window)),
            spacing=pair.spacing,
        )
        image, labels = pair.image.clone(), pair.labels.clone()
        image[(slice(None), *window)], _ = local.take(
            feathered(moved.inside, self.feather, outwards=True)
        )
        _, labels[own] = local.take(moved.inside)
        return image, labels

    def _own_labels(self, like: Tensor, ndim: int) -> Tensor:
        """Labels of a box that is all of the object's class, in the kind of the patch's."""
        labels = torch.zeros_like(like)
        if labels.ndim == ndim:
            return labels + self.structure
        labels[self.structure] = 1
        return labels


def _grown(mask: Tensor, width: int) -> Tensor:
    """Grow a mask by a square or cube of voxels."""
    values = mask.float()[None, None]
    pool = F.max_pool2d if mask.ndim == 2 else F.max_pool3d
    return pool(values, 2 * width + 1, 1, width)[0, 0] > 0
