"""Clusters: groups of like voxels, in the order of brightness, that labelled cases name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.mixture import GaussianMixture

from suffice.core import Budget, Channel, CohortError, Grid, Image, UsageError
from suffice.segmenters import load_segmenter
from suffice.segmenters.clustering import (
    METHODS,
    Clusters,
    Description,
    Method,
    find_clusters,
    name_clusters,
    superpixels,
)
from suffice.segmenters.clusters import ClusterSegmenter
from suffice.segmenters.searching import View


def stripes(seed: int, gain: float = 1.0, size: int = 48) -> Image:
    """Three stripes of 20, 100 and 180 with noise, times a gain."""
    rng = np.random.default_rng(seed)
    values = np.repeat([20.0, 100.0, 180.0], size // 3)[:, None] + rng.normal(0, 5, (size, size))
    return Image((gain * values)[None].astype(np.float32), Grid((size, size)))


def found_in(images: list[Image], method: Method, **how: float) -> ClusterSegmenter:
    views = [View.of(image, 1 << 14) for image in images]
    return ClusterSegmenter.of_scans(views, (Channel(),), n_clusters=3, method=method, **how)


@pytest.mark.parametrize("method", METHODS)
def test_numbers_mean_the_same_on_each_scan(method: Method) -> None:
    images = [stripes(0), stripes(1, gain=3.0)]
    segmenter = found_in(images, method)
    wanted = np.repeat([1, 2, 3], 16)
    for image in [*images, stripes(2, gain=0.1)]:
        labels = segmenter.predict(image).labels.array
        # Smoothing blurs a voxel or two at the borders.
        assert (labels == wanted[:, None]).mean() > 0.9


def test_what_is_saved_is_a_model_as_any_other(tmp_path: Path) -> None:
    segmenter = found_in([stripes(0)], "gmm", position=0.5)
    segmenter.save(tmp_path / "model")
    loaded = load_segmenter(tmp_path / "model")
    assert loaded.legend_.names == ("cluster_1", "cluster_2", "cluster_3")
    np.testing.assert_array_equal(
        loaded.predict(stripes(1)).labels.array, segmenter.predict(stripes(1)).labels.array
    )


def test_a_mixture_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.normal(m, s, (300, 2)) for m, s in ((0, 1), (6, 2), (-5, 0.5))])
    description = Description(n_channels=1, in_hu=False, blur=1.0)
    clusters = find_clusters([points.T], description, 3, "gmm", 0)
    spread = points.std(axis=0)
    reference = GaussianMixture(3, reg_covar=1e-4, random_state=0)
    shuffled = points[np.random.default_rng(0).permutation(len(points))] / spread
    expected = reference.fit(shuffled).predict(points / spread)
    order = np.argsort(np.argsort(reference.means_[:, 0]))
    np.testing.assert_array_equal(clusters.nearest(points.T), order[expected])


def test_superpixels_follow_edges() -> None:
    image = stripes(0)
    view = View(image.array, (1.0, 1.0))
    pieces = superpixels(view, Description(n_channels=1, in_hu=False, blur=2.0))
    truth = np.repeat([0, 1, 2], 16)[:, None].repeat(48, axis=1)
    within = [np.bincount(truth[pieces == p], minlength=3).max() for p in np.unique(pieces)]
    assert sum(within) / truth.size > 0.97
    assert np.array_equal(np.unique(pieces), np.arange(pieces.max() + 1))


@settings(max_examples=40, deadline=None)
@given(arrays(np.int64, (5, 3), elements=st.integers(0, 50)))
def test_a_name_is_given_only_where_the_structure_is(counts: np.ndarray) -> None:
    classes = name_clusters(counts)
    assert len(classes) == 5
    assert all(k == 0 or counts[c, k] > 0 for c, k in enumerate(classes))


@settings(max_examples=40, deadline=None)
@given(arrays(np.int64, (6, 2), elements=st.integers(0, 50)))
def test_no_other_union_overlaps_better(counts: np.ndarray) -> None:
    def dice(chosen: list[bool]) -> float:
        total = counts[chosen].sum() + counts[:, 1].sum()
        return 2 * counts[chosen, 1].sum() / total if total else 0.0

    best = max(dice([bool(i >> c & 1) for c in range(6)]) for i in range(64))
    assert dice([k == 1 for k in name_clusters(counts)]) == pytest.approx(best)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"n_clusters": 1}, "2 to 64"),
        ({"n_clusters": 3, "method": "magic"}, "kmeans, gmm, superpixels"),
        ({"n_clusters": 3, "position": -1.0}, "0 to 100"),
    ],
)
def test_what_cannot_be_had_is_refused(how: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        ClusterSegmenter.of_scans([View(stripes(0).array, (1.0, 1.0))], (Channel(),), **how)


def test_scans_of_two_kinds_are_refused() -> None:
    flat, deep = np.zeros((1, 8, 8), np.float32), np.zeros((1, 8, 8, 8), np.float32)
    views = [View(flat, (1.0, 1.0)), View(deep, (1.0, 1.0, 1.0))]
    with pytest.raises(CohortError, match="1 channels on 2 axes; 1 channels on 3 axes"):
        ClusterSegmenter.of_scans(views, (Channel(),), n_clusters=2)
    with pytest.raises(CohortError, match="one kind: got none"):
        ClusterSegmenter.of_scans([], (Channel(),), n_clusters=2)


@pytest.mark.parametrize("method", METHODS)
def test_a_scan_of_one_value_has_no_clusters(method: Method) -> None:
    view = View(np.full((1, 16, 16), 7, np.float32), (1.0, 1.0))
    with pytest.raises(CohortError, match="fewer values than clusters"):
        ClusterSegmenter.of_scans([view], (Channel(),), n_clusters=2, method=method)


def test_nearest_is_nearest() -> None:
    eye = np.broadcast_to(np.eye(2), (3, 2, 2))
    centres = np.array([[0.0, 0.0], [5.0, 0.0], [0.0, 5.0]])
    clusters = Clusters(centres, np.full(3, 1 / 3), eye)
    points = np.random.default_rng(0).uniform(-1, 6, (2, 200))
    nearest = ((points.T[:, None] - centres) ** 2).sum(-1).argmin(1)
    np.testing.assert_array_equal(clusters.nearest(points), nearest)


def test_labelled_cases_name_clusters(cells_cohort, tmp_path: Path) -> None:
    segmenter = ClusterSegmenter(method="kmeans", n_clusters=3, position=0.0)
    segmenter.fit(cells_cohort, budget=Budget(minutes=1), seed=0, workdir=tmp_path)
    assert set(segmenter.parameters_.classes) <= set(range(cells_cohort.legend.n_classes))
    assert segmenter.history_[-1]["dice"] > 0.5
