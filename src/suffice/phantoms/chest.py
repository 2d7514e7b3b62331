"""Chest CT of breathing lungs with known truth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from suffice.core import Grid, Image, LabelMap, Legend, UsageError
from suffice.phantoms.anatomy import Chest, draw_chest
from suffice.phantoms.noise import grainy_noise
from suffice.phantoms.phantom import Phantom
from suffice.phantoms.pose import chest_grid
from suffice.phantoms.shapes import FloatArray, SamplePoints
from suffice.phantoms.tissue import paint_body
from suffice.phantoms.tubes import Segment, share_in_tubes

LEFT_LUNG, RIGHT_LUNG, AIRWAY, NODULE = "left lung", "right lung", "airway", "nodule"
AIRWAY_WALL_MM = 1.6

Share = npt.NDArray[np.float32]


def chest_ct(
    rng: np.random.Generator,
    *,
    chest: Chest | None = None,
    spacing_mm: Sequence[float] = (3.5, 3.5, 5.0),
    grid: Grid | None = None,
    inspiration: float = 1.0,
    difficulty: float = 0.3,
    label_nodules: bool = True,
) -> Phantom:
    """Scan a chest.

    Parameters
    ----------
    rng : numpy Generator
        Draws the person (unless given) and the noise.
    chest : Chest, optional
        The person; two scans of one person differ in inspiration and noise alone.
    spacing_mm : sequence of float
        Voxel size; the grid then covers the whole chest.
    grid : Grid, optional
        The grid to scan on, flipped or oblique as it likes; in place of ``spacing_mm``.
    inspiration : float
        0 (expired) to 1 (inspired).
    difficulty : float
        0 (hardly any noise) to 1: more noise, coarser grain, dense dependent lung.
    label_nodules : bool
        Whether nodules have a label of their own or count as lung.

    Returns
    -------
    Phantom
        Image of shape ``(1, X, Y, Z)`` in HU, int16. Lungs include their vessels; airways down
        to the lobar bronchi are excluded from them.

    Examples
    --------
    >>> phantom = chest_ct(np.random.default_rng(0), spacing_mm=(8, 8, 8))
    >>> phantom.image.unit, phantom.truth.legend.names
    ('HU', ('left lung', 'right lung', 'airway', 'nodule'))
    """
    if not 0.0 <= difficulty <= 1.0:
        raise UsageError("Difficulty must lie between 0 and 1", got=difficulty)
    drawn = chest or draw_chest(rng)
    state = drawn.breathed(inspiration)
    grid = grid or chest_grid(drawn, spacing_mm)
    points = SamplePoints(grid, 2)
    shares = _shares(points, state)
    hu, body = paint_body(points, state)
    density = _lung_hu(rng, points, state, inspiration, difficulty)
    hu += (shares["lungs"] * (density - hu)).astype(np.float32)
    hu += shares["vessels"] * (40.0 - hu)
    hu += shares["wall"] * (20.0 - hu)
    hu += shares["nodules"] * (30.0 - hu)
    hu += shares["lumen"] * (-1000.0 - hu)
    scan = _scan(rng, points.per_voxel(hu), points.per_voxel(body), difficulty)
    truth, volumes = _truth(points, shares, label_nodules=label_nodules)
    return Phantom(Image(scan[None], grid, "CT", "HU"), truth, volumes)


def _shares(points: SamplePoints, chest: Chest) -> dict[str, Share]:
    """Share of each sample that each structure fills."""
    x, y, z = points.coordinates_mm()
    tubes = chest.airways()
    lumen = share_in_tubes(points, tubes)
    outside = share_in_tubes(points, tubes, wall_mm=AIRWAY_WALL_MM)
    lungs = points.share_inside(np.broadcast_to(chest.lungs_mm(x, y, z), points.shape))
    lungs = lungs * (1.0 - outside)
    balls = [Segment(n.centre_mm, n.centre_mm, (n.radius_mm,) * 2) for n in chest.nodules]
    nodules = share_in_tubes(points, balls)
    vessels = share_in_tubes(points, chest.vessels) * lungs
    return {
        "lungs": lungs,
        "left": lungs * (x < 0),
        "right": lungs * (x >= 0),
        "lumen": lumen,
        "wall": outside - lumen,
        "vessels": vessels,
        "nodules": nodules * lungs,
    }


def _lung_hu(
    rng: np.random.Generator,
    points: SamplePoints,
    chest: Chest,
    inspiration: float,
    difficulty: float,
) -> FloatArray:
    """Density of the parenchyma: falls with inspiration, rises towards the dependent back."""
    _, y, _ = points.coordinates_mm()
    back = np.clip(0.5 - 0.5 * y / chest.half_depth_mm, 0.0, 1.0)
    mean = -715.0 - 140.0 * inspiration
    gradient = (70.0 - 30.0 * inspiration) * (back - 0.5) * 2.0
    dependent = 420.0 * difficulty * np.clip(back - 0.8, 0.0, None) / 0.2
    return np.asarray(mean + gradient + dependent, np.float32)


def _scan(
    rng: np.random.Generator, hu: Share, body: Share, difficulty: float
) -> npt.NDArray[np.int16]:
    """Blur by the point spread, add quantum noise and texture, clip as scanners do."""
    sigma = 0.45
    blurred = ndimage.gaussian_filter(hu, sigma)
    # Attenuation leaves fewer photons in the middle of the body than in the air around it.
    level = (8.0 + 42.0 * difficulty) * (0.35 + 0.65 * ndimage.gaussian_filter(body, 6.0))
    noise = grainy_noise(rng, hu.shape, grain=(0.6 + 0.3 * difficulty,) * 2 + (0.3,))
    texture = grainy_noise(rng, hu.shape, grain=(1.6, 1.6, 1.2), sharpness=0.3)
    noisy = blurred + level * noise + (6.0 + 14.0 * difficulty) * texture * body
    return np.asarray(np.clip(np.round(noisy), -1024, 3071), np.int16)


def _truth(
    points: SamplePoints, shares: dict[str, Share], *, label_nodules: bool
) -> tuple[LabelMap, dict[str, float]]:
    """Take for each structure the voxels it fills most, as many as its volume makes.

    A threshold of one half would lose a tenth of a nodule or bronchus that is few voxels wide.
    """
    own = shares["nodules"] if label_nodules else np.zeros((1, 1, 1), np.float32)
    parts = {
        LEFT_LUNG: shares["left"] * (1.0 - own),
        RIGHT_LUNG: shares["right"] * (1.0 - own),
        AIRWAY: shares["lumen"],
    }
    if label_nodules:
        parts[NODULE] = own
    voxel_ml = points.grid.voxel_volume_ml or 0.0
    mask = np.zeros(points.grid.shape, np.uint8)
    volumes: dict[str, float] = {}
    for value, name in reversed(list(enumerate(parts, start=1))):
        filled = points.per_voxel(parts[name])
        n_voxels = float(filled.sum(dtype=np.float64))
        volumes[name] = n_voxels * voxel_ml
        free = np.where(mask == 0, filled, 0.0).ravel()
        fullest = np.argsort(free, kind="stable")[free.size - round(n_voxels) :]
        mask.ravel()[fullest] = value
    legend = Legend.from_names(dict(enumerate(parts, start=1)))
    in_order = {name: volumes[name] for name in parts}
    return LabelMap(mask, points.grid, legend), in_order
