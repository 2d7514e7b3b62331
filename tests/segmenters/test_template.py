"""The mean of labelled scans, fitted to new ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from suffice.core import Budget, Cohort, CohortError, Grid, Image, ModelError
from suffice.segmenters.atlasing import Atlas
from suffice.segmenters.template import TemplateSegmenter
from suffice.segmenters.templating import FITTINGS, mean_template, shares_by_template


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
