"""Lungs on CT: which structures they are, left and right, density, mass, emphysema."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from suffice.measure.structure import BoolArray, FloatArray, Measure, Structure

Side = Literal["left", "right", "both"]

LUNGS, LEFT, RIGHT = "lungs", "left lung", "right lung"
"""Labels of what is put together, or taken apart, where the legend does not have it."""

EMPHYSEMA_HU = -950.0
PERCENTILE = 15

# The smaller of two lungs is rarely a fourth of both; less than this is a stray piece.
_LEAST_SHARE = 0.1
# Lungs that touch do so along a thin line, in front of the aorta or behind the heart.
_MOST_WORN = 4
_WORDS = {
    "lung", "lungs", "lobe", "left", "right", "l", "r", "both", "field", "fields", "parenchyma",
    "upper", "middle", "lower", "superior", "inferior", "lingula", "of", "the",
}  # fmt: skip
_HEIGHTS = {"upper", "middle", "lower", "superior", "inferior"}
_LOBES = {"rul": "right", "rml": "right", "rll": "right", "lul": "left", "lll": "left"}
_SIDES: dict[str, Side] = {"left": "left", "l": "left", "right": "right", "r": "right"}


@dataclass(frozen=True, slots=True)
class LungPart:
    """What a label's name says: which side, and whether it is a lobe."""

    side: Side
    is_lobe: bool


def lung_part(name: str) -> LungPart | None:
    """Read from a label's name which part of the lungs it is, if any.

    Examples
    --------
    >>> lung_part("left lung"), lung_part("lung_upper_lobe_right")
    (LungPart(side='left', is_lobe=False), LungPart(side='right', is_lobe=True))
    >>> lung_part("lungs"), lung_part("lung nodule"), lung_part("left lobe")
    (LungPart(side='both', is_lobe=False), None, None)
    """
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    words = [word for word in re.split(r"[^a-z]+", spaced.lower()) if word]
    if len(words) == 1 and words[0] in _LOBES:
        return LungPart(_SIDES[_LOBES[words[0]]], is_lobe=True)
    # Liver and thyroid have a left and a right lobe, too; those of lungs lie above each other.
    is_named = {"lung", "lungs"} & set(words) or ("lobe" in words and _HEIGHTS & set(words))
    if not is_named or set(words) - _WORDS:
        return None
    sides = {_SIDES[word] for word in words if word in _SIDES}
    return LungPart(sides.pop() if len(sides) == 1 else "both", is_lobe="lobe" in words)


def measure_density(label: str, values: FloatArray, voxel_volume_ml: float) -> Iterator[Measure]:
    """Measure mass and emphysema of a part of the lungs.

    Parameters
    ----------
    label : str
    values : array of shape (n_voxels,)
        In HU; of at least one voxel.
    voxel_volume_ml : float

    Yields
    ------
    Measure
        ``mass_g``: volume times density, air (-1000 HU) weighing nothing and water (0 HU) 1 g/ml
        [1]_. ``laa950_percent``: the part of the voxels below -950 HU, emphysema by the
        microscope [2]_. ``perc15_hu``: the 15th percentile [3]_.

    References
    ----------
    .. [1] Coxson et al., Am. J. Respir. Crit. Care Med. 1999; 159: 851-856
    .. [2] Gevenois et al., Am. J. Respir. Crit. Care Med. 1996,
       https://doi.org/10.1164/ajrccm.154.1.8680679
    .. [3] Dirksen et al., Am. J. Respir. Crit. Care Med. 1999; 160: 1468-1472
    """
    grams_per_ml = np.clip(values + 1000.0, 0.0, None) / 1000.0
    yield Measure(label, "mass_g", float(grams_per_ml.sum()) * voxel_volume_ml)
    yield Measure(label, "laa950_percent", 100.0 * float((values < EMPHYSEMA_HU).mean()))
    yield Measure(label, "perc15_hu", float(np.percentile(values, PERCENTILE)))


def further_lungs(structures: Sequence[Structure]) -> tuple[list[Structure], str]:
    """Put lungs together from their parts, and take apart lungs that are one structure.

    Parameters
    ----------
    structures : sequence of Structure
        Of one mask.

    Returns
    -------
    further : list of Structure
        Those of `LUNGS`, `LEFT` and `RIGHT` that the mask does not name itself.
    note : str
        How they were had, or why not; empty where nothing had to be done.
    """
    parts = [(s, part) for s in structures if (part := lung_part(s.label)) is not None]
    whole = [s for s, part in parts if part.side == "both" and not part.is_lobe]
    sides = {side: [s for s, part in parts if part.side == side] for side in ("left", "right")}
    further = []
    for label, side in ((LEFT, "left"), (RIGHT, "right")):
        mine = sides[side]
        is_named = any(part.side == side and not part.is_lobe for _, part in parts)
        if mine and not is_named:
            further.append(_union(label, mine))
    if whole or not (sides["left"] and sides["right"]):
        if whole and not (sides["left"] or sides["right"]):
            return _two_sides(whole[0])
        return further, ""
    return [*further, _union(LUNGS, sides["left"] + sides["right"])], ""


def _union(label: str, structures: Sequence[Structure]) -> Structure:
    there = [s for s in structures if not s.is_empty]
    if not there:
        return Structure(label, structures[0].inside, structures[0].box, structures[0].grid)
    box = tuple(
        slice(min(s.box[axis].start for s in there), max(s.box[axis].stop for s in there))
        for axis in range(there[0].grid.ndim)
    )
    inside = np.zeros([part.stop - part.start for part in box], dtype=bool)
    for s in there:
        inside[_within(s.box, box)] |= s.inside
    return Structure(label, inside, box, there[0].grid)


def _within(inner: tuple[slice, ...], outer: tuple[slice, ...]) -> tuple[slice, ...]:
    return tuple(
        slice(i.start - o.start, i.stop - o.start) for i, o in zip(inner, outer, strict=True)
    )


def _two_sides(lungs: Structure) -> tuple[list[Structure], str]:
    """Take lungs apart by their two largest connected pieces; smaller ones go to the nearer side.

    Lungs that touch are worn off, voxel by voxel, until they part, and grown again. World
    coordinates tell left from right; a picture does not, and is taken to show the patient's right
    on its left, as radiographs do.
    """
    if lungs.is_empty:
        return [], ""
    worn, n_worn = np.pad(lungs.inside, 1), 0
    while (found := _two_pieces(worn)) is None:
        if n_worn == _MOST_WORN:
            return [], f"{lungs.label} are one piece: left and right are not told apart"
        worn, n_worn = ndimage.binary_erosion(worn), n_worn + 1
    cut = (slice(1, -1),) * lungs.inside.ndim
    across = _rightwards(lungs)
    one, other = (_grown(piece, n_worn)[cut] & lungs.inside for piece in found)
    other &= ~one
    places = [float(across[piece].mean()) for piece in (one, other)]
    right, left = (one, other) if places[0] > places[1] else (other, one)
    rest = lungs.inside & ~one & ~other
    is_right = across > sum(places) / 2
    how = f"parted by wearing off {n_worn} voxels" if n_worn else "by the largest pieces"
    return [
        _part(LEFT, lungs, left | (rest & ~is_right)),
        _part(RIGHT, lungs, right | (rest & is_right)),
    ], f"left and right: {lungs.label} in two, {how}"


def _two_pieces(inside: BoolArray) -> tuple[BoolArray, BoolArray] | None:
    """Return the two largest connected pieces, where both are large enough to be lungs."""
    pieces, n_pieces = ndimage.label(inside)
    if n_pieces < 2:
        return None
    sizes = np.bincount(pieces.ravel())[1:]
    first, second = (np.argsort(-sizes, kind="stable")[:2] + 1).tolist()
    if sizes[second - 1] < _LEAST_SHARE * sizes.sum():
        return None
    return pieces == first, pieces == second


def _grown(piece: BoolArray, n_steps: int) -> BoolArray:
    if n_steps == 0:
        return piece
    return np.asarray(ndimage.binary_dilation(piece, iterations=n_steps))


def _part(label: str, lungs: Structure, inside: BoolArray) -> Structure:
    (within,) = ndimage.find_objects(inside.astype(np.uint8), 1)
    box = tuple(
        slice(w.start + o.start, w.stop + o.start) for w, o in zip(within, lungs.box, strict=True)
    )
    return Structure(label, inside[within], box, lungs.grid)


def _rightwards(lungs: Structure) -> npt.NDArray[np.float64]:
    """How far to the patient's right each voxel of the box lies."""
    index = np.indices(lungs.inside.shape, dtype=np.float64)
    if lungs.grid.affine is None:
        return np.asarray(-index[1])
    return np.asarray(np.tensordot(lungs.grid.affine[0, :3], index, axes=1))
