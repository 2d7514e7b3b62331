"""Several views of a scan: averaged, and on the scan's own grid."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from suffice.core import Grid, Image, LabelMap, Legend, Progress, UsageError
from suffice.segmenters.protocol import Prediction
from suffice.segmenters.views import VIEWS, predict_views, scaled

LEGEND = Legend.from_names({3: "bright"})


@dataclass
class BrighterThan:
    """Says that what is above a value is the structure, more surely the brighter."""

    threshold: float = 100.0
    legend_: Legend = LEGEND
    seen: list[Image] = field(default_factory=list)
    instances: bool = False

    def predict(self, image, *, mirror=False, keep_probabilities=False, listener=None):
        self.seen.append(image)
        p = np.clip(0.5 + (image.array[0].astype(np.float32) - self.threshold) / 200, 0, 1)
        if listener is not None:
            listener(Progress("predict", 1.0))
        return Prediction(
            LabelMap(np.where(p > 0.5, 3, 0).astype(np.uint8), image.grid, self.legend_),
            np.stack([1 - p, p]).astype(np.float16) if keep_probabilities else None,
            (p > 0.5).astype(np.int32) if self.instances else None,
        )


def scan(ndim: int) -> Image:
    shape = (32, 40, 6)[:ndim]
    values = np.random.default_rng(0).integers(0, 255, (1, *shape)).astype(np.uint8)
    grid = Grid.from_spacing(shape, (1.0, 1.0, 5.0)) if ndim == 3 else Grid(shape)
    return Image(values, grid)


@pytest.mark.parametrize("ndim", [2, 3])
def test_views_are_averaged_on_the_grid_of_the_scan(ndim: int) -> None:
    image, model, told = scan(ndim), BrighterThan(), []
    before = image.array.copy()
    found = predict_views(model, image, 5, keep_probabilities=True, listener=told.append)
    assert len(model.seen) == 5 and model.seen[0] is image
    assert found.labels.grid == image.grid
    assert set(np.unique(found.labels.array)) == {0, 3}
    p = found.probabilities.astype(np.float32)
    assert p.shape == (2, *image.grid.shape)
    np.testing.assert_allclose(p.sum(0), 1, atol=5e-3)
    clear = np.abs(p[1] - 0.5) > 0.01
    np.testing.assert_array_equal((found.labels.array == 3)[clear], (p[1] > 0.5)[clear])
    np.testing.assert_array_equal(image.array, before)
    assert [round(p.fraction, 2) for p in told] == [0.2, 0.4, 0.6, 0.8, 1.0]
    # Thick slices are few, and not scaled.
    assert model.seen[3].grid.shape == (35, 44, 6)[:ndim]


def test_brightness_views_are_their_own_mean() -> None:
    image, model = scan(2), BrighterThan()
    found = predict_views(model, image, 3, keep_probabilities=True)
    alone = [
        model.predict(seen, keep_probabilities=True).probabilities[1] for seen in model.seen[:3]
    ]
    mean = np.mean([a.astype(np.float32) for a in alone], axis=0)
    np.testing.assert_allclose(found.probabilities[1], mean, atol=1e-3)


def test_one_view_is_the_plain_prediction() -> None:
    image, model = scan(2), BrighterThan()
    found = predict_views(model, image, 1)
    assert found.probabilities is None and model.seen == [image]


def test_what_cannot_be_averaged_is_refused() -> None:
    with pytest.raises(UsageError, match=f"expected 1 to {len(VIEWS)}"):
        predict_views(BrighterThan(), scan(2), 99)
    with pytest.raises(UsageError, match="single objects"):
        predict_views(BrighterThan(instances=True), scan(2), 2)


def test_a_scaled_scan_shows_the_same() -> None:
    y, x = np.indices((60, 60))
    image = Image((np.hypot(y - 30, x - 30) < 15).astype(np.float32)[None], Grid((60, 60)))
    larger = scaled(image, 1.5)
    assert larger.array.sum() == pytest.approx(2.25 * image.array.sum(), rel=0.02)
