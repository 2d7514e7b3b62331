"""The mean of labelled scans, fitted to new ones."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from suffice.core import Budget, Cohort, CohortError, Grid, Image, ModelError, silent
from suffice.segmenters.atlasing import Atlas
from suffice.segmenters.searching import Search
from suffice.segmenters.template import LEAST_SUBJECTS, TemplateSegmenter
from suffice.segmenters.templating import (
    FITTINGS,
    best_fitting,
    mean_template,
    shares_by_template,
)


def fit(labelled: Cohort, folder: Path) -> TemplateSegmenter:
    return TemplateSegmenter().fit(
        labelled, budget=Budget(minutes=5), seed=0, workdir=folder / "work"
    )


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, anatomy_cohort) -> TemplateSegmenter:
    folder = tmp_path_factory.mktemp("anatomy")
    return fit(anatomy_cohort(folder, 6), folder)


def disk(shift: tuple[float, float], radius: float = 9.0) -> Atlas:
    y, x = np.mgrid[:48, :40]
    inside = (y - 24 - shift[0]) ** 2 + (x - 20 - shift[1]) ** 2 < radius**2
    noise = np.random.default_rng(0).normal(0, 0.05, inside.shape)
    return Atlas((inside + noise).astype(np.float32), (1.0, 1.0), inside.astype(np.uint8))


def test_a_mean_of_moved_scans_is_sharp_and_lies_on_the_next_one(dice) -> None:
    atlases = [disk(shift) for shift in ((3, 2), (-3, 1), (2, -4), (-1, -2), (0, 3))]
    found = mean_template(atlases, 2)
    np.testing.assert_allclose(found.shares.sum(axis=0), 1, atol=1e-5)

    def unsure(share: np.ndarray) -> int:
        return int(((share > 0.1) & (share < 0.9)).sum())

    # Brought onto each other, they hardly differ.
    as_they_lie = np.mean([atlas.classes for atlas in atlases], axis=0)
    assert unsure(found.shares[1]) < 0.4 * unsure(as_they_lie)
    new = disk((-4, 4))
    for fitting in FITTINGS:
        shares = shares_by_template(new.scan, new.spacing, found, fitting)
        assert dice(shares.argmax(axis=0) == 1, new.classes == 1) > 0.9


def test_where_too_few_scans_reach_there_is_nothing() -> None:
    """A scan of a wider field would else stand in the border of the mean by itself."""
    rng = np.random.default_rng(3)
    wide = disk((0, 0))
    frame = np.ones(wide.scan.shape, bool)
    frame[6:-6, 6:-6] = False
    texture = rng.normal(0, 0.5, frame.shape).astype(np.float32)
    wide = Atlas(np.where(frame, texture, wide.scan), wide.spacing, wide.classes)
    inner = (slice(8, 40), slice(6, 34))
    crops = []
    for _ in range(5):
        whole = disk((float(rng.uniform(-1, 1)), float(rng.uniform(-1, 1))))
        crops.append(Atlas(whole.scan[inner], (1.0, 1.0), whole.classes[inner]))
    # Two wide ones make the median grid reach as far; the crops are five.
    atlases = [wide, disk((1, 0)), wide, disk((0, 1)), wide, disk((1, 1)), *crops]
    edges = np.s_[:2, :]
    for least, is_blank in ((1, False), (7, True)):
        found = mean_template(atlases, 2, least=least)
        assert found.scan.shape == wide.scan.shape
        assert bool(np.ptp(found.scan[edges]) == 0) is is_blank
        assert found.shares[1].sum() > 0.7 * wide.classes.sum()


def test_each_subject_counts_once_however_many_scans_it_has(anatomy_cohort, tmp_path: Path) -> None:
    cohort = anatomy_cohort(tmp_path, 12)
    cases = tuple(
        dataclasses.replace(case, subject=f"s{max(0, i - 7)}")
        for i, case in enumerate(cohort.cases)
    )
    many_of_one = dataclasses.replace(cohort, cases=cases)
    search = Search(("bright",), Budget(minutes=5))
    for seed in range(4):
        read = TemplateSegmenter()._read(many_of_one, seed, search, silent)
        assert sorted(sample.subject for sample in read) == ["s0", "s1", "s2", "s3", "s4"]


def test_copies_under_several_names_are_one_scan(anatomy_cohort, tmp_path: Path) -> None:
    cohort = anatomy_cohort(tmp_path, 5)
    first = cohort.cases[0]
    copies = tuple(
        dataclasses.replace(case, images=first.images, masks=first.masks) for case in cohort.cases
    )
    with pytest.raises(CohortError, match=r"got 1 that differ.*suffice check"):
        fit(dataclasses.replace(cohort, cases=copies), tmp_path)


def test_time_that_runs_out_makes_no_mean_of_fewer(anatomy_cohort, tmp_path: Path) -> None:
    search = Search(("bright",), Budget(minutes=1e-9))
    read = TemplateSegmenter()._read(anatomy_cohort(tmp_path, 7), 0, search, silent)
    assert len(read) == LEAST_SUBJECTS


def test_a_template_that_finds_nothing_says_zero() -> None:
    rng = np.random.default_rng(0)
    atlases = []
    for i in range(6):
        classes = np.zeros((24, 24), np.uint8)
        classes[4 + i % 3, 4 + i // 3] = 1
        atlases.append(Atlas(rng.normal(size=(24, 24)).astype(np.float32), (1.0, 1.0), classes))
    search = Search(("point",), Budget(minutes=5))
    best_fitting(atlases, [f"s{i}" for i in range(6)], ("point",), search)
    assert search.history and search.history[-1]["dice"] < 0.5


def test_structures_are_found_by_where_they_lie(template: TemplateSegmenter, anatomy, dice) -> None:
    grey, labels = anatomy(99)
    found = template.predict(Image(grey[None], Grid(grey.shape)), keep_probabilities=True)
    assert dice(found.labels.array == 2, labels == 2) > 0.9
    assert dice(found.labels.array == 5, labels == 5) > 0.75
    np.testing.assert_allclose(found.probabilities.astype(float).sum(axis=0), 1, atol=5e-3)


def test_the_history_says_what_cases_outside_the_template_gave(
    template: TemplateSegmenter,
) -> None:
    last = template.history_[-1]
    assert last["dice"] > 0.8
    assert last["seconds_per_image"] > 0
    assert template.parameters_.fitting in FITTINGS


def test_the_model_holds_no_scan_but_their_mean(
    template: TemplateSegmenter, anatomy, tmp_path: Path
) -> None:
    template.save(tmp_path / "model")
    loaded = TemplateSegmenter.load(tmp_path / "model")
    grey, _ = anatomy(7)
    image = Image(grey[None], Grid(grey.shape))
    np.testing.assert_array_equal(
        loaded.predict(image).labels.array, template.predict(image).labels.array
    )
    sizes = {path.name: path.stat().st_size for path in (tmp_path / "model").glob("*.npy")}
    one_scan = 2 * int(np.prod(template.parameters_.shape))
    assert sizes["scan.npy"] < one_scan + 1000


def test_too_few_subjects_for_a_mean_are_refused(anatomy_cohort, tmp_path: Path) -> None:
    with pytest.raises(CohortError, match=r"got 4 labelled subjects.*'atlas'"):
        fit(anatomy_cohort(tmp_path, 4), tmp_path)


def test_without_time_to_try_it_nothing_is_said_of_it(anatomy_cohort, tmp_path: Path) -> None:
    hurried = TemplateSegmenter().fit(
        anatomy_cohort(tmp_path, 5), budget=Budget(minutes=1e-4), seed=0, workdir=tmp_path / "work"
    )
    assert np.isnan(hurried.history_[-1]["dice"])


def test_a_template_that_is_cut_short_is_refused(
    template: TemplateSegmenter, tmp_path: Path
) -> None:
    template.save(tmp_path / "model")
    np.save(tmp_path / "model" / "scan.npy", np.zeros((7, 7), np.float16))
    with pytest.raises(ModelError, match="is damaged"):
        TemplateSegmenter.load(tmp_path / "model")
