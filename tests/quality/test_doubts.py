"""What speaks against a mask."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from suffice.core import FileFormatError, Grid, Image, LabelMap, Legend
from suffice.quality import (
    DOUBTS,
    HeldBack,
    Likeness,
    Quality,
    case_traits,
    changed_images,
    doubts_about,
    read_quality,
    rounded,
    write_quality,
)

LEGEND = Legend.from_names({2: "ball", 5: "other"})


def phantom(
    seed: int, *, radius: float = 6.0, spacing: float = 1.0, gain: float = 1.0
) -> tuple[Image, LabelMap]:
    """A bright ball on noise in a cube of 24 mm; the same in mm, whatever the spacing."""
    n = round(24 / spacing)
    grid = Grid.from_spacing((n, n, n), (spacing,) * 3)
    axes = (np.stack(np.meshgrid(*[np.arange(n)] * 3, indexing="ij")) + 0.5) * spacing
    ball = ((axes - 12) ** 2).sum(0) <= radius**2
    noise = np.random.default_rng(seed).normal(0, 5, ball.shape)
    scan = gain * (100 * ball + noise).astype(np.float32)
    return Image(scan[None], grid, "MR"), LabelMap((2 * ball).astype(np.uint8), grid, LEGEND)


@pytest.fixture(scope="module")
def likeness() -> Likeness:
    radii = (5.6, 5.8, 6.0, 6.2, 6.4)
    return Likeness(tuple(case_traits(*phantom(i, radius=r)) for i, r in enumerate(radii)))


def test_a_mask_like_those_learned_from_is_not_odd(likeness: Likeness) -> None:
    image, mask = phantom(9)
    found = doubts_about(image, mask, likeness)
    assert found["other"] == {}
    assert all(found["ball"][name] < np.log(4) for name in found["ball"])
    assert found["ball"]["pieces"] == 0


def test_each_doubt_sees_its_own_fault(likeness: Likeness) -> None:
    image, mask = phantom(9)
    usual = doubts_about(image, mask, likeness)["ball"]
    small = doubts_about(image, phantom(9, radius=3)[1], likeness)["ball"]
    assert small["odd_size"] > usual["odd_size"] + 1
    shifted = replace(mask, array=np.roll(mask.array, 9, axis=0))
    assert doubts_about(image, shifted, likeness)["ball"]["odd_brightness"] > 1
    holed = mask.array * (np.random.default_rng(0).random(mask.array.shape) > 0.3)
    assert doubts_about(image, replace(mask, array=holed), likeness)["ball"]["odd_outline"] > 2
    split = mask.array.copy()
    split[12] = 0
    assert doubts_about(image, replace(mask, array=split), likeness)["ball"]["pieces"] > 0.6
    other = replace(image, array=image.array**3)
    assert doubts_about(other, mask, likeness)["ball"]["odd_scan"] > usual["odd_scan"] + 1


def test_brightness_counts_in_the_scans_own_range(likeness: Likeness) -> None:
    one = doubts_about(*phantom(9), likeness)["ball"]
    other = doubts_about(*phantom(9, gain=37.0), likeness)["ball"]
    assert other == pytest.approx(one, abs=1e-4)


def test_size_and_outline_hardly_hang_on_the_grid() -> None:
    fine, coarse = (case_traits(*phantom(0, spacing=s)).structures["ball"] for s in (0.5, 1.0))
    assert fine.log_size == pytest.approx(coarse.log_size, abs=0.05)
    assert fine.outline == pytest.approx(coarse.outline, abs=0.05)


def test_a_cube_has_no_outline_to_speak_of() -> None:
    array = np.zeros((8, 8, 8), np.uint8)
    array[2:5, 2:5, 2:5] = 2
    grid = Grid.from_spacing(array.shape, (2.0, 2.0, 2.0))
    image = Image(np.arange(512, dtype=np.float32).reshape(1, 8, 8, 8), grid)
    ball = case_traits(image, LabelMap(array, grid, LEGEND)).structures["ball"]
    assert ball.outline == pytest.approx(0, abs=1e-12)
    assert ball.log_size == pytest.approx(np.log(27 * 8))
    assert ball.n_pieces == 1


def test_unsureness_is_of_the_probabilities(likeness: Likeness) -> None:
    image, mask = phantom(9)
    inside = mask.array == 2

    def probabilities(sure: float) -> np.ndarray:
        ball = np.where(inside, sure, 1 - sure)
        return np.stack([1 - ball, ball, 0 * ball]).astype(np.float16)

    found = [
        doubts_about(image, mask, likeness, probabilities=probabilities(s))["ball"]
        for s in (1.0, 0.99, 0.9)
    ]
    assert found[0]["unsure"] == 0 and found[0]["blurred"] == 0
    for name in ("unsure", "blurred"):
        assert found[0][name] < found[1][name] < found[2][name]
    sure = float(np.float16(0.9))
    n = inside.sum()
    expected = 2 * sure * n / (n + sure * n + float(np.float16(0.1)) * (inside.size - n))
    assert found[2]["unsure"] == pytest.approx(1 - expected, rel=1e-4)


def test_what_changes_with_the_image_is_unstable(likeness: Likeness) -> None:
    image, mask = phantom(9)
    empty = replace(mask, array=np.zeros_like(mask.array))
    found = doubts_about(image, mask, likeness, others=[mask, empty])["ball"]
    assert found["unstable"] == 0.5
    assert set(found) <= set(DOUBTS)


@pytest.mark.parametrize("dtype", [np.float32, np.uint8, np.int16])
def test_changed_images_stay_near_and_in_place(dtype: type) -> None:
    image, _ = phantom(9)
    image = replace(image, array=np.clip(image.array + 20, 0, 255).astype(dtype))
    lighter, darker = changed_images(image, np.random.default_rng(0))
    for changed in (lighter, darker):
        assert changed.array.dtype == dtype and changed.grid == image.grid
        both = np.corrcoef(image.array.ravel(), changed.array.ravel())
        assert both[0, 1] > 0.9
    assert lighter.array.mean() > image.array.mean() > darker.array.mean()
    again = changed_images(image, np.random.default_rng(0))
    np.testing.assert_array_equal(again[1].array, darker.array)


def test_a_flat_image_has_nothing_to_change() -> None:
    image = Image(np.full((1, 4, 4), 3.0, np.float32), Grid((4, 4)))
    for changed in changed_images(image, np.random.default_rng(0)):
        np.testing.assert_array_equal(changed.array, image.array)


def test_quality_is_kept_as_numbers_without_names(
    tmp_path: Path, likeness: Likeness, make_cases
) -> None:
    held_back = make_cases(np.random.default_rng(0), 6, visits=2)
    path = tmp_path / "quality.json"
    write_quality(path, Quality(likeness, tuple(held_back), mirror=True))
    text = path.read_text(encoding="utf-8")
    assert "subject1" not in text and "case" not in text
    found = read_quality(path)
    assert found is not None and found.mirror
    assert [rounded(h.doubts) for h in held_back] == [h.doubts for h in found.held_back]
    new = held_back[0].doubts
    before = Quality(likeness, tuple(held_back)).judge.estimate(new)
    for one, other in zip(before, found.judge.estimate(new), strict=True):
        assert other.dice == pytest.approx(one.dice, abs=1e-4)
        assert other.low == pytest.approx(one.low, abs=1e-3)
    image, mask = phantom(9)
    one, other = (doubts_about(image, mask, k)["ball"] for k in (likeness, found.likeness))
    assert other == pytest.approx(one, abs=1e-3)


@pytest.mark.parametrize("text", ["{", "[]", '{"learned_from": [1], "held_back": [], "mirror": 0}'])
def test_a_damaged_file_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "quality.json"
    assert read_quality(path) is None
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FileFormatError, match=r"quality\.json' cannot be read"):
        read_quality(path)


def test_held_back_cases_need_not_have_every_label(likeness: Likeness, tmp_path: Path) -> None:
    held = tuple(
        HeldBack(str(i), str(i), {"ball": 0.9}, {"ball": {"unsure": 0.1}, "other": {}})
        for i in range(5)
    )
    write_quality(tmp_path / "q.json", Quality(likeness, held))
    found = read_quality(tmp_path / "q.json")
    assert found is not None
    ball, other, mean = found.judge.estimate({"ball": {"unsure": 0.1}, "other": {"unsure": 0.3}})
    assert ball.dice == pytest.approx(0.9) and ball.notes == ()
    assert mean.notes == ("other: in none of the scored masks",)
    assert other.low == {} and other.dice == pytest.approx(0.9, abs=0.05)
