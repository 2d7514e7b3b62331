"""Raters made by chance, who err as they are told to."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import ndimage


def _blobs(rng: np.random.Generator, shape: tuple[int, ...], n_classes: int) -> np.ndarray:
    """Smooth structures: what a truth looks like."""
    field = ndimage.gaussian_filter(rng.standard_normal(shape), 2.0, mode="wrap")
    edges = np.quantile(field, np.linspace(0.5, 0.95, n_classes - 1))
    return np.digitize(field, edges).astype(np.uint8)


def _rater(rng: np.random.Generator, truth: np.ndarray, n_classes: int) -> np.ndarray:
    """A rater who shifts the truth now and then and gets some voxels wrong."""
    drawn = np.roll(truth, rng.integers(-1, 2, truth.ndim), tuple(range(truth.ndim)))
    wrong = rng.random(truth.shape) < rng.uniform(0.02, 0.2)
    drawn[wrong] = rng.integers(0, n_classes, int(wrong.sum()))
    return drawn


@pytest.fixture
def draw_raters() -> Callable[..., dict[str, np.ndarray]]:
    """Make the masks of 2 to 6 raters in 2D or 3D, structured or pure noise."""

    def draw(seed: int, n_classes: int = 2, n_raters: int | None = None) -> dict[str, np.ndarray]:
        rng = np.random.default_rng(seed)
        shape = tuple(int(n) for n in rng.integers(6, 20, 2 + seed % 2))
        number = n_raters or int(rng.integers(2, 7))
        if seed % 5 == 4:
            masks = rng.integers(0, n_classes, (number, *shape)).astype(np.uint8)
        else:
            truth = _blobs(rng, shape, n_classes)
            masks = np.stack([_rater(rng, truth, n_classes) for _ in range(number)])
        return {f"rater{i}": mask for i, mask in enumerate(masks)}

    return draw
