from dataclasses import replace

import numpy as np

from suffice.core import Legend
from suffice.qc import check_cohort


def test_empty_tiny_and_specked_masks_are_found(pictures, of_kind) -> None:  # type: ignore[no-untyped-def]
    block = np.zeros((80, 72), np.uint8)
    block[20:50, 20:50] = 1
    speck, corner, dot = block.copy(), block.copy(), np.zeros_like(block)
    speck[70:72, 60] = 1
    corner[50, 50] = 1
    dot[5, 5] = 1
    masks = {"p0": block, "p1": speck, "p2": corner, "p3": dot, "p4": np.zeros_like(block)}
    findings = check_cohort(pictures(5, masks=masks))
    stray = of_kind(findings, "stray-components")[0]
    assert stray.cases == ("p1", "p2") and "2 voxels" in stray.message
    assert stray.severity == "warning"
    assert of_kind(findings, "one-voxel-mask")[0].cases == ("p3",)
    assert of_kind(findings, "empty-mask")[0].cases == ("p4",)
    only_corner = check_cohort(pictures(3, masks={"p0": block, "p1": block, "p2": corner}))
    assert of_kind(only_corner, "stray-components")[0].severity == "note"


def test_structures_that_come_in_pieces_have_no_specks(pictures, of_kind) -> None:  # type: ignore[no-untyped-def]
    rows, columns = np.mgrid[:80, :72]
    many = ((rows % 16 < 8) & (columns % 16 < 8)).astype(np.uint8)
    many[78, 70] = 1
    findings = check_cohort(pictures(3, masks={f"p{i}": many for i in range(3)}))
    assert of_kind(findings, "stray-components") == []


def test_labels_nobody_drew_are_told(pictures, of_kind) -> None:  # type: ignore[no-untyped-def]
    cohort = replace(pictures(3), legend=Legend.from_names({1: "disc", 2: "ghost"}))
    absent = of_kind(check_cohort(cohort), "absent-structure")
    assert absent[0].severity == "warning" and "ghost" in absent[0].message
