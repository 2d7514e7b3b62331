"""What every rung of the ladder keeps to: one set of laws, over all of them."""

from __future__ import annotations

import functools
import inspect
import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image as Picture

from suffice.core import Budget, Case, Channel, Cohort, CohortError, Legend, SufficeError
from suffice.io import read_case_image
from suffice.segmenters import RUNGS, Segmenter, load_segmenter
from suffice.training import loop, machine

SECONDS = 2.0
# Exact in binary, so that sums of ticks do not differ by where they began.
TICK_S = 0.125
COHORTS = ("volumes", "pictures")


@pytest.fixture(autouse=True, scope="module")
def counted_time() -> Iterator[None]:
    """Let time go on by a tick each time that it is asked for: budgets then count steps.

    On one core, and in single precision, so that machines agree.
    """
    ticks = itertools.count()

    def clock() -> float:
        return TICK_S * next(ticks)

    with pytest.MonkeyPatch.context() as patch:
        for name in ("monotonic", "perf_counter"):
            patch.setattr(time, name, clock)
        patch.setattr(machine, "usable_cores", lambda: 1)
        patch.setattr(machine, "faster_cpu_precision", lambda: "32-true")
        patch.setitem(loop.train.__kwdefaults__, "clock", clock)
        yield


@pytest.fixture(scope="module")
def cohorts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Cohort]:
    return {
        "volumes": _volumes(tmp_path_factory.mktemp("volumes")),
        "pictures": _pictures(tmp_path_factory.mktemp("pictures")),
    }


def _volumes(folder: Path) -> Cohort:
    """Bright balls in volumes that lie flipped, with axes exchanged and oblique; one is empty."""
    turn = np.deg2rad(20)
    oblique = np.eye(3)
    oblique[:2, :2] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    directions = [np.diag([-1.0, 1, 1]), np.eye(3)[[2, 0, 1]], oblique, np.diag([1.0, -1, -1])]
    cases = []
    for i, direction in enumerate(directions):
        rng = np.random.default_rng(i)
        axes = np.indices((20, 18, 16))
        centre = rng.uniform(7, 10, size=(3, 1, 1, 1))
        ball = (((axes - centre) ** 2).sum(0) <= 25) & (i != 3)
        affine = np.eye(4)
        affine[:3, :3] = direction * np.array([1.0, 1.0, 1.5])
        affine[:3, 3] = rng.uniform(-50, 50, 3)
        scan = (100 * ball + rng.normal(0, 10, ball.shape)).astype(np.float32)
        image, mask = folder / f"v{i}.nii.gz", folder / f"v{i}_mask.nii.gz"
        nib.save(nib.Nifti1Image(scan, affine), image)
        nib.save(nib.Nifti1Image(ball.astype(np.uint8), affine), mask)
        cases.append(Case(f"v{i}", f"s{i}", {"image": image}, {"expert": mask}))
    legend = Legend.from_names({1: "ball"})
    return Cohort("volumes", folder, (Channel(modality="MR"),), legend, tuple(cases))


def _pictures(folder: Path) -> Cohort:
    """A bright and a dark disc, with values that are not 1 and 2; one lacks the dark one.

    Two raters drew them, the second a little to the right.
    """
    cases = []
    for i in range(5):
        rng = np.random.default_rng(i)
        y, x = np.indices((48, 56))
        labels = np.zeros((48, 56), np.uint8)
        labels[np.hypot(y - 16 - rng.uniform(-2, 2), x - 16) < 8] = 2
        if i != 3:
            labels[np.hypot(y - 32, x - 40 - rng.uniform(-2, 2)) < 7] = 7
        grey = 120 + 90.0 * (labels == 2) - 90.0 * (labels == 7) + rng.normal(0, 8, labels.shape)
        image, mask = folder / f"p{i}.png", folder / f"p{i}_mask.png"
        Picture.fromarray(np.clip(grey, 0, 255).astype(np.uint8)).save(image)
        second = folder / f"p{i}_second.png"
        Picture.fromarray(labels).save(mask)
        Picture.fromarray(np.roll(labels, 1, axis=1)).save(second)
        masks = {"expert": mask, "second": second}
        cases.append(Case(f"p{i}", f"s{i}", {"image": image}, masks))
    legend = Legend.from_names({2: "bright", 7: "dark"})
    return Cohort("pictures", folder, (Channel(modality="XR"),), legend, tuple(cases))


def fit(rung: str, labelled: Cohort, workdir: Path, seed: int = 0) -> Segmenter:
    budget = Budget(minutes=SECONDS / 60)
    return RUNGS[rung]().fit(labelled, budget=budget, seed=seed, workdir=workdir)


@dataclass(frozen=True)
class Fitted:
    rung: str
    cohort: Cohort
    segmenter: Segmenter

    @property
    def image(self):
        return read_case_image(self.cohort, self.cohort.cases[2])


@pytest.fixture(scope="module")
def fit_once(
    cohorts: dict[str, Cohort], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, str], Fitted]:
    @functools.cache
    def make(rung: str, name: str) -> Fitted:
        workdir = tmp_path_factory.mktemp("fit")
        return Fitted(rung, cohorts[name], fit(rung, cohorts[name], workdir))

    return make


@pytest.fixture(params=list(itertools.product(RUNGS, COHORTS)), ids="-".join)
def fitted(
    request: pytest.FixtureRequest,
    cohorts: dict[str, Cohort],
    fit_once: Callable[[str, str], Fitted],
) -> Fitted:
    rung, name = request.param
    refusal = RUNGS[rung].refusal(cohorts[name])
    if refusal is not None:
        pytest.skip(f"{rung} does not apply: {refusal}")
    return fit_once(rung, name)


def saved(segmenter: Segmenter, folder: Path) -> dict[str, bytes]:
    segmenter.save(folder)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_it_says_what_it_is(fitted: Fitted) -> None:
    assert fitted.segmenter.rung == fitted.rung
    assert fitted.segmenter.legend_ == fitted.cohort.legend
    assert fitted.segmenter.channels_ == fitted.cohort.channels
    assert {"step", "seconds"} <= set(fitted.segmenter.history_[0])


def test_masks_lie_on_the_grid_of_their_image(fitted: Fitted) -> None:
    for case in fitted.cohort.cases:
        image = read_case_image(fitted.cohort, case)
        labels = fitted.segmenter.predict(image).labels
        image.grid.require_match(labels.grid, "the image", "its mask")
        assert set(np.unique(labels.array)) <= {0, *fitted.cohort.legend.values}


def test_probabilities_go_with_the_mask(fitted: Fitted) -> None:
    image = fitted.image
    prediction = fitted.segmenter.predict(image, keep_probabilities=True)
    probabilities = prediction.probabilities
    assert probabilities is not None and probabilities.dtype == np.float16
    assert probabilities.shape == (fitted.cohort.legend.n_classes, *image.grid.shape)
    np.testing.assert_allclose(probabilities.astype(np.float32).sum(0), 1, atol=5e-3)
    without = fitted.segmenter.predict(image)
    assert without.probabilities is None
    # Half precision draws a border between equals where it likes.
    assert (without.labels.array == prediction.labels.array).mean() > 0.99


def test_prediction_changes_nothing(fitted: Fitted, tmp_path: Path) -> None:
    image = fitted.image
    before, pixels = saved(fitted.segmenter, tmp_path / "before"), image.array.copy()
    first, second = (fitted.segmenter.predict(image).labels.array for _ in range(2))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(image.array, pixels)
    assert saved(fitted.segmenter, tmp_path / "after") == before


def test_saved_and_loaded_it_is_the_same(fitted: Fitted, tmp_path: Path) -> None:
    written = saved(fitted.segmenter, tmp_path / "a")
    loaded = load_segmenter(tmp_path / "a")
    assert type(loaded) is RUNGS[fitted.rung]
    assert saved(loaded, tmp_path / "b") == written
    np.testing.assert_array_equal(
        loaded.predict(fitted.image).labels.array,
        fitted.segmenter.predict(fitted.image).labels.array,
    )


@pytest.mark.parametrize("rung", RUNGS)
def test_the_same_seed_gives_the_same_model(
    rung: str,
    cohorts: dict[str, Cohort],
    fit_once: Callable[[str, str], Fitted],
    tmp_path: Path,
) -> None:
    fitted = fit_once(rung, next(n for n in COHORTS if RUNGS[rung].refusal(cohorts[n]) is None))
    again = fit(fitted.rung, fitted.cohort, tmp_path / "work")
    parts = []
    for name, segmenter in (("first", fitted.segmenter), ("again", again)):
        files = saved(segmenter, tmp_path / name)
        files.pop("history.csv")  # which tells how long each step took
        parts.append(files)
    assert parts[0] == parts[1]


@pytest.mark.parametrize("rung", RUNGS)
def test_making_one_only_stores(rung: str) -> None:
    made = RUNGS[rung]()
    learned = [name for name in vars(made) if name.endswith("_")]
    assert learned == []
    for name, parameter in inspect.signature(RUNGS[rung]).parameters.items():
        assert getattr(made, name) is parameter.default


@pytest.mark.parametrize("rung", RUNGS)
def test_every_rung_applies_somewhere(rung: str, cohorts: dict[str, Cohort]) -> None:
    assert any(RUNGS[rung].refusal(cohort) is None for cohort in cohorts.values())


@pytest.mark.parametrize("name", COHORTS)
@pytest.mark.parametrize("rung", RUNGS)
def test_a_refusal_has_a_cure_and_is_what_fit_raises(
    rung: str, name: str, cohorts: dict[str, Cohort], tmp_path: Path
) -> None:
    cohort = cohorts[name]
    bare = Case("bare", "bare", cohort.cases[0].images)
    with_bare = Cohort(
        cohort.name, cohort.root, cohort.channels, cohort.legend, (*cohort.cases, bare)
    )
    for refused in (cohort, with_bare, cohort.subset(())):
        refusal = RUNGS[rung].refusal(refused)
        if refused is cohort and refusal is None:
            continue
        assert isinstance(refusal, CohortError) and refusal.cure
        with pytest.raises(SufficeError) as raised:
            fit(rung, refused, tmp_path / "work")
        assert str(raised.value) == str(refusal)
