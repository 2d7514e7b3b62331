"""The YOLO rung: objects of pictures, weights to start from, model folders."""

import functools
import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

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
from suffice.io import read_case_image, write_image, write_instances, write_mask
from suffice.nets.yolo import Yolo, YoloShape
from suffice.nets.yolo.names import published_name
from suffice.segmenters import yolo as yolo_module
from suffice.segmenters.objects import drawn_objects
from suffice.segmenters.yolo import YoloSegmenter
from suffice.training.machine import Machine

CPU = Machine(n_cores=1, memory_gb=8.0, accelerator="cpu", precision="32-true")

Notes = list[str]
Fit = Callable[..., tuple[YoloSegmenter, Notes]]


@pytest.fixture(scope="module")
def touching(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """Two grey pictures; of the first, two squares that touch were told apart."""
    folder = tmp_path_factory.mktemp("touching")
    legend = Legend.from_names({3: "cell", 7: "clump"})
    cases = []
    for i in range(2):
        numbers = np.zeros((40, 48), np.int32)
        numbers[4:20, 4:20], numbers[4:20, 20:36], numbers[25:37, 10:30] = 5, 9, 2
        values = np.where(numbers == 2, 7, np.where(numbers > 0, 3, 0)).astype(np.uint8)
        grid = Grid(numbers.shape)
        noise = np.random.default_rng(i).normal(0, 5, numbers.shape)
        image = ((numbers > 0) * 100 + 80 + noise).astype(np.uint8)
        paths = [folder / f"{kind}{i}.png" for kind in ("image", "mask", "objects")]
        write_image(paths[0], Image(image[None], grid))
        write_mask(paths[1], LabelMap(values, grid, legend))
        write_instances(paths[2], numbers, grid)
        maps = {"expert": paths[2]} if i == 0 else {}
        cases.append(
            Case(f"c{i}", f"s{i}", {"image": paths[0]}, {"expert": paths[1]}, instance_maps=maps)
        )
    return Cohort("touching", folder, (Channel(),), legend, tuple(cases))


@pytest.fixture
def fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fit:
    """Fit by two steps, however busy the machine."""

    def counted(*arguments: object, **options: object) -> object:
        ticks = itertools.count()
        return train(*arguments, clock=lambda: 0.3 * next(ticks), **{**options, "seconds": 1.0})

    train = functools.partial(yolo_module.train_instances)
    monkeypatch.setattr(yolo_module, "train_instances", counted)
    monkeypatch.setattr(yolo_module, "detect_machine", lambda: CPU)

    def run(
        cohort: Cohort, *, work: str = "work", **options: object
    ) -> tuple[YoloSegmenter, Notes]:
        notes: Notes = []
        segmenter = YoloSegmenter(**options).fit(  # type: ignore[arg-type]
            cohort,
            budget=Budget(minutes=1 / 60),
            seed=0,
            workdir=tmp_path / work,
            listener=lambda progress: notes.append(progress.note),
        )
        return segmenter, notes

    return run


def test_objects_are_those_of_the_map_else_components(touching: Cohort) -> None:
    told, components = (drawn_objects(touching, case) for case in touching.cases)
    assert told.were_apart and not components.were_apart
    assert sorted(told.classes.tolist()) == [0, 0, 1]
    assert components.classes.tolist() == [0, 1]
    assert told.boxes[1].tolist() == [[4, 20], [4, 20]]


def test_a_model_folder(touching: Cohort, fit: Fit, tmp_path: Path) -> None:
    segmenter, notes = fit(touching)
    assert any("connected components are taken for objects" in note for note in notes)
    assert segmenter.notes_[-1].startswith("1 of 2 cases have no map of instances")
    assert segmenter.notes_[-2].startswith("objects from a score of ")
    assert segmenter.history_[-1]["least_score"] == segmenter.plan_.least_score
    segmenter.save(tmp_path / "a")
    segmenter.save(tmp_path / "b")
    loaded = YoloSegmenter.load(tmp_path / "a")
    loaded.save(tmp_path / "c")
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
        assert path.read_bytes() == (tmp_path / "c" / path.name).read_bytes()
    image = read_case_image(touching, touching.cases[0])
    found = loaded.predict_instances(image, least_score=0.0)
    assert found.instances.shape == image.grid.shape and found.instances.dtype == np.int32
    assert found.instances.max() == len(found.scores) == len(found.values)
    assert set(found.values.tolist()) <= {3, 7}
    predicted = loaded.predict(image, keep_probabilities=True)
    assert predicted.labels.grid == image.grid
    assert predicted.probabilities is not None and predicted.instances is not None
    np.testing.assert_array_equal(predicted.instances > 0, predicted.labels.array > 0)
    np.testing.assert_allclose(predicted.probabilities.sum(0, dtype=np.float32), 1.0, atol=5e-3)
    (tmp_path / "a" / "weights.safetensors").write_bytes(b"damaged")
    with pytest.raises(ModelError, match="damaged or do not fit"):
        YoloSegmenter.load(tmp_path / "a")
    with pytest.raises(ModelError, match="got 3 channels, expected 1"):
        loaded.predict(replace(image, array=np.repeat(image.array, 3, axis=0)))


def test_published_weights(touching: Cohort, fit: Fit, tmp_path: Path) -> None:
    torch.manual_seed(0)
    state = Yolo(YoloShape(n_classes=80)).state_dict()
    weights = {published_name(name): array for name, array in state.items()}
    weights["model.22.dfl.conv.weight"] = torch.arange(16.0)
    path = tmp_path / "yolov8n-seg.pt"
    torch.save({"model": weights}, path)
    segmenter, notes = fit(touching, init=path)
    account = next(note for note in notes if "arrays of weights" in note)
    assert "410 of 416 arrays of weights were taken" in account and "AGPL-3.0" in account
    assert segmenter.plan_.started_from == account
    assert segmenter.plan_.class_width == 80


def test_volumes_are_refused(tiny_cohort: Cohort) -> None:
    refusal = YoloSegmenter.refusal(tiny_cohort.labelled())
    assert isinstance(refusal, CohortError)
    assert "pictures: got 'case0.nii.gz'" in str(refusal) and "unet" in str(refusal)


def test_masks_are_needed(tiny_cohort: Cohort) -> None:
    assert "needs cases with masks" in str(YoloSegmenter.refusal(tiny_cohort))
