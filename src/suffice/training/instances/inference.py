"""Find the objects of a whole picture, tile by tile, and draw their masks at its own size."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F

from suffice.core import Listener, Progress, silent
from suffice.nets import LAYOUT
from suffice.nets.yolo import Yolo, detect, suppress
from suffice.nets.yolo.network import LARGEST_STRIDE
from suffice.training.instances.loss import MASK_STRIDE

# Pixels of the network: a tile and what neighbours share, where no object is cut.
TILE, SHARED = 1024, 256
MOST_OVERLAP = 0.6

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class FoundObjects:
    """The objects of a picture, the surest first.

    Parameters
    ----------
    instances : int32 array of shape (Y, X)
        Object ``i`` has the number ``i + 1``, 0 is none.
    scores : float array of shape (n,)
        How sure the network is of each, 0 to 1.
    classes : int array of shape (n,)
        From 0 on, the background left out.
    shares : float32 array of shape (K, Y, X)
        Of each structure, the largest probability that an object has in the pixel.
    """

    instances: npt.NDArray[np.int32]
    scores: npt.NDArray[np.float64]
    classes: npt.NDArray[np.int64]
    shares: FloatArray


@dataclass(frozen=True)
class _Candidate:
    """One object before it is drawn: its box in pixels of the network, and logits about it."""

    box: tuple[float, float, float, float]
    score: float
    kind: int
    logits: FloatArray
    first: tuple[int, int]


@dataclass(frozen=True)
class Sightings:
    """All that was seen in a picture, sure or not, before it is drawn.

    Parameters
    ----------
    candidates : tuple
        The surest first, none that a surer one hides.
    shape : tuple of int
        Of what the network saw, ``(Y, X)``.
    n_classes : int
    """

    candidates: tuple[_Candidate, ...]
    shape: tuple[int, int]
    n_classes: int

    def drawn(self, shape_out: tuple[int, int], least_score: float) -> FoundObjects:
        """Draw those of a score at the least, on a picture of the same extent."""
        sure = [c for c in self.candidates if c.score >= least_score]
        scale = [a / b for a, b in zip(self.shape, shape_out, strict=True)]
        return _drawn(sure, shape_out, scale, self.n_classes)


def find_objects(
    network: Yolo,
    image: FloatArray,
    *,
    shape_out: tuple[int, int],
    least_score: float,
    device: torch.device,
    listener: Listener = silent,
) -> FoundObjects:
    """Find the objects of an image that was brought to the size which the network knows.

    Parameters
    ----------
    network : Yolo
    image : float32 array of shape (C, Y, X)
    shape_out : tuple of int
        Of the picture that the masks are drawn at.
    least_score : float
    device : torch.device
    listener : callable
    """
    seen = see_objects(network, image, least_score=least_score, device=device, listener=listener)
    return seen.drawn(shape_out, least_score)


def see_objects(
    network: Yolo,
    image: FloatArray,
    *,
    least_score: float,
    device: torch.device,
    listener: Listener = silent,
) -> Sightings:
    """Look for objects as `find_objects` does, which can then be drawn from several scores on."""
    spans = [_tiles(n) for n in image.shape[1:]]
    found: list[_Candidate] = []
    for i, rows in enumerate(spans[0]):
        for columns in spans[1]:
            found += _in_tile(network, image, rows, columns, least_score, device)
        listener(Progress("predict", (i + 1) / len(spans[0])))
    order = suppress(
        torch.tensor([c.box for c in found]).reshape(-1, 4),
        torch.tensor([c.score for c in found]),
        torch.tensor([c.kind for c in found]),
        most_overlap=MOST_OVERLAP,
    )
    kept = tuple(found[i] for i in order.tolist())
    return Sightings(kept, (image.shape[1], image.shape[2]), network.shape.n_classes)


@dataclass(frozen=True)
class _Span:
    """One tile along an axis, and the part of it whose objects it answers for."""

    start: int
    stop: int
    own: tuple[float, float]


def _tiles(n: int) -> list[_Span]:
    """Lay tiles of equal length over an axis.

    Examples
    --------
    >>> [(span.start, span.stop, span.own) for span in _tiles(1500)]
    [(0, 1024, (-inf, 750.0)), (476, 1500, (750.0, inf))]
    """
    n_tiles = 1 if n <= TILE else -(-(n - SHARED) // (TILE - SHARED))
    starts = [round(i * (n - TILE) / max(n_tiles - 1, 1)) for i in range(n_tiles)]
    if n_tiles == 1:
        starts = [0]
    # The border between two tiles lies in the middle of what they share.
    borders = [(b + min(a + TILE, n)) / 2 for a, b in itertools.pairwise(starts)]
    limits = [float("-inf"), *borders, float("inf")]
    return [
        _Span(start, min(start + TILE, n), (limits[i], limits[i + 1]))
        for i, start in enumerate(starts)
    ]


@torch.inference_mode()
def _in_tile(
    network: Yolo,
    image: FloatArray,
    rows: _Span,
    columns: _Span,
    least_score: float,
    device: torch.device,
) -> list[_Candidate]:
    part = torch.from_numpy(image[None, :, rows.start : rows.stop, columns.start : columns.stop])
    height, width = part.shape[2:]
    part = F.pad(part, (0, -width % LARGEST_STRIDE, 0, -height % LARGEST_STRIDE))
    raw = network(part.to(device).contiguous(memory_format=LAYOUT[2]))
    shape = (part.shape[2], part.shape[3])
    detections = detect(raw, shape, least_score=least_score, most_overlap=MOST_OVERLAP)[0]
    limit = torch.tensor([width, height, width, height], device=device)
    boxes = torch.minimum(detections.boxes.clamp_min(0), limit).cpu().numpy()
    prototypes = raw.prototypes[0].float()
    found = []
    for i, (left, top, right, bottom) in enumerate(boxes.tolist()):
        centre = (top + bottom) / 2 + rows.start, (left + right) / 2 + columns.start
        is_own = all(
            span.own[0] <= at < span.own[1]
            for at, span in zip(centre, (rows, columns), strict=True)
        )
        if not is_own or right - left < 1 or bottom - top < 1:
            continue
        window = [_around(top, bottom), _around(left, right)]
        near = prototypes[:, window[0], window[1]]
        logits = torch.tensordot(detections.coefficients[i], near, dims=1).cpu().numpy()
        found.append(
            _Candidate(
                (
                    left + columns.start,
                    top + rows.start,
                    right + columns.start,
                    bottom + rows.start,
                ),
                float(detections.scores[i]),
                int(detections.classes[i]),
                logits,
                # In pixels of the network, so that tiles need not start at a prototype's border.
                (
                    rows.start + window[0].start * MASK_STRIDE,
                    columns.start + window[1].start * MASK_STRIDE,
                ),
            )
        )
    return found


def _around(low: float, high: float) -> slice:
    return slice(max(int(low / MASK_STRIDE) - 1, 0), int(high / MASK_STRIDE) + 2)


def _drawn(
    found: Sequence[_Candidate],
    shape: tuple[int, int],
    scale: Sequence[float],
    n_classes: int,
) -> FoundObjects:
    """Give each pixel to the object that is most probable there, if any is more than not."""
    owner = np.full(shape, -1, dtype=np.int32)
    best = np.full(shape, 0.5, dtype=np.float32)
    shares = np.zeros((n_classes, *shape), dtype=np.float32)
    for i, candidate in enumerate(found):
        left, top, right, bottom = candidate.box
        rows = np.arange(max(int(top / scale[0]), 0), min(-int(-bottom // scale[0]), shape[0]))
        columns = np.arange(max(int(left / scale[1]), 0), min(-int(-right // scale[1]), shape[1]))
        if not len(rows) or not len(columns):
            continue
        share = _share(candidate, rows, columns, scale)
        window = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
        np.maximum(shares[candidate.kind][window], share, out=shares[candidate.kind][window])
        won = share > best[window]
        best[window][won] = share[won]
        owner[window][won] = i
    seen = np.unique(owner)
    seen = seen[seen >= 0]
    numbers = np.zeros(len(found) + 1, dtype=np.int32)
    numbers[seen] = np.arange(1, len(seen) + 1)
    return FoundObjects(
        numbers[owner],
        np.array([found[i].score for i in seen]),
        np.array([found[i].kind for i in seen], dtype=np.int64),
        shares,
    )


def _share(
    candidate: _Candidate,
    rows: npt.NDArray[np.intp],
    columns: npt.NDArray[np.intp],
    scale: Sequence[float],
) -> FloatArray:
    """Probability of the mask in some pixels of the picture, between prototypes linearly."""
    logits = candidate.logits
    for axis, index in enumerate((rows, columns)):
        at = ((index + 0.5) * scale[axis] - candidate.first[axis]) / MASK_STRIDE - 0.5
        at = np.clip(at, 0, logits.shape[axis] - 1).astype(np.float32)
        low = np.minimum(at.astype(np.intp), max(logits.shape[axis] - 2, 0))
        high = np.minimum(low + 1, logits.shape[axis] - 1)
        part = (at - low).astype(np.float32).reshape((-1, 1) if axis == 0 else (1, -1))
        logits = logits.take(low, axis) * (1 - part) + logits.take(high, axis) * part
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -30, 30))), dtype=np.float32)
