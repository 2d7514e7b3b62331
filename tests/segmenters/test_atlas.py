from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from suffice.core import Budget, Cohort, Grid, Image, ModelError
from suffice.segmenters.atlas import AtlasSegmenter


def fit(labelled: Cohort, folder: Path) -> AtlasSegmenter:
    return AtlasSegmenter(most_atlases=2).fit(
        labelled, budget=Budget(minutes=5), seed=0, workdir=folder / "work"
    )


@pytest.fixture(scope="module")
def atlas(tmp_path_factory: pytest.TempPathFactory, anatomy_cohort) -> AtlasSegmenter:
    folder = tmp_path_factory.mktemp("anatomy")
    return fit(anatomy_cohort(folder), folder)


def test_structures_are_found_by_where_they_lie(atlas: AtlasSegmenter, anatomy, dice) -> None:
    grey, labels = anatomy(99)
    found = atlas.predict(Image(grey[None], Grid(grey.shape))).labels.array
    assert dice(found == 2, labels == 2) > 0.9
    assert dice(found == 5, labels == 5) > 0.8


def test_the_history_says_what_left_out_cases_gave_and_how_long_a_scan_takes(
    atlas: AtlasSegmenter,
) -> None:
    last = atlas.history_[-1]
    assert last["dice"] > 0.85
    assert last["seconds_per_image"] > 0


def test_one_case_is_an_atlas_that_nothing_can_judge(
    anatomy, anatomy_cohort, tmp_path: Path
) -> None:
    single = fit(anatomy_cohort(tmp_path, 1), tmp_path)
    assert np.isnan(single.history_[-1]["dice"])
    grey, labels = anatomy(0)
    found = single.predict(Image(grey[None], Grid(grey.shape))).labels.array
    assert (found == labels).mean() > 0.98


def test_scans_that_are_cut_short_are_refused(atlas: AtlasSegmenter, tmp_path: Path) -> None:
    atlas.save(tmp_path / "model")
    np.save(tmp_path / "model" / "scans.npy", np.zeros(7, np.float16))
    with pytest.raises(ModelError, match="are damaged"):
        AtlasSegmenter.load(tmp_path / "model")
