"""Small phantoms for tests: a ball of known volume, discs, a picture of cells."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from suffice.core import GeometryError, Grid, Image, LabelMap, Legend
from suffice.phantoms.noise import grainy_noise
from suffice.phantoms.phantom import Phantom
from suffice.phantoms.shapes import SamplePoints

# Haematoxylin and eosin, RGB.
_GROUND, _PINK, _PURPLE = (244, 240, 243), (226, 160, 196), (98, 60, 140)


def ball(radius_mm: float, grid: Grid) -> Phantom:
    """Make a ball in the middle of a volume; its image is the share of each voxel that it fills.

    Parameters
    ----------
    radius_mm : float
    grid : Grid
        Any volume, oblique ones too.

    Returns
    -------
    Phantom
        ``volumes_ml["ball"]`` is 4/3 pi r^3, whatever the grid.

    Examples
    --------
    >>> phantom = ball(10.0, Grid.from_spacing((30, 30, 30), (1, 1, 1)))
    >>> round(phantom.volumes_ml["ball"], 2), int(phantom.truth.array.sum())
    (4.19, 4224)
    """
    points = SamplePoints(grid, 3)
    centre = grid.to_world_mm([(np.asarray(grid.shape) - 1) / 2.0])[0]
    place = points.coordinates_mm()
    apart = np.sqrt(sum((p - c) ** 2 for p, c in zip(place, centre, strict=True)))
    share = points.per_voxel(points.share_inside(apart - radius_mm))
    truth = LabelMap((share >= 0.5).astype(np.uint8), grid, Legend.from_names({1: "ball"}))
    volume = 4.0 / 3.0 * np.pi * radius_mm**3 / 1000.0
    return Phantom(Image(share[None], grid), truth, {"ball": float(volume)})


def discs(
    rng: np.random.Generator,
    shape: tuple[int, int] = (96, 96),
    *,
    n_discs: int = 6,
    radius: tuple[float, float] = (6.0, 14.0),
    noise: float = 0.1,
) -> Phantom:
    """Make a grey picture of bright discs on a dark ground.

    Parameters
    ----------
    rng : numpy Generator
    shape : (int, int)
        Rows and columns.
    n_discs : int
    radius : (float, float)
        Range of the radii in pixels.
    noise : float
        Standard deviation of the noise; the contrast is 1.
    """
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    share = np.zeros(shape, np.float32)
    for _ in range(n_discs):
        row, column = rng.uniform(0, shape[0]), rng.uniform(0, shape[1])
        apart = np.hypot(rows - row, columns - column) - rng.uniform(*radius)
        share = np.maximum(share, np.clip(0.5 - apart, 0.0, 1.0).astype(np.float32))
    grey = share + noise * grainy_noise(rng, shape, grain=(0.6, 0.6))
    grid = Grid(shape)
    truth = LabelMap((share >= 0.5).astype(np.uint8), grid, Legend.from_names({1: "disc"}))
    return Phantom(Image(grey[None].astype(np.float32), grid), truth, {})


def picture_of_cells(
    rng: np.random.Generator, shape: tuple[int, int] = (128, 128), *, n_cells: int = 12
) -> Phantom:
    """Make a stained picture of cells: pink cytoplasm, purple irregular nuclei.

    Parameters
    ----------
    rng : numpy Generator
    shape : (int, int)
        Rows and columns; at least 32 each.
    n_cells : int

    Returns
    -------
    Phantom
        RGB image of shape ``(3, Y, X)``, uint8; the nuclei are labelled.
    """
    if min(shape) < 32:
        raise GeometryError("A picture of cells needs 32 pixels a side", got=shape)
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    # One smooth displacement for all makes every outline irregular.
    wobble = [2.5 * grainy_noise(rng, shape, grain=(5, 5), sharpness=0) for _ in range(2)]
    nuclei, cells = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for _ in range(n_cells):
        row, column = rng.uniform(0, shape[0]), rng.uniform(0, shape[1])
        angle, radius, ratio = rng.uniform(0, np.pi), rng.uniform(6, 10), rng.uniform(0.65, 1)
        down, right = rows + wobble[0] - row, columns + wobble[1] - column
        along = down * np.cos(angle) + right * np.sin(angle)
        across = (right * np.cos(angle) - down * np.sin(angle)) / ratio
        apart = np.hypot(along, across) - radius
        nuclei = np.maximum(nuclei, np.clip(0.5 - apart, 0, 1))
        cells = np.maximum(cells, np.clip(0.5 - (apart - radius) / 3.0, 0, 1))
    ground, pink, purple = (
        np.array(c)[:, None, None] for c in ((244, 240, 243), (226, 160, 196), (98, 60, 140))
    )
    colour = ground + cells * (pink - ground)
    colour = colour + nuclei * (purple - colour)
    grain = 14.0 * grainy_noise(rng, shape, grain=(1.2, 1.2)) * (0.3 + cells)
    colour = ndimage.gaussian_filter(colour, (0, 0.5, 0.5)) + grain
    colour = colour + 3.0 * rng.standard_normal(colour.shape)
    grid = Grid(shape)
    truth = LabelMap((nuclei >= 0.5).astype(np.uint8), grid, Legend.from_names({1: "nucleus"}))
    image = Image(np.clip(np.round(colour), 0, 255).astype(np.uint8), grid, "MIC")
    return Phantom(image, truth, {})
