"""Pairs of cases: the partner of a patch, and patches of cases that lie between two."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from suffice.augment import Chance, whole_shares
from suffice.augment.mixing import (
    Interpolation,
    Mixing,
    Pair,
    between,
    displacement,
    features,
    register,
)
from suffice.training.batches import PatchSampler, Place

# Deformations of so many pairs stay in memory, each a few hundred kilobytes at most.
_N_KEPT = 256


class MixingSampler:
    """Draw batches of patches, some of them mixed with a patch of another case.

    Parameters
    ----------
    sampler : PatchSampler
        Draws the patches and their partners.
    mixing : Mixing
        With no way of mixing the batches are those of ``sampler``.
    n_classes : int
        With the background.
    spacing : tuple of float
        Along each axis of a patch, in mm or, for pictures, ones.
    generator : torch.Generator
        Of the CPU. Its state and that of ``sampler`` are all that coming batches hang on.
    """

    def __init__(
        self,
        sampler: PatchSampler,
        mixing: Mixing,
        *,
        n_classes: int,
        spacing: tuple[float, ...],
        generator: torch.Generator,
    ) -> None:
        self.sampler = sampler
        self.mixing = mixing
        self.spacing = spacing
        self.chance = Chance(generator)
        self.paths = Paths(sampler, n_classes)

    def draw(self) -> tuple[Tensor, Tensor]:
        """Return images ``(N, C, *patch)`` float32 and labels ``(N, *patch)`` uint8."""
        pairs = [self.patch(place) for place in self.sampler.places()]
        return torch.stack([image for image, _ in pairs]), torch.stack([own for _, own in pairs])

    def patch(self, place: Place) -> tuple[Tensor, Tensor]:
        """Read the patch at a place, mixed or as it is."""
        mix = self.mixing.choose(self.chance)
        if mix is None:
            return self.sampler.read(place)
        partner = self.sampler.partner(place)
        if isinstance(mix, Interpolation):
            return self.paths.read(place, partner, mix.draw_time(self.chance))
        image, labels = self.sampler.read(place)
        other, other_labels = self.sampler.read(partner)
        pair = Pair(
            image=image,
            labels=labels,
            other=other,
            other_labels=other_labels,
            spacing=self.spacing,
        )
        draw = mix.sample(pair, self.chance)
        return (image, labels) if draw is None else draw.apply(pair)


class Paths:
    """Deformations from case to case, each found once, and what lies on the way.

    Cases are laid over each other by their middles; a deformation is kept at low resolution.

    Parameters
    ----------
    sampler : PatchSampler
        Whose cases and patch size.
    n_classes : int
    """

    def __init__(self, sampler: PatchSampler, n_classes: int) -> None:
        self.sampler = sampler
        self.n_classes = n_classes
        self.velocity = functools.lru_cache(_N_KEPT)(self._velocity)

    def _velocity(self, first: int, second: int) -> Tensor:
        """Velocity from case to case in the frame of the first, see `register`."""
        size = self.sampler.cases[first].labels.shape
        found = []
        for index in (first, second):
            case = self.sampler.cases[index]
            image = _framed(case.image, size)
            shares = whole_shares(_framed(case.labels[None], size)[0], self.n_classes, image.dtype)
            found.append(features(image, shares))
        return register(*found)

    def read(self, place: Place, partner: Place, t: float) -> tuple[Tensor, Tensor]:
        """Read the patch at ``place`` of the case that is ``t`` of the way to the partner's.

        Returns
        -------
        image : float32 tensor of shape (C, *patch)
        labels : uint8 tensor of shape (*patch,)
            The class with the largest share of each voxel.
        """
        cases = self.sampler.cases
        size, other_size = cases[place.case].labels.shape, cases[partner.case].labels.shape
        at = _voxels(place.start, self.sampler.patch_size)
        velocity = self.velocity(place.case, partner.case)
        offset = [(n - m) // 2 for n, m in zip(other_size, size, strict=True)]
        ends = []
        for which, time, shift in ((place, -t, None), (partner, 1 - t, offset)):
            moved = at + _at_voxels(displacement(velocity, time), at, size)
            if shift is not None:
                moved += _column(shift)
            ends.append(self._crop(which, moved))
        image, shares = between(*(end[0] for end in ends), places=[end[1] for end in ends], t=t)
        # As for every patch, what lies beyond the scan is 0 and background.
        inside = ((at >= 0) & (at < _column(size))).all(0)
        return image * inside, (shares.argmax(0) * inside).to(torch.uint8)

    def _crop(self, which: Place, moved: Tensor) -> tuple[tuple[Tensor, Tensor], Tensor]:
        """Read as much of a case as places lie in, and the places in what was read."""
        case = self.sampler.cases[which.case]
        mask = self.sampler.mask(which)
        box, first = [], []
        for axis, n in enumerate(mask.shape):
            low = min(max(int(moved[axis].min()), 0), n - 1)
            high = min(max(int(moved[axis].max()) + 2, low + 1), n)
            box.append(slice(low, high))
            first.append(low)
        image = torch.from_numpy(np.array(case.image[(slice(None), *box)], dtype=np.float32))
        labels = torch.from_numpy(np.array(mask[tuple(box)]))
        shares = whole_shares(labels, self.n_classes, image.dtype)
        return (image, shares), moved - _column(first)


def _framed(array: npt.NDArray[Any], size: Sequence[int]) -> Tensor:
    """Cut or pad the last axes of an array to a size about its middle."""
    window, pad = [], [(0, 0)]
    for n, wanted in zip(array.shape[1:], size, strict=True):
        start = (n - wanted) // 2
        low, high = max(start, 0), min(start + wanted, n)
        window.append(slice(low, high))
        pad.append((low - start, wanted - (high - low) - (low - start)))
    cut = np.pad(array[(slice(None), *window)], pad)
    return torch.from_numpy(cut.astype(np.float32) if cut.dtype == np.float16 else cut)


def _column(values: Sequence[int]) -> Tensor:
    return torch.tensor(tuple(values)).reshape(-1, *(1,) * len(values))


def _voxels(start: Sequence[int], size: Sequence[int]) -> Tensor:
    """Places of a patch's voxels in its case, ``(D, *patch)``."""
    axes = [
        first + torch.arange(n, dtype=torch.float32) for first, n in zip(start, size, strict=True)
    ]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"))


def _at_voxels(moved: Tensor, at: Tensor, size: Sequence[int]) -> Tensor:
    """Read displacements, which are parts of the size, at voxels and in voxels."""
    scale = _column(size)
    grid = (2 * (at + 0.5) / scale - 1).flip(0).movedim(0, -1)[None]
    read = F.grid_sample(moved[None], grid, padding_mode="border", align_corners=False)[0]
    return read * scale
