import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask
from skimage.draw import polygon2mask

from suffice.core import CohortError
from suffice.io.layouts.coco import Coco
from suffice.io.layouts.coco_outlines import fill, sound_outline

SQUARE = [[1, 1, 5, 1, 5, 4, 1, 4]]


def write_json(
    source: Path,
    annotations: Sequence[tuple[int, Any]],
    *,
    files: Sequence[str] = ("a.png",),
    categories: Sequence[tuple[int, str]] = ((1, "cell"),),
    name: str = "coco.json",
) -> None:
    content = {
        "images": [
            {"id": i, "file_name": file, "height": 6, "width": 8} for i, file in enumerate(files)
        ],
        "categories": [{"id": i, "name": name} for i, name in categories],
        "annotations": [
            {"id": i, "image_id": 0, "category_id": category, "segmentation": segmentation}
            for i, (category, segmentation) in enumerate(annotations)
        ],
    }
    (source / name).parent.mkdir(exist_ok=True)
    (source / name).write_text(json.dumps(content))


def drawn(source: Path) -> np.ndarray:
    return Coco().collect(source).cases[0].drawings["expert"].draw((6, 8))


def test_polygons_are_filled_as_others_fill_them(save, source: Path) -> None:
    save("a.png")
    write_json(source, [(1, [[1, 1, 6, 1, 6, 5, 1, 5]])])
    rows_columns = np.array([[1, 1], [1, 6], [5, 6], [5, 1]])
    inside = polygon2mask((6, 8), rows_columns - 0.5)
    assert (drawn(source) == inside).mean() > 0.95


@pytest.mark.parametrize("kind", ["counts", "text"])
def test_run_lengths_are_read(save, source: Path, kind: str) -> None:
    save("a.png")
    array = np.zeros((6, 8), np.uint8)
    array[2:4, 3:7] = 1
    runs = coco_mask.encode(np.asfortranarray(array))
    segmentation: dict[str, Any] = {"size": [6, 8], "counts": runs["counts"].decode()}
    if kind == "counts":
        flat = array.ravel(order="F")
        edges = np.flatnonzero(np.diff(flat)) + 1
        segmentation["counts"] = np.diff([0, *edges, flat.size]).tolist()
    write_json(source, [(1, segmentation)])
    np.testing.assert_array_equal(drawn(source), array)


def test_the_later_outline_lies_on_top(save, source: Path) -> None:
    save("a.png")
    write_json(source, [(1, SQUARE), (2, SQUARE)], categories=[(1, "a"), (2, "b")])
    assert set(np.unique(drawn(source))) == {0, 2}


def test_outlines_are_numbered(save, source: Path) -> None:
    save("a.png")
    write_json(source, [(1, SQUARE), (1, [[4, 2, 7, 2, 7, 5, 4, 5]])])
    number = Coco().collect(source).cases[0].drawings["expert"].number
    assert number is not None
    assert np.unique(number((6, 8))).tolist() == [0, 1, 2]


def test_a_category_0_in_use_is_numbered_anew(save, source: Path) -> None:
    save("a.png")
    write_json(source, [(0, SQUARE), (1, SQUARE)], categories=[(0, "a"), (1, "b"), (2, "none")])
    draft = Coco().collect(source)
    assert draft.labels == {1: "a", 2: "b"}
    assert any("numbered anew" in note for note in draft.notes)
    assert [item.reason for item in draft.left_out] == [
        "category 2 'none' has no outline: it is dropped"
    ]


def test_files_that_disagree_on_numbers_agree_on_names(save, source: Path) -> None:
    save("train/a.png")
    save("valid/b.png")
    write_json(source, [(1, SQUARE)], name="train/c.json", categories=[(1, "x"), (2, "y")])
    write_json(
        source, [(1, SQUARE)], name="valid/c.json", files=["b.png"], categories=[(1, "y"), (2, "x")]
    )
    draft = Coco().collect(source)
    assert sorted((draft.labels or {}).values()) == ["x", "y"]
    first, second = (i.drawings["expert"].draw((6, 8)).max() for i in draft.cases)
    assert {first, second} == {1, 2}
    assert any("(train, valid) is not kept" in note for note in draft.notes)


def test_boxes_alone_are_refused(save, source: Path) -> None:
    save("a.png")
    write_json(source, [(1, []), (1, None)])
    with pytest.raises(CohortError, match=r"segmentation .* is empty: got 2 annotations"):
        Coco().collect(source)


@pytest.mark.parametrize(
    "bad",
    [
        [],
        [[1, 2, 3, 4]],
        [[1, 2, 3, 4, 1e9, 0]],
        [[1, 2, 3, 4, "5", 6]],
        {"size": [6, 8], "counts": [3, 3]},
        {"size": [6, 8], "counts": [-3, 51]},
        {"size": [9, 9], "counts": "a"},
        {"size": [6, 8], "counts": "ooo"},
    ],
)
def test_an_image_with_a_missing_outline_is_left_unlabelled(save, source: Path, bad: Any) -> None:
    save("a.png")
    save("b.png")
    write_json(source, [(1, SQUARE), (1, bad)], files=["a.png", "b.png", "gone.png"])
    (source / "b.json").write_text(
        (source / "coco.json").read_text().replace("a.png", "c.png").replace(json.dumps(bad), "[]")
    )
    save("c.png")
    write_json(source, [(1, SQUARE)], files=["d.png"], name="d.json")
    save("d.png")
    draft = Coco().collect(source)
    assert {item.case.name: bool(item.drawings) for item in draft.cases} == {
        "a": False,
        "b": False,
        "c": False,
        "d": True,
    }
    reasons = [f"{item.path.name}: {item.reason}" for item in draft.left_out]
    assert "a.png: 1 of its annotations have no outline: left unlabelled" in reasons
    assert any(reason.startswith("gone.png: listed in") for reason in reasons)


def test_an_image_of_another_size(save, source: Path) -> None:
    save("a.png")
    write_json(source, [(1, SQUARE)])
    drawing = Coco().collect(source).cases[0].drawings["expert"]
    with pytest.raises(CohortError, match=r"another size than coco\.json says: got 5x5"):
        drawing.draw((5, 5))


def test_augmented_copies_are_one_subject(save, source: Path) -> None:
    files = ["7_jpg.rf.0a1b.png", "7_jpg.rf.9c8d.png", "8_jpg.rf.77aa.png"]
    for file in files:
        save(file)
    write_json(source, [(1, SQUARE)], files=files)
    draft = Coco().collect(source)
    assert [item.case.subject for item in draft.cases] == ["7", "7", "8"]
    assert any("3 images are augmented copies of 2 sources" in note for note in draft.notes)


@pytest.mark.parametrize("text", ['{"images": [], "annotations": "categories"', "{}"])
def test_damaged_json(source: Path, text: str) -> None:
    (source / "a.json").write_text(text)
    with pytest.raises(CohortError, match=r"is not JSON|has no COCO JSON"):
        Coco().collect(source)


def test_json_that_contradicts_itself(save, source: Path) -> None:
    save("a.png")
    write_json(source, [(5, SQUARE)])
    with pytest.raises(CohortError, match="contradicts itself"):
        Coco().collect(source)


@settings(max_examples=40, deadline=None)
@given(bits=st.lists(st.booleans(), min_size=48, max_size=48))
def test_the_text_of_runs_is_read_as_pycocotools_writes_it(bits: list[bool]) -> None:
    array = np.asfortranarray(np.reshape(bits, (6, 8)).astype(np.uint8))
    text = coco_mask.encode(array)["counts"].decode()
    outline = sound_outline({"size": [6, 8], "counts": text}, (6, 8))
    assert outline is not None
    np.testing.assert_array_equal(fill([(1, outline)], (6, 8)), array)


@settings(max_examples=40, deadline=None)
@given(text=st.text(st.characters(min_codepoint=40, max_codepoint=120), max_size=12))
def test_damaged_runs_are_never_filled(text: str) -> None:
    outline = sound_outline({"size": [6, 8], "counts": text}, (6, 8))
    assert outline is None or sum(outline["counts"]) == 48
