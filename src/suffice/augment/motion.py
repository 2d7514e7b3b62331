"""Motion: a patient who moves while the lines of k-space are measured."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from suffice.augment.transform import Chance, Patches, Transform


@dataclass(frozen=True, kw_only=True)
class Motion(Transform):
    """Move the patient at a few moments of the measurement.

    Parameters
    ----------
    largest : float
        Largest displacement to either side, in the unit of the spacing.
    moments : int
        Most moments.
    """

    largest: float = 3.0
    moments: int = 3
    family: ClassVar[str] = "artefacts"

    def sample(self, patches: Patches, chance: Chance) -> MotionDraw:
        """Draw the slow axis, moments, and where the patient then lies."""
        n = 1 + chance.integer(self.moments)
        moments = sorted(chance.uniform() for _ in range(n))
        shifts = (
            tuple(chance.either_side(self.largest) / step for step in patches.spacing)
            for _ in range(n)
        )
        return MotionDraw(chance.integer(patches.ndim), tuple(moments), tuple(shifts))


@dataclass(frozen=True)
class MotionDraw:
    """Spatial axis whose lines are measured one after the other; moments; displacements.

    Parameters
    ----------
    axis : int
    moments : tuple of float
        When the patient moves, as parts of the measurement, in order.
    shifts_voxels : tuple of tuple of float
        Where the patient lies from each moment on, in voxels along each axis from the start.
    """

    axis: int
    moments: tuple[float, ...]
    shifts_voxels: tuple[tuple[float, ...], ...]

    def apply_(self, image: Tensor) -> Tensor:
        """Return the image ``(C, *spatial)`` as measured."""
        return measure_moving(image, self.axis, self.moments, self.shifts_voxels)


def measure_moving(
    image: Tensor,
    axis: int,
    moments: tuple[float, ...],
    shifts_voxels: tuple[tuple[float, ...], ...],
) -> Tensor:
    """Put k-space together from a patient at rest and displaced ones, line by line.

    Lines run from the most negative frequency to the most positive. Where the patient lay as the
    centre of k-space was measured is where the anatomy, and so the mask, is: displacements are
    counted from there.
    """
    axes = tuple(range(1, image.ndim))
    n = image.shape[axis + 1]
    space = torch.fft.fftshift(torch.fft.fftn(image, dim=axes), dim=axis + 1)
    begins = [0, *(round(moment * n) for moment in moments), n]
    lies = [(0.0,) * len(axes), *shifts_voxels]
    central = next(k for k in reversed(range(len(lies))) if begins[k] <= n // 2)
    for first, end, shift in zip(begins[:-1], begins[1:], lies, strict=True):
        apart = [there - here for there, here in zip(shift, lies[central], strict=True)]
        if end > first and any(apart):
            _displace(space.narrow(axis + 1, first, end - first), axis, first, n, apart)
    measured: Tensor = torch.fft.ifftn(torch.fft.ifftshift(space, dim=axis + 1), dim=axes)
    return measured.real.contiguous()


def _displace(lines: Tensor, axis: int, first: int, n: int, apart: list[float]) -> None:
    """Multiply lines of k-space by the phase of a displacement, in place."""
    for other, voxels in enumerate(apart):
        if other == axis:
            frequency = (torch.arange(first, first + lines.shape[axis + 1]) - n // 2) / n
        else:
            frequency = torch.fft.fftfreq(lines.shape[other + 1])
        phase = torch.polar(torch.ones_like(frequency), -2 * math.pi * voxels * frequency)
        lines *= phase.to(lines).reshape(-1, *(1,) * (lines.ndim - 2 - other))
