from pathlib import Path

import pytest

from suffice.core import CohortError
from suffice.io.layouts.pairs import Pairs


def table(source: Path) -> dict[str, tuple[str, str]]:
    draft = Pairs().collect(source)
    return {
        item.case.name: (
            item.case.images["image"].relative_to(source).as_posix(),
            item.case.masks["expert"].relative_to(source).as_posix() if item.case.masks else "",
        )
        for item in draft.cases
    }


@pytest.mark.parametrize("masks", ["labels", "masks", "GroundTruth"])
def test_folders_pair_by_stem_whatever_the_suffix(save, source: Path, masks: str) -> None:
    save("Images/a.jpg")
    save("Images/b.png")
    save(f"{masks}/a.png")
    save(f"{masks}/c.png")
    draft = Pairs().collect(source)
    assert table(source) == {"a": ("Images/a.jpg", f"{masks}/a.png"), "b": ("Images/b.png", "")}
    assert [path.name for path in draft.orphans] == ["c.png"]
    assert "1 pairs" in (Pairs().detect(source) or "")


def test_masks_may_carry_a_mark(save, source: Path) -> None:
    for name in ("images/a.png", "images/b_0000.png", "images/c.png"):
        save(name)
    for name in ("labels/a_mask.png", "labels/b.png", "labels/seg_c.png"):
        save(name)
    assert {mask for _, mask in table(source).values()} == {
        "labels/a_mask.png",
        "labels/b.png",
        "labels/seg_c.png",
    }


def test_splits_with_the_same_names_stay_apart(save, source: Path) -> None:
    for split in ("train", "val"):
        save(f"{split}/images/a.png")
        save(f"{split}/masks/a.png")
    assert set(table(source)) == {"train-images-a", "val-images-a"}


def test_masks_beside_their_images(save, source: Path) -> None:
    for name in ("CT_image.nii.gz", "CT_mask.nii.gz", "p1/image.nii.gz", "p1/mask.nii.gz"):
        save(name)
    save("lone_seg.nii.gz")
    assert table(source) == {
        "CT": ("CT_image.nii.gz", "CT_mask.nii.gz"),
        "p1": ("p1/image.nii.gz", "p1/mask.nii.gz"),
    }
    assert [path.name for path in Pairs().collect(source).orphans] == ["lone_seg.nii.gz"]


def test_doubles_odd_files_and_other_folders_are_said(save, source: Path) -> None:
    for name in ("images/a.jpg", "images/a.png", "labels/a.png", "extra/z.png"):
        save(name)
    (source / "images" / "a.npz").write_text("")
    (source / "images" / "README.md").write_text("")
    (source / "images" / ".DS_Store").write_text("")
    draft = Pairs().collect(source)
    reasons = {item.path.name: item.reason for item in draft.left_out}
    assert reasons == {
        "a.png": "has the name of 'a.jpg'",
        "a.npz": "of no format that suffice reads",
    }
    assert draft.notes == ("1 scans in 'extra' are not taken",)


def test_subjects_and_visits_are_read_from_names(save, source: Path) -> None:
    for name in ("patient01_visit1", "patient01_visit2", "other"):
        save(f"images/{name}.png")
        save(f"labels/{name}.png")
    cases = [item.case for item in Pairs().collect(source).cases]
    assert [(case.subject, case.visit) for case in cases] == [
        ("other", ""),
        ("patient01", "1"),
        ("patient01", "2"),
    ]


def test_unlabelled_test_images_come_along(save, source: Path) -> None:
    for name in ("imagesTr/a.nii.gz", "labelsTr/a.nii.gz", "imagesTs/b.nii.gz"):
        save(name)
    assert table(source)["b"] == ("imagesTs/b.nii.gz", "")


def test_no_pairs(save, source: Path) -> None:
    assert Pairs().detect(source) is None
    with pytest.raises(CohortError, match="holds no pairs"):
        Pairs().collect(source)
