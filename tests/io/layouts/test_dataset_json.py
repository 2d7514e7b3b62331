import json
from pathlib import Path

import pytest

from suffice.core import CohortError
from suffice.io.layouts.msd import Msd
from suffice.io.layouts.nnunet import NnUNet


def write_json(source: Path, content: object) -> None:
    (source / "dataset.json").write_text(json.dumps(content))


def test_msd_takes_what_is_listed(save, source: Path) -> None:
    for name in (
        "imagesTr/a",
        "imagesTr/b",
        "imagesTr/z",
        "imagesTs/c",
        "labelsTr/a",
        "labelsTr/y",
    ):
        save(f"{name}.nii.gz")
    save("imagesTr/._a.png")
    rows = [{"image": f"./imagesTr/{n}.nii.gz", "label": f"./labelsTr/{n}.nii.gz"} for n in "abq"]
    write_json(
        source,
        {
            "modality": {"0": "CT"},
            "labels": {"0": "background", "1": "liver", "2": "tumour"},
            "training": rows,
            "test": ["./imagesTs/c.nii.gz"],
        },
    )
    assert "3 training images" in (Msd().detect(source) or "")
    draft = Msd().collect(source)
    assert {item.case.name: bool(item.case.masks) for item in draft.cases} == {
        "a": True,
        "b": False,
        "c": False,
    }
    assert (draft.channels[0].modality, draft.channels[0].unit) == ("CT", "HU")
    assert draft.labels == {1: "liver", 2: "tumour"}
    assert [path.name for path in draft.orphans] == ["y.nii.gz"]
    assert {item.path.name: item.reason for item in draft.left_out} == {
        "b.nii.gz": "listed in dataset.json, but not there",
        "q.nii.gz": "listed in dataset.json, but not there",
        "z.nii.gz": "not listed in dataset.json",
    }


def test_msd_says_that_files_hold_channels(save, source: Path) -> None:
    save("imagesTr/a.nii.gz")
    rows = [{"image": "imagesTr/a.nii.gz", "label": "labelsTr/a.nii.gz"}]
    write_json(source, {"modality": {"0": "FLAIR", "1": "T1w"}, "labels": {}, "training": rows})
    draft = Msd().collect(source)
    assert draft.channels[0].name == "image" and draft.channels[0].modality == "MR"
    assert draft.notes == ("Each file holds 2 channels: flair, t1w",)


def test_nnunet_gathers_channels(save, source: Path) -> None:
    for name in ("a_0000", "a_0001", "b_0000", "c_0000", "c_0001"):
        save(f"imagesTr/{name}.nii.gz")
    save("imagesTr/odd.nii.gz")
    save("imagesTs/a_0000.nii.gz")
    save("imagesTs/a_0001.nii.gz")
    for name in ("a", "b", "y"):
        save(f"labelsTr/{name}.nii.gz")
    write_json(
        source,
        {
            "channel_names": {"0": "T1", "1": "T2 fat-sat"},
            "labels": {"background": 0, "whole": [1, 2], "kidney": 1, "ignore": 2},
            "file_ending": ".nii.gz",
        },
    )
    assert "7 files" not in (NnUNet().detect(source) or "7 files")
    draft = NnUNet().collect(source)
    assert [channel.name for channel in draft.channels] == ["t1", "t2-fat-sat"]
    assert {item.case.name: sorted(item.case.masks) for item in draft.cases} == {
        "a": ["expert"],
        "c": [],
        "imagesTs-a": [],
    }
    assert {item.path.name: item.reason for item in draft.left_out} == {
        "b_0000.nii.gz": "its channel 0001 is missing",
        "odd.nii.gz": "its name does not end in a channel such as _0000",
    }
    assert draft.labels == {1: "kidney"}
    assert draft.ignore == 2
    assert len(draft.notes) == 2
    # b's own mask has lost its image.
    assert [path.name for path in draft.orphans] == ["b.nii.gz", "y.nii.gz"]


def test_a_damaged_dataset_json(source: Path) -> None:
    (source / "dataset.json").write_text("{")
    assert Msd().detect(source) is None
    with pytest.raises(CohortError, match="is not JSON"):
        Msd().collect(source)
    (source / "dataset.json").write_text("[]")
    with pytest.raises(CohortError, match="is not a JSON object"):
        NnUNet().collect(source)
