from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from suffice.core import Budget, Case, Channel, Cohort, Grid, Image, LabelMap, Legend, ModelError
from suffice.io import write_image, write_mask
from suffice.segmenters.atlas import AtlasSegmenter

LEGEND = Legend.from_names({2: "body", 5: "spot"})


def anatomy(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A body with a spot that is no brighter than the rest: known by where it lies alone."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices((40, 44)).astype(float)
    row, column = rows - 20 - rng.uniform(-3, 3), columns - 22 - rng.uniform(-3, 3)
    down, right = (14, 9) * rng.uniform(0.9, 1.1, 2)
    labels = 2 * (np.hypot(row / down, column / right) < 1).astype(np.uint8)
    labels[np.hypot(row / down - 0.3, column / right) < 0.35] = 5
    grey = 60 + 120 * (labels > 0) + rng.normal(0, 4, labels.shape)
    return np.clip(grey, 0, 255).astype(np.uint8), labels


def cohort(folder: Path, n: int = 4) -> Cohort:
    cases = []
    for i in range(n):
        grey, labels = anatomy(i)
        grid = Grid(grey.shape)
        image, mask = folder / f"{i}.png", folder / f"{i}_mask.png"
        write_image(image, Image(grey[None], grid))
        write_mask(mask, LabelMap(labels, grid, LEGEND))
        cases.append(Case(f"c{i}", f"s{i}", {"image": image}, {"expert": mask}))
    return Cohort("anatomy", folder, (Channel(),), LEGEND, tuple(cases))


def fit(labelled: Cohort, folder: Path) -> AtlasSegmenter:
    return AtlasSegmenter(most_atlases=2).fit(
        labelled, budget=Budget(minutes=5), seed=0, workdir=folder / "work"
    )


@pytest.fixture(scope="module")
def atlas(tmp_path_factory: pytest.TempPathFactory) -> AtlasSegmenter:
    folder = tmp_path_factory.mktemp("anatomy")
    return fit(cohort(folder), folder)


def test_structures_are_found_by_where_they_lie(atlas: AtlasSegmenter, dice) -> None:
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


def test_one_case_is_an_atlas_that_nothing_can_judge(tmp_path: Path) -> None:
    single = fit(cohort(tmp_path, 1), tmp_path)
    assert np.isnan(single.history_[-1]["dice"])
    grey, labels = anatomy(0)
    found = single.predict(Image(grey[None], Grid(grey.shape))).labels.array
    assert (found == labels).mean() > 0.98


def test_scans_that_are_cut_short_are_refused(atlas: AtlasSegmenter, tmp_path: Path) -> None:
    atlas.save(tmp_path / "model")
    np.save(tmp_path / "model" / "scans.npy", np.zeros(7, np.float16))
    with pytest.raises(ModelError, match="are damaged"):
        AtlasSegmenter.load(tmp_path / "model")
