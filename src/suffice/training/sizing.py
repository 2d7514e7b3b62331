"""How large network and patch may be: what a machine works through in the minutes given."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from suffice.core import Budget
from suffice.training.fingerprint import Fingerprint
from suffice.training.machine import Machine
from suffice.training.plan_checks import MAX_MULTIPLE

MAX_WIDTH = {2: 256, 3: 128}
BATCH = {2: 4, 3: 2}
MIN_STEPS = 400
# With more steps than this a wider and deeper network has the time to pay.
STEPS_FOR_LARGE = 8000
MAX_PATCH_VOXELS = {2: 512 * 512, 3: 160**3}
SMALLEST_PATCH_VOXELS = {2: 96 * 96, 3: 32**3}
SHORTEST_SIDE = 8
# A patch should hold at least this part of a scan, or it cannot know where it is.
SMALLEST_PART_OF_SCAN = 1 / 6
# What of a scan is coarsened for the whole of it to be seen at once stays so many voxels thick.
LEAST_THICKNESS = 16.0


def patch_multiple(strides: Sequence[Sequence[int]]) -> np.ndarray:
    """Multiples that waste few voxels and leave no odd sizes where most of the work is."""
    multiple: np.ndarray = np.minimum(np.prod(np.array(strides), axis=0), MAX_MULTIPLE)
    return multiple


def capacity(
    n_levels: int, max_width: int, *, large: bool
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Channels and residual blocks at each resolution of the small or the large network."""
    base, deeper = (32, 2) if large else (16, 1)
    widths = tuple(min(base * 2**level, max_width) for level in range(n_levels))
    return widths, (1 if large else 0, 1, *(deeper,) * (n_levels - 2))


def guess_speed(machine: Machine) -> float:
    """Voxels a second that training works through; an order of magnitude before calibration."""
    if machine.accelerator == "cuda":
        return 60e6
    return 200e3 * machine.n_cores * (2.5 if machine.precision == "bf16-mixed" else 1.0)


def affordable_voxels(ndim: int, budget: Budget, machine: Machine, speed: float | None) -> float:
    """Voxels of a patch that still leave ``MIN_STEPS`` steps in the budget."""
    speed = speed or guess_speed(machine)
    batch = BATCH[ndim]
    voxels = speed * budget.seconds / (MIN_STEPS * batch)
    by_memory = machine.memory_gb * 0.25 * 2**30 / (batch * 24 * 16 * 4)
    return float(
        np.clip(min(voxels, by_memory), SMALLEST_PATCH_VOXELS[ndim], MAX_PATCH_VOXELS[ndim])
    )


def coarser_by(
    fingerprint: Fingerprint, shape: np.ndarray, affordable: float, *, is_picture: bool
) -> float:
    """Tell how many times as large as the scans' the voxels should be.

    Pictures of anatomy are seen whole even where the minutes suffice for a part of their pixels
    only: three X-rays, learned from for 2.5 minutes of one core, gave lungs a Dice of 0.943 as
    whole pictures of 128x128 and of 0.870 in patches of 100x100 of 256x256.

    Parameters
    ----------
    fingerprint : Fingerprint
    shape : array of shape (ndim,)
        Of a scan, along the axes of the network.
    affordable : float
        Voxels of a patch.
    is_picture : bool
        Whether the scans are pictures, and not slices of volumes.
    """
    smallest = float((np.prod(shape) * SMALLEST_PART_OF_SCAN / affordable) ** (1 / len(shape)))
    if not (is_picture and fingerprint.is_posed):
        return max(1.0, smallest)
    whole = float((np.prod(shape) / affordable) ** (1 / len(shape)))
    return max(1.0, smallest, min(whole, fingerprint.thickness / LEAST_THICKNESS))


def patch_and_strides(
    shape: np.ndarray, spacing: np.ndarray, affordable: float
) -> tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]:
    """Scale the median shape down to what is affordable, then halve axes while they are long."""
    wish = _shrunk(shape, affordable)
    strides: list[tuple[int, ...]] = []
    size, step = wish.copy(), spacing.copy()
    while len(strides) < 5:
        # An axis is halved when it is long enough and not already much coarser than the others.
        halve = (size >= 9) & (step <= 1.99 * step.min())
        if not halve.any() or size[halve].max() < 9:
            break
        strides.append(tuple((2 if h else 1) for h in halve))
        size = np.where(halve, size / 2, size)
        step = np.where(halve, step * 2, step)
        if size.min() < 4.5 and len(strides) >= 3:
            break
    if not strides:
        strides = [(2,) * len(shape)]
    multiple = patch_multiple(strides)
    patch = np.maximum(1, np.floor(wish / multiple + 0.5)).astype(int) * multiple
    return tuple(int(n) for n in patch), tuple(strides)


def _shrunk(shape: np.ndarray, affordable: float) -> np.ndarray:
    """Scale a shape down to so many voxels; axes that would become too short are left out."""
    size: np.ndarray = np.maximum(shape.astype(float), SHORTEST_SIDE)
    is_free = np.ones(len(shape), dtype=bool)
    while is_free.any():
        shrink = min(1.0, (affordable / np.prod(size)) ** (1 / is_free.sum()))
        smaller: np.ndarray = np.where(is_free, size * shrink, size)
        is_short = is_free & (smaller < SHORTEST_SIDE)
        if not is_short.any():
            return smaller
        size = np.where(is_short, SHORTEST_SIDE, size)
        is_free &= ~is_short
    return size
