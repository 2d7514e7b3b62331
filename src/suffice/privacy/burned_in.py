"""Text in pixels: rows of thin marks of one height, as bright or dark as the picture gets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

FloatArray = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_LEAST_HEIGHT, _MOST_HEIGHT = 5, 48
_WIDEST = 14.0
# Times that a row through the line meets a letter: twice and more for most letters.
_LEAST_STROKES = 3.5
_CLASSES = ((5, 9), (7, 13), (10, 20), (15, 30), (23, 48))
_GAP, _REACH = 1.5, 3.0
_STROKE = 0.16
_ALIGNED = 0.7
# Parts of the frame's range: what is as bright as it gets, and the blurred edge of letters.
_EXTREME, _EDGE = 0.9, 0.55
_SEED_SHARE = 0.2
_CONTRAST, _BRIGHT = 0.15, 0.45
_SPIKES = 3


@dataclass(frozen=True, slots=True)
class Box:
    """Rows and columns that text was seen in; the ends are not part of it."""

    top: int
    left: int
    bottom: int
    right: int


def find_text(frame: npt.NDArray[Any]) -> list[Box]:
    """Find what looks like lines of text in a picture.

    Parameters
    ----------
    frame : array of shape (rows, columns) or (rows, columns, samples)

    Returns
    -------
    list of Box
        One for each line, with a margin around it.

    Notes
    -----
    No letter is read. A line is a row of marks beside each other, of four strokes and more, that
    are thin for their height, of one height and on one base line; that are as bright as the frame
    gets, or as dark on bright ground, or all of one value that is oddly frequent. Handwriting,
    single letters, words turned by a quarter and text that is neither are missed.
    """
    boxes: list[Box] = []
    for grey in _planes(frame):
        for mask in _masks(grey):
            boxes += [box for box in _lines(mask) if _stands_out(grey, mask, box)]
    return boxes


def cover(frame: npt.NDArray[Any], boxes: list[Box], value: Any) -> None:
    """Put a value in the place of all pixels of boxes; the array is changed."""
    for box in boxes:
        frame[max(0, box.top) : box.bottom, max(0, box.left) : box.right] = value


def _planes(frame: npt.NDArray[Any]) -> Iterator[FloatArray]:
    """Yield the samples of a frame, scaled to 0 to 1; equal ones once."""
    samples = (
        [frame] if frame.ndim == 2 else [frame[..., i] for i in range(min(3, frame.shape[-1]))]
    )
    if len(samples) == 3 and all(np.array_equal(samples[0], other) for other in samples[1:]):
        samples = samples[:1]
    for sample in samples:
        grey = np.asarray(sample, np.float32)
        low, high = float(grey.min()), float(grey.max())
        if min(grey.shape) >= 2 * _LEAST_HEIGHT and np.isfinite([low, high]).all() and high > low:
            yield np.asarray((grey - low) / (high - low), np.float32)


def _masks(grey: FloatArray) -> Iterator[Mask]:
    """Yield the pixels that may be letters, in several ways."""
    # Dark letters stand on bright ground; dark marks elsewhere are edges and noise.
    is_bright = float(np.median(grey)) > _BRIGHT
    for plane in (grey, 1.0 - grey) if is_bright else (grey,):
        extreme = plane >= _EXTREME
        # Of a picture that is bright for the most part, bright pixels are its ground.
        if extreme.mean() < 0.3:
            yield extreme
            yield _seeded(plane >= _EDGE, extreme)
    yield from _plateaus(grey)


def _seeded(mask: Mask, seeds: Mask) -> Mask:
    labels, count = ndimage.label(mask, structure=np.ones((3, 3), bool))
    if not count:
        return mask
    share = np.bincount(labels[seeds], minlength=count + 1) / np.bincount(labels.ravel())
    keep = share >= _SEED_SHARE
    keep[0] = False
    return np.asarray(keep[labels])


def _plateaus(grey: FloatArray) -> Iterator[Mask]:
    """Yield pixels of one value each that is far more frequent than those beside it."""
    counts, _ = np.histogram(grey, bins=1024, range=(0.0, 1.0))
    around = ndimage.median_filter(counts, size=9)
    spikes = np.flatnonzero((counts >= 40) & (counts >= 8 * (around + 1)))
    # The ends are looked at anyway, and the ground is no text.
    inner = [i for i in spikes if 40 < i < _EXTREME * 1024 and counts[i] < 0.2 * grey.size]
    for i in sorted(inner, key=lambda i: -counts[i])[:_SPIKES]:
        yield (grey >= (i - 0.5) / 1024) & (grey <= (i + 1.5) / 1024)


def _lines(mask: Mask) -> list[Box]:
    marks = _marks(mask)
    if not len(marks):
        return []
    boxes = []
    for row in _rows(marks):
        members = marks[row]
        top, left = members[:, :2].min(axis=0).astype(int)
        bottom, right = members[:, 2:].max(axis=0).astype(int)
        height = float(np.median(members[:, 2] - members[:, 0]))
        if not (_is_line(members) and _strokes(mask[top:bottom, left:right]) >= _LEAST_STROKES):
            continue
        left, right = _reaching(marks, top, bottom, left, right, _REACH * height)
        margin = int(np.ceil(0.6 * height))
        wide = 5 * margin
        boxes.append(Box(max(0, top - margin), max(0, left - wide), bottom + margin, right + wide))
    return boxes


def _reaching(
    marks: npt.NDArray[np.float64], top: int, bottom: int, left: int, right: int, reach: float
) -> tuple[int, int]:
    """Let a line reach out to words beside it, which may be too short to be told by themselves."""
    middle = (marks[:, 0] + marks[:, 2]) / 2
    beside = marks[(middle > top) & (middle < bottom)]
    while True:
        near = beside[(beside[:, 1] <= right + reach) & (beside[:, 3] >= left - reach)]
        wider = min(left, int(near[:, 1].min())), max(right, int(near[:, 3].max()))
        if wider == (left, right):
            return wider
        left, right = wider


def _strokes(letters: Mask) -> float:
    """Count how often a row through a line of text goes from ground to letter, on average."""
    trimmed = letters[len(letters) // 6 : len(letters) - len(letters) // 6]
    edges = np.diff(np.pad(trimmed, ((0, 0), (1, 0))).astype(np.int8), axis=1) == 1
    return float(edges.sum(axis=1).mean())


def _stands_out(grey: FloatArray, mask: Mask, box: Box) -> bool:
    """Whether the letters of a line differ from what is between them, all in the same way."""
    where = slice(box.top, box.bottom), slice(box.left, box.right)
    letters, pixels = mask[where], grey[where]
    if letters.all() or not letters.any():
        return False
    edge = ndimage.binary_dilation(letters, iterations=2) & ~ndimage.binary_dilation(letters)
    if not edge.any():
        return False
    apart = abs(float(np.median(pixels[letters])) - float(np.median(pixels[edge])))
    return apart >= _CONTRAST


def _marks(mask: Mask) -> npt.NDArray[np.float64]:
    """Measure connected marks of a letter's size: top, left, bottom, right."""
    labels, count = ndimage.label(mask, structure=np.ones((3, 3), bool))
    if not count:
        return np.empty((0, 4))
    slices = ndimage.find_objects(labels)
    boxes = np.array([(s[0].start, s[1].start, s[0].stop, s[1].stop) for s in slices], float)
    heights, widths = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    fits = (heights >= _LEAST_HEIGHT) & (heights <= _MOST_HEIGHT) & (widths <= _WIDEST * heights)
    chosen = np.flatnonzero(fits)
    if not len(chosen):
        return np.empty((0, 4))
    inside = ndimage.distance_transform_cdt(mask, "chessboard")
    stroke = ndimage.maximum(inside, labels, chosen + 1)
    is_thin = 2 * stroke - 1 <= 2 * _STROKE * heights[chosen] + 1
    return np.asarray(boxes[chosen][is_thin])


def _rows(marks: npt.NDArray[np.float64]) -> list[npt.NDArray[np.intp]]:
    """Join marks of like height that stand beside each other."""
    top, left, bottom, right = marks.T
    height = bottom - top
    centres = np.column_stack([(top + bottom) / 2, (left + right) / 2])
    found = [np.empty((0, 2), np.intp)]
    for least, most in _CLASSES:
        of_class = np.flatnonzero((height >= least) & (height <= most))
        reach = (_GAP + 1.0) * most + float((right - left)[of_class].max(initial=0.0))
        pairs = KDTree(centres[of_class]).query_pairs(reach, output_type="ndarray")
        found.append(of_class[pairs].reshape(-1, 2))
    i, j = np.concatenate(found).T
    taller, lower = np.maximum(height[i], height[j]), np.minimum(height[i], height[j])
    overlap = np.minimum(bottom[i], bottom[j]) - np.maximum(top[i], top[j])
    gap = np.maximum(left[i], left[j]) - np.minimum(right[i], right[j])
    beside = (overlap >= 0.6 * lower) & (taller <= 1.7 * lower) & (gap <= _GAP * taller)
    size = len(marks)
    links = coo_array((beside[beside], (i[beside], j[beside])), shape=(size, size))
    _, group = connected_components(links, directed=False)
    order = np.argsort(group, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(group[order])) + 1)


def _is_line(members: npt.NDArray[np.float64]) -> bool:
    top, left, bottom, right = members.T
    height = float(np.median(bottom - top))
    slack = max(1.0, 0.1 * height)
    on_base = float((np.abs(bottom - np.median(bottom)) <= slack).mean())
    on_top = float((np.abs(top - np.median(top)) <= slack).mean())
    is_long = float(right.max() - left.min()) >= 2.0 * height
    is_level = float(bottom.max() - top.min()) <= 1.8 * height
    # Letters do not lie above each other, as specks in a cluster do.
    order = np.argsort(left)
    apart = left[order][1:] - right[order][:-1]
    is_row = len(members) == 1 or float((apart >= -0.15 * height).mean()) >= 0.8
    return is_long and is_level and is_row and max(on_base, on_top) >= _ALIGNED
