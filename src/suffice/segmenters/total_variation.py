"""Least total variation on a grid whose lines run in many directions, to a known accuracy."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.spatial import SphericalVoronoi

FloatArray = npt.NDArray[np.float32]
Slices = tuple[slice, ...]

_CHECK_EVERY = 10


def lines(ndim: int, spacing: Sequence[float] | None = None) -> list[tuple[tuple[int, ...], float]]:
    """Offsets to half the neighbours, and what a border that parts such a pair adds to its size.

    By Crofton's formula the size of a border, its length or area, is the mean count of its
    crossings with lines of all directions. The lines to 8 or 26 neighbours stand for these, each
    for its Voronoi cell of the circle or sphere [1]_ [2]_. Straight borders are 7 % off at most
    where voxels are as wide along all axes, 15 % where they are three times as wide along one,
    and 30 % where ten times.

    Parameters
    ----------
    ndim : int
    spacing : sequence of float, optional
        By default the same along all axes.

    Returns
    -------
    list of (offset, float)
        Summed over a border they give its size over the volume of a voxel, both in units of the
        finest spacing, as a sum of log odds over voxels is their integral over that volume.

    References
    ----------
    .. [1] Boykov and Kolmogorov, ICCV 2003, https://doi.org/10.1109/ICCV.2003.1238310
    .. [2] Lehmann and Legland, Insight Journal 2012, https://doi.org/10.54294/wdu86d

    Examples
    --------
    >>> [(offset, round(part, 3)) for offset, part in lines(2)]
    [((0, 1), 0.393), ((1, -1), 0.278), ((1, 0), 0.393), ((1, 1), 0.278)]
    """
    offsets = itertools.product((-1, 0, 1), repeat=ndim)
    half = [offset for offset in offsets if offset > (0,) * ndim]
    wide = np.ones(ndim) if spacing is None else np.asarray(spacing) / min(spacing)
    steps = np.array(half) * wide
    lengths = np.linalg.norm(steps, axis=1)
    directions = steps / lengths[:, None]
    # A border is crossed by the mean of all directions as often as by 2 / pi, or half, of those
    # that run straight across it.
    parts = math.pi / 2 * _circle(directions) if ndim == 2 else 2 * _sphere(directions)
    return list(zip(half, (parts / lengths).tolist(), strict=True))


def _circle(directions: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Part of all lines of a plane that each direction is the nearest to."""
    angles = np.arctan2(directions[:, 0], directions[:, 1]) % math.pi
    order = np.argsort(angles)
    gaps = np.diff(angles[order], append=angles[order[0]] + math.pi)
    parts = np.empty(len(angles))
    parts[order] = (gaps + np.roll(gaps, 1)) / (2 * math.pi)
    return parts


def _sphere(directions: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Part of all lines of space that each direction is the nearest to."""
    cells = SphericalVoronoi(np.concatenate([directions, -directions]))
    return np.asarray(cells.calculate_areas()[: len(directions)] / (2 * math.pi))


def denoised(
    values: FloatArray,
    weight: float,
    *,
    spacing: Sequence[float] | None = None,
    accuracy: float,
    most_steps: int,
) -> tuple[FloatArray, float]:
    """Minimise half the squared distance to the values plus weighted total variation.

    The dual is climbed by accelerated projected gradients [1]_, begun afresh where they turn
    back. As total variation is summed over pairs of neighbours, it is the sum of the borders of
    all level sets, each of which is then of least energy among all masks [2]_.

    Parameters
    ----------
    values : float32 array of shape (Y, X) or (X, Y, Z)
    weight : float
    spacing : sequence of float, optional
        By default the same along all axes.
    accuracy : float
        Stop where the root mean square distance to the minimiser is below this.
    most_steps : int

    Returns
    -------
    smooth : float32 array of the same shape
    distance : float
        Bound of the root mean square distance to the minimiser, from the duality gap.

    References
    ----------
    .. [1] Beck and Teboulle, IEEE TIP 2009, https://doi.org/10.1109/TIP.2009.2028250
    .. [2] Chambolle, EMMCVPR 2005, https://doi.org/10.1007/11585978_10
    """
    along = lines(values.ndim, spacing)
    pairs = [_pair(offset) for offset, _ in along]
    bounds = [np.float32(weight * part) for _, part in along]
    rate = np.float32(1 / (4 * len(pairs)))
    dual = [np.zeros_like(values[here]) for here, _ in pairs]
    ahead = [d.copy() for d in dual]
    momentum, distance = 1.0, math.inf
    for step in range(1, most_steps + 1):
        smooth = _without(values, ahead, pairs)
        grown = 0.5 + math.sqrt(0.25 + momentum**2)
        pull = np.float32((momentum - 1) / grown)
        turned = 0.0
        for i, (here, there) in enumerate(pairs):
            new = smooth[there] - smooth[here]
            new *= rate
            new += ahead[i]
            np.clip(new, -bounds[i], bounds[i], out=new)
            gone = new - dual[i]
            turned += float(np.vdot(ahead[i] - new, gone))
            dual[i], ahead[i] = new, new + pull * gone
        momentum = 1.0 if turned > 0 else grown
        if step % _CHECK_EVERY == 0 or step == most_steps:
            smooth = _without(values, dual, pairs)
            distance = _distance(smooth, dual, pairs, bounds)
            if distance < accuracy:
                break
    return smooth, distance


def _pair(offset: tuple[int, ...]) -> tuple[Slices, Slices]:
    """Where pairs of an offset begin, and where they end."""
    begin = tuple(slice(max(0, -n), min(0, -n) or None) for n in offset)
    return begin, tuple(slice(max(0, n), min(0, n) or None) for n in offset)


def _without(
    values: FloatArray, dual: list[FloatArray], pairs: list[tuple[Slices, Slices]]
) -> FloatArray:
    smooth = values.copy()
    for flow, (here, there) in zip(dual, pairs, strict=True):
        smooth[here] += flow
        smooth[there] -= flow
    return smooth


def _distance(
    smooth: FloatArray,
    dual: list[FloatArray],
    pairs: list[tuple[Slices, Slices]],
    bounds: list[np.float32],
) -> float:
    """Bound the distance to the minimiser: the energy is strongly convex, of modulus one."""
    gap = 0.0
    for flow, (here, there), bound in zip(dual, pairs, bounds, strict=True):
        slope = smooth[there] - smooth[here]
        gap += float(np.sum(bound * np.abs(slope) - flow * slope, dtype=np.float64))
    return math.sqrt(2 * max(gap, 0.0) / smooth.size)
