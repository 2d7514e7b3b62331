"""What is searched on labelled cases: known answers are found again, and limits are told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suffice.core import Budget, Case, Channel, Cohort, CohortError, Grid, Image, Legend, ModelError
from suffice.io import write_image, write_mask
from suffice.phantoms import discs
from suffice.segmenters import load_segmenter
from suffice.segmenters.bands import Band, Histograms, between
from suffice.segmenters.brightness import Brightness, own_blur
from suffice.segmenters.parameters import from_json, to_json
from suffice.segmenters.place import mean_place, place_of, places_without_own
from suffice.segmenters.searching import Search, View, dice, shape_within
from suffice.segmenters.threshold import ThresholdParameters, ThresholdSegmenter

BUDGET = Budget(minutes=5)


def as_bytes(image: Image) -> Image:
    return Image(np.clip(50 + 150 * image.array, 0, 255).astype(np.uint8), image.grid)


@pytest.fixture(scope="module")
def discs_cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """Three pictures of discs of 200 on 50."""
    folder = tmp_path_factory.mktemp("discs")
    cases = []
    for i in range(3):
        phantom = discs(np.random.default_rng(i), (48, 48), n_discs=3, noise=0.05)
        image, mask = folder / f"{i}.png", folder / f"{i}_mask.png"
        write_image(image, as_bytes(phantom.image))
        write_mask(mask, phantom.truth)
        cases.append(Case(f"d{i}", f"s{i}", {"image": image}, {"expert": mask}))
    legend = Legend.from_names({1: "disc"})
    return Cohort("discs", folder, (Channel(),), legend, tuple(cases))


@pytest.fixture(scope="module")
def threshold(discs_cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> ThresholdSegmenter:
    work = tmp_path_factory.mktemp("work")
    return ThresholdSegmenter().fit(discs_cohort, budget=BUDGET, seed=0, workdir=work)


def test_a_known_threshold_is_found(discs_cohort: Cohort, threshold: ThresholdSegmenter) -> None:
    assert threshold.history_[-1]["dice"] > 0.97
    assert threshold.card_.n_steps >= len(threshold.history_) > 0
    steps = [row["dice"] for row in threshold.history_]
    assert steps == sorted(steps)
    unseen = discs(np.random.default_rng(9), (48, 48), n_discs=3, noise=0.05)
    found = threshold.predict(as_bytes(unseen.image)).labels.array
    assert dice(found > 0, unseen.truth.array > 0) > 0.95


def test_parameters_are_plain_and_come_back(threshold: ThresholdSegmenter, tmp_path: Path) -> None:
    threshold.save(tmp_path / "m")
    content = (tmp_path / "m" / "parameters.json").read_bytes()
    assert json.loads(content)["n_channels"] == 1
    assert from_json(ThresholdParameters, content) == threshold.parameters_
    assert to_json(threshold.parameters_) == content


@pytest.mark.parametrize("damage", [b"{}", b"[1]", b"\xff", b'{"n_channels": "one"}'])
def test_damaged_parameters_are_told(
    threshold: ThresholdSegmenter, tmp_path: Path, damage: bytes
) -> None:
    threshold.save(tmp_path / "m")
    (tmp_path / "m" / "parameters.json").write_bytes(damage)
    with pytest.raises(ModelError, match=r"parameters\.json' cannot be read"):
        load_segmenter(tmp_path / "m")


def test_an_image_that_does_not_fit_is_refused(threshold: ThresholdSegmenter) -> None:
    colour = Image(np.zeros((3, 16, 16), np.uint8), Grid((16, 16)))
    with pytest.raises(ModelError, match="got 3 channels on 2 axes, expected 1 on 2"):
        threshold.predict(colour)
    with pytest.raises(ModelError, match="not trained"):
        ThresholdSegmenter().predict(colour)


def test_more_structures_than_a_rung_can_tell_apart(discs_cohort: Cohort) -> None:
    many = Legend.from_names({i: f"part {i}" for i in range(1, 30)})
    refusal = ThresholdSegmenter.refusal(replace(discs_cohort, legend=many))
    assert isinstance(refusal, CohortError)
    assert "got 29 structures, expected at most 12. Take the rung 'unet'" in str(refusal)


def test_cases_unlike_each_other_are_named(
    discs_cohort: Cohort, cells_cohort: Cohort, tmp_path: Path
) -> None:
    cases = (*discs_cohort.cases, replace(cells_cohort.cases[0]))
    with pytest.raises(CohortError, match="'cells0' is unlike the others: got 3 channels"):
        ThresholdSegmenter().fit(
            replace(discs_cohort, cases=cases), budget=BUDGET, seed=0, workdir=tmp_path
        )


def test_a_search_ends_with_its_budget() -> None:
    times = iter([0.0, 1.0, 57.5])
    search = Search(["a"], Budget(minutes=1), clock=lambda: next(times))
    assert search.has_time() and not search.has_time()


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 1000), low=st.floats(-1, 1), width=st.floats(0.2, 2))
def test_histograms_find_the_window_that_made_the_mask(seed: int, low: float, width: float) -> None:
    rng = np.random.default_rng(seed)
    values = [rng.normal(0, 1, 4000).astype(np.float32) for _ in range(2)]
    truths = [between(v, (low, low + width)) for v in values]
    score, band = Histograms.of(values, truths, None, (0.0,)).best()
    found = [band.inside(v, None) for v in values]
    reached = np.mean([dice(f, t) for f, t in zip(found, truths, strict=True)])
    # Ends lie on quantiles, half of them of the structure's own values.
    assert reached > 0.93
    assert reached == pytest.approx(score, abs=1e-9)


@pytest.mark.parametrize(("method", "n_parts"), [("otsu", 2), ("otsu", 3), ("li", 2)])
def test_automatic_bands_follow_the_scan(method: str, n_parts: int) -> None:
    rng = np.random.default_rng(0)
    parts = [rng.normal(10 * k, 0.5, 500) for k in range(n_parts)]
    values = np.concatenate(parts).astype(np.float32)
    band = Band(method=method, n_parts=n_parts, first=n_parts - 1, last=n_parts - 1)  # type: ignore[arg-type]
    for scale in (1.0, 50.0):
        inside = band.inside((values * scale + 7).astype(np.float32), None)
        assert inside[-500:].all() and not inside[:-500].any()


def test_hysteresis_keeps_what_is_sure_somewhere() -> None:
    row = np.array([0, 1, 3, 1, 0, 1, 1, 0], np.float32)
    kept = Band(low=1.0, margin=1.0).inside(row, None)
    assert kept.astype(int).tolist() == [0, 1, 1, 1, 0, 0, 0, 0]


def test_flat_scans_have_no_part_of_interest() -> None:
    flat = np.full((8, 8), 3.0, np.float32)
    for method in ("otsu", "li"):
        mask = Band(method=method).inside(flat, None)  # type: ignore[arg-type]
        assert mask.all() or not mask.any()


def test_brightness_is_the_same_on_finer_voxels() -> None:
    coarse = np.random.default_rng(0).normal(size=(24, 24)).astype(np.float32)
    fine = np.repeat(np.repeat(coarse, 3, 0), 3, 1)
    brightness = Brightness(blur=2.5)
    one = brightness.of(View(coarse[None], (3.0, 3.0)), 1)
    other = brightness.of(View(fine[None], (1.0, 1.0)), 1)[1::3, 1::3]
    assert np.corrcoef(one[4:-4, 4:-4].ravel(), other[4:-4, 4:-4].ravel())[0, 1] > 0.98
    unchanged = Brightness(blur=own_blur(3.0)).of(View(coarse[None], (3.0, 3.0)), 1)
    np.testing.assert_array_equal(unchanged, coarse)


def test_departure_knows_no_polarity() -> None:
    values = np.zeros((1, 20, 20), np.float32)
    values[0, :5, :5] = 1.0
    departure = Brightness(scale="departure")
    bright, dark = (departure.of(View(v, (1.0, 1.0)), 1) for v in (values, -values))
    np.testing.assert_allclose(bright, dark)


def test_a_place_is_that_of_other_subjects() -> None:
    left, right = np.zeros((2, 32, 32), np.uint8)
    left[:, :16], right[:, 16:] = 1, 1
    places = [place_of(classes, 2) for classes in (left, left, right)]
    assert places_without_own(places[:2], ["a", "b"]) is None
    means = places_without_own(places, ["a", "b", "c"])
    assert means is not None
    assert means[2][1, 32, 10] == 255 and means[2][1, 32, 50] == 0
    np.testing.assert_array_equal(means[2], mean_place(places[:2]))


@settings(max_examples=20, deadline=None)
@given(
    shape=st.tuples(*[st.integers(1, 300)] * 3),
    spacing=st.tuples(*[st.floats(0.3, 6)] * 3),
    most=st.integers(1000, 1 << 18),
)
def test_sampling_down_keeps_to_the_limit(
    shape: tuple[int, ...], spacing: tuple[float, ...], most: int
) -> None:
    small = shape_within(shape, spacing, most)
    assert np.prod(small) <= most or min(small) == 1
    assert all(1 <= m <= n for m, n in zip(small, shape, strict=True))


def test_large_scans_get_their_mask_on_their_own_grid(
    threshold: ThresholdSegmenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ThresholdSegmenter, "most_voxels", {2: 900, 3: 900})
    unseen = discs(np.random.default_rng(9), (48, 48), n_discs=3, noise=0.05)
    prediction = threshold.predict(as_bytes(unseen.image), keep_probabilities=True)
    assert prediction.labels.grid == unseen.image.grid
    assert dice(prediction.labels.array > 0, unseen.truth.array > 0) > 0.85
