from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from suffice.core import (
    Budget,
    Case,
    Channel,
    Cohort,
    CohortError,
    Grid,
    Image,
    LabelMap,
    Legend,
    ModelError,
)
from suffice.io import read_image, read_mask, write_image, write_mask
from suffice.segmenters import forest as forest_module
from suffice.segmenters import forest_stages
from suffice.segmenters.forest import ForestSegmenter
from suffice.segmenters.searching import Search

LEGEND = Legend.from_names({3: "grainy"})


def textures(seed: int, size: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """A grainy disc and a smooth ground of the same mean brightness."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices((size, size))
    centre = rng.uniform(0.35 * size, 0.65 * size, 2)
    inside = np.hypot(rows - centre[0], columns - centre[1]) < 0.34 * size
    grey = np.where(inside, 40.0, 6.0) * rng.normal(size=(size, size))
    return np.clip(128 + grey, 0, 255).astype(np.uint8), inside


def cohort(folder: Path, n: int = 4, *, empty: bool = False) -> Cohort:
    cases = []
    for i in range(n):
        grey, inside = textures(i)
        grid = Grid(grey.shape)
        image, mask = folder / f"{i}.png", folder / f"{i}_mask.png"
        write_image(image, Image(grey[None], grid))
        write_mask(mask, LabelMap((3 * inside * (not empty)).astype(np.uint8), grid, LEGEND))
        cases.append(Case(f"c{i}", f"s{i}", {"image": image}, {"expert": mask}))
    return Cohort("textures", folder, (Channel(),), LEGEND, tuple(cases))


def fit(labelled: Cohort, folder: Path, minutes: float = 5.0) -> ForestSegmenter:
    return ForestSegmenter().fit(
        labelled, budget=Budget(minutes=minutes), seed=0, workdir=folder / "work"
    )


@pytest.fixture(scope="module")
def forest(tmp_path_factory: pytest.TempPathFactory) -> ForestSegmenter:
    folder = tmp_path_factory.mktemp("textures")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forest_stages, "N_ROUNDS", 20)
        return fit(cohort(folder), folder)


def test_textures_of_one_brightness_are_told_apart(forest: ForestSegmenter, dice) -> None:
    grey, inside = textures(99)
    found = forest.predict(Image(grey[None], Grid(grey.shape))).labels.array
    assert dice(found == 3, inside) > 0.95
    assert forest.history_[-1]["dice"] > 0.95


def test_a_grey_picture_in_a_colour_file_is_one_channel(tmp_path: Path) -> None:
    labelled = cohort(tmp_path, 2)
    for case in labelled.cases:
        grey, _ = textures(int(case.name[1:]))
        case.images["image"].unlink()
        write_image(case.images["image"], Image(np.stack([grey] * 3), Grid(grey.shape)))
    assert fit(labelled, tmp_path, minutes=1e-4).parameters_.used == (0,)


def test_empty_masks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CohortError, match="nothing is drawn"):
        fit(cohort(tmp_path, 2, empty=True), tmp_path)


def test_damaged_trees_are_refused(forest: ForestSegmenter, tmp_path: Path) -> None:
    forest.save(tmp_path / "model")
    np.save(tmp_path / "model" / "stage1_left.npy", np.zeros(3, np.int32))
    with pytest.raises(ModelError, match="cannot be read"):
        ForestSegmenter.load(tmp_path / "model")


def two_sides(folder: Path, n: int) -> Cohort:
    """Two structures that nothing but their place tells apart."""
    legend = Legend.from_names({1: "left", 2: "right"})
    rows, columns = np.indices((40, 400))
    cases = []
    for i in range(n):
        rng = np.random.default_rng(i)
        middle = 20 + rng.uniform(-4, 4)
        classes = np.zeros(rows.shape, np.uint8)
        for value, column in ((1, 130), (2, 270)):
            centre = column + rng.uniform(-4, 4)
            classes[np.hypot(rows - middle, columns - centre) < 8] = value
        grey = np.clip(60 + 90 * (classes > 0) + rng.normal(0, 12, classes.shape), 0, 255)
        grid = Grid(classes.shape)
        image, mask = folder / f"{i}.png", folder / f"{i}_mask.png"
        write_image(image, Image(grey.astype(np.uint8)[None], grid))
        write_mask(mask, LabelMap(classes, grid, legend))
        cases.append(Case(f"c{i}", f"s{i}", {"image": image}, {"expert": mask}))
    return Cohort("sides", folder, (Channel(),), legend, tuple(cases))


def test_left_and_right_are_told_apart_however_short_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dice
) -> None:
    labelled = two_sides(tmp_path, 6)
    monkeypatch.setattr(forest_stages, "N_ROUNDS", 20)
    monkeypatch.setattr(forest_module, "_SCALES", {2: (0.7, 1.5)})
    # The time ends when the cases are read, which may take half of it.
    monkeypatch.setattr(Search, "has_time", lambda self, part=1.0: part <= 0.5)
    found = fit(labelled, tmp_path)
    unseen = two_sides(tmp_path / "unseen", 7).cases[-1]
    classes = found.predict(read_image(unseen.images["image"])).labels.array
    truth = read_mask(unseen.masks["expert"], labelled.legend).array
    assert min(dice(classes == k, truth == k) for k in (1, 2)) > 0.9
