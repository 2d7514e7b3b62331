"""Branching vessels of a lung."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from suffice.phantoms.shapes import FloatArray
from suffice.phantoms.tubes import Point, Segment

Distance = Callable[[FloatArray, FloatArray, FloatArray], FloatArray]

# Radius of the last branches drawn; finer ones belong to the texture of the parenchyma.
TWIG_MM = 0.85


def grow_tree(
    rng: np.random.Generator,
    root_mm: Point,
    low_mm: FloatArray,
    high_mm: FloatArray,
    inside_mm: Distance,
    *,
    n_twigs: int = 150,
) -> tuple[Segment, ...]:
    """Grow vessels from the hilum until they supply a lung evenly.

    Every point to supply, nearest first, is joined to the tree where the way along the tree to
    the hilum stays short; calibres follow Murray's law (the cube of a vessel's radius is the sum
    of the cubes of its branches' radii).

    Parameters
    ----------
    rng : numpy Generator
    root_mm : tuple of float
        The hilum.
    low_mm, high_mm : arrays of shape (3,)
        A box around the lung.
    inside_mm : callable
        Signed distance to the lung of x, y and z.
    n_twigs : int
        Number of points to supply.

    References
    ----------
    .. [1] C. D. Murray, PNAS 12, 207 (1926), doi 10.1073/pnas.12.3.207
    """
    drawn = rng.uniform(low_mm, high_mm, size=(40 * n_twigs, 3))
    supplied = drawn[inside_mm(*drawn.T) < -5.0][:n_twigs]
    order = np.argsort(np.linalg.norm(supplied - root_mm, axis=1))
    nodes = np.concatenate([np.asarray(root_mm)[None], supplied[order]])
    parents, way = np.zeros(len(nodes), int), np.zeros(len(nodes))
    for i in range(1, len(nodes)):
        apart = np.linalg.norm(nodes[:i] - nodes[i], axis=1)
        parents[i] = int(np.argmin(apart + 0.35 * way[:i]))
        way[i] = way[parents[i]] + apart[parents[i]]
    cubes = np.full(len(nodes), TWIG_MM**3)
    for i in range(len(nodes) - 1, 0, -1):
        cubes[parents[i]] += cubes[i]
    radii = np.cbrt(cubes)
    starts = np.minimum(1.1 * radii, radii[parents])
    return tuple(
        Segment(_point(nodes[parents[i]]), _point(nodes[i]), (float(starts[i]), float(radii[i])))
        for i in range(1, len(nodes))
    )


def _point(place: FloatArray) -> Point:
    x, y, z = (float(p) for p in place)
    return x, y, z
