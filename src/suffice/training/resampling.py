"""Bring arrays from one regular grid to another that covers the same space."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

# Beyond this, linear interpolation would skip voxels.
MAX_LINEAR_SHRINK = 1.5
# Values worked on at a time: 64 MB as float32.
CHUNK_VALUES = 2**24

# Consecutive planes of an image: first, last + 1, and a tensor of shape (K, *spatial).
Slab = tuple[int, int, Tensor]


def resample_image(
    array: npt.NDArray[np.generic], shape_out: Sequence[int]
) -> npt.NDArray[np.float32]:
    """Resample an image; the edges of its outer voxels stay where they are.

    Linear, but along an axis that shrinks by more than 1.5 each new voxel is the mean over the
    space that it takes, so that nothing is skipped or aliased.

    Parameters
    ----------
    array : array of shape (C, *spatial)
    shape_out : sequence of int
        The new spatial shape.

    Returns
    -------
    float32 array of shape (C, *shape_out)

    Examples
    --------
    >>> resample_image(np.array([[0.0, 2.0, 4.0, 6.0]]), (2,))
    array([[1., 5.]], dtype=float32)
    """
    image = torch.from_numpy(array.astype(np.float32))
    # What shrinks most first: the rest has less to do.
    order = sorted(range(len(shape_out)), key=lambda axis: shape_out[axis] / array.shape[1 + axis])
    for axis in order:
        image = _resample_axis(image, 1 + axis, shape_out[axis])
    return np.ascontiguousarray(image.numpy())


def resample_labels(
    labels: npt.NDArray[np.integer], shape_out: Sequence[int], n_classes: int
) -> npt.NDArray[np.uint8]:
    """Resample a mask: each class as an image, then the class that fills most of a voxel.

    Parameters
    ----------
    labels : integer array of shape (*spatial)
        Values from 0 to ``n_classes - 1``, and ``n_classes`` for voxels that nobody labelled.
    shape_out : sequence of int
    n_classes : int
        With the background.

    Returns
    -------
    uint8 array of shape ``shape_out``
        A voxel is unlabelled unless what was labelled fills half of it or, where voxels grow,
        as much of it as half an old voxel does, so that thin strokes last.
    """
    if tuple(shape_out) == labels.shape:
        return labels.astype(np.uint8)
    axis = int(np.argmax(labels.shape))
    out = np.empty(tuple(shape_out), np.uint8)
    growth = [max(1.0, old / new) for old, new in zip(labels.shape, shape_out, strict=True)]
    least = 0.5 / math.prod(growth) if int(labels.max()) == n_classes else 0.0
    classes = _one_hot_slabs(labels, axis, n_classes)
    for begin, end, shares in resample_slabs(classes, axis, labels.shape, shape_out):
        place = (*(slice(None),) * axis, slice(begin, end))
        out[place] = most_probable(shares).numpy()
        if least:
            out[place][shares.sum(0).numpy() < least - 1e-6] = n_classes
    return out


def most_probable(probabilities: Tensor) -> Tensor:
    """Class of the largest probability, uint8 of shape ``(*spatial)``, the first where they tie.

    Class by class, each in one sweep: torch's ``argmax`` over an outer axis takes ten times as
    long.
    """
    largest = probabilities[0].clone()
    classes = torch.zeros(largest.shape, dtype=torch.uint8, device=largest.device)
    for value, share in enumerate(probabilities[1:], start=1):
        classes.masked_fill_(share > largest, value)
        torch.maximum(largest, share, out=largest)
    return classes


def _one_hot_slabs(labels: npt.NDArray[np.integer], axis: int, n_classes: int) -> Iterator[Slab]:
    length = labels.shape[axis]
    step = max(1, CHUNK_VALUES * length // (n_classes * max(labels.size, 1)))
    for begin in range(0, length, step):
        end = min(begin + step, length)
        part = torch.from_numpy(labels.take(range(begin, end), axis).astype(np.uint8))
        values = torch.arange(n_classes, dtype=torch.uint8).view(-1, *(1,) * part.ndim)
        yield begin, end, (part[None] == values).float()


def resample_slabs(
    slabs: Iterable[Slab], axis: int, shape_in: Sequence[int], shape_out: Sequence[int]
) -> Iterator[Slab]:
    """Resample an image that comes slab by slab along ``axis``, and is never whole in memory.

    Parameters
    ----------
    slabs : iterable of (first plane, last plane + 1, tensor of shape (K, *spatial))
        Consecutive along ``axis``; each may be overwritten once the next is asked for.
    axis : int
        A spatial axis.
    shape_in, shape_out : sequence of int
        Spatial shapes of the whole image.

    Yields
    ------
    Slabs of the new image.
    """
    if tuple(shape_in) == tuple(shape_out):
        yield from slabs
        return
    matrix = axis_weights(shape_in[axis], shape_out[axis])
    first, last = _support(matrix)
    plane_values = math.prod(shape_in) // shape_in[axis] + math.prod(shape_out) // shape_out[axis]
    done, kept, kept_from = 0, torch.empty(0), 0
    for begin, end, planes in slabs:
        ready = int(np.searchsorted(last, end, side="left"))
        step = max(1, CHUNK_VALUES // (planes.shape[0] * plane_values))
        for row in range(done, ready, step):
            stop = min(row + step, ready)
            low, high = int(first[row]), int(last[stop - 1]) + 1
            part = planes.narrow(1 + axis, max(low - begin, 0), high - max(low, begin)).float()
            if low < begin:
                old = kept.narrow(1 + axis, low - kept_from, begin - low)
                part = torch.cat([old, part], dim=1 + axis)
            mixed = _apply(part, 1 + axis, matrix[row:stop, low:high])
            for other in range(len(shape_out)):
                if other != axis:
                    mixed = _resample_axis(mixed, 1 + other, shape_out[other])
            yield row, stop, mixed
        done = ready
        if done < len(first):
            low = min(int(first[done]), end)
            if low < begin:
                old = kept.narrow(1 + axis, low - kept_from, begin - low)
                kept = torch.cat([old, planes.float()], dim=1 + axis)
            else:
                kept = planes.narrow(1 + axis, low - begin, end - low).float().clone()
            kept_from = low


def axis_weights(n_in: int, n_out: int) -> Tensor:
    """Weight of each old voxel in each new one, float32 of shape ``(n_out, n_in)``.

    Examples
    --------
    >>> axis_weights(2, 4)
    tensor([[1.0000, 0.0000],
            [0.7500, 0.2500],
            [0.2500, 0.7500],
            [0.0000, 1.0000]])
    """
    ratio = n_in / n_out
    if ratio > MAX_LINEAR_SHRINK:
        edges = np.arange(n_out + 1) * ratio
        old = np.arange(n_in)
        shared = np.minimum(edges[1:, None], old + 1) - np.maximum(edges[:-1, None], old)
        weights = np.clip(shared, 0.0, None)
    else:
        centres = np.clip((np.arange(n_out) + 0.5) * ratio - 0.5, 0, n_in - 1)
        weights = np.clip(1 - np.abs(centres[:, None] - np.arange(n_in)), 0.0, None)
    weights /= weights.sum(1, keepdims=True)
    return torch.from_numpy(weights.astype(np.float32))


def _support(matrix: Tensor) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """First and last old voxel of each new one."""
    used = matrix.numpy() > 0
    return used.argmax(1), used.shape[1] - 1 - used[:, ::-1].argmax(1)


def _resample_axis(x: Tensor, axis: int, n_out: int) -> Tensor:
    if x.shape[axis] == n_out:
        return x
    return _apply(x, axis, axis_weights(x.shape[axis], n_out))


def _apply(x: Tensor, axis: int, matrix: Tensor) -> Tensor:
    return torch.movedim(torch.tensordot(x, matrix.to(x.device), dims=([axis], [1])), -1, axis)
