"""Measuring masks of folders, cohorts and studies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from PIL import Image as Picture

from suffice.core import Case, Channel, Cohort, LabelMap, Legend, StorageError, UsageError
from suffice.io import write_cohort, write_mask, write_probabilities
from suffice.phantoms import chest_ct, draw_solid
from suffice.study import StudyFolder, read_measures
from suffice.workflows.measuring_masks import measure_masks
from suffice.workflows.running import run

FIRST = ["case", "subject", "visit", "date", "label", "source", "volume_ml"]


@pytest.fixture(scope="module")
def study(tiny_cohort: Cohort, tmp_path_factory, shared_fakes) -> Path:
    folder = tmp_path_factory.mktemp("study") / "study"
    run(
        tiny_cohort,
        folder,
        minutes=1,
        models=["unet"],
        judge=False,
        rungs=shared_fakes.rungs,
        load=shared_fakes.load,
    )
    return folder


def test_a_cohort_is_measured_as_drawn_with_its_scans(tiny_cohort: Cohort, tmp_path: Path) -> None:
    out = tmp_path / "measures.csv"
    done = measure_masks([tiny_cohort.root], out)
    assert list(done.table.columns[:7]) == FIRST and not done.left_out
    assert done.table["case"].tolist() == [f"case{i}" for i in range(6)]
    assert set(done.table["source"]) == {"drawn"}
    assert (done.table["mean_value"] > 90).all()
    assert done.table[["volume_low_ml", "level"]].isna().all(axis=None)
    read = read_measures(out)
    assert read["volume_ml"].tolist() == pytest.approx(done.table["volume_ml"].tolist())


def test_a_study_measures_its_predictions_by_its_own_errors(study: Path) -> None:
    done = measure_masks([study])
    table = done.table.set_index(["case", "source"])
    written = pd.read_csv(StudyFolder(study).measures).set_index(["case", "source"])
    columns = ["volume_ml", "volume_low_ml", "volume_high_ml", "level"]
    for index, row in written.iterrows():
        found = table.loc[index, columns].astype(float)
        assert found.tolist() == pytest.approx(row[columns].astype(float).tolist(), nan_ok=True)


def test_new_masks_are_measured_by_the_errors_of_a_study(
    study: Path, tiny_cohort: Cohort, tmp_path: Path
) -> None:
    masks = study / "predictions"
    plain = measure_masks([masks], labels={1: "ball"}).table
    assert plain["volume_low_ml"].isna().all()
    assert set(plain["note"]) == {"no interval: no held-back case tells the error"}
    done = measure_masks([masks], cohort=tiny_cohort, calibration=study).table
    assert set(done["level"]) == {0.8}
    assert (done["volume_low_ml"] <= done["volume_high_ml"]).all()
    assert done["subject"].tolist() == ["subject6", "subject7"]
    few = measure_masks([masks], cohort=tiny_cohort, calibration=study, level=0.95).table
    assert set(few["note"]) == {"no interval: 6 held-back subjects, it takes 19"}


def test_a_phantom_has_its_volume_by_voxels_and_by_shares(tmp_path: Path) -> None:
    solid = draw_solid(np.random.default_rng(0), "ellipsoid", (2, 2, 3), is_oblique=True)
    shares = solid.shares()
    legend = Legend.from_names({1: "label 1"})
    mask = LabelMap((shares >= 0.5).astype(np.uint8), solid.grid, legend)
    write_mask(tmp_path / "masks" / "sub-01_ses-2.nii.gz", mask)
    place = tmp_path / "masks" / "probabilities" / "sub-01_ses-2.nii.gz"
    write_probabilities(place, np.stack([1 - shares, shares]), solid.grid)
    (row,) = measure_masks([tmp_path / "masks"], drawn=True).table.to_dict("records")
    assert row["volume_soft_ml"] == pytest.approx(solid.volume_ml, rel=0.005)
    assert row["volume_low_ml"] < solid.volume_ml < row["volume_high_ml"]
    assert (row["source"], row["level"], row["subject"]) == ("drawn", 0.9, "sub-01")
    assert row["visit"] == "2"
    assert row["note"] == "interval of the size of the voxels alone"
    narrow = measure_masks([tmp_path / "masks"], drawn=True, level=0.5).table.iloc[0]
    assert narrow["level"] == 0.5 and narrow["volume_low_ml"] > row["volume_low_ml"]


def test_lungs_of_plain_files_on_ct(tmp_path: Path) -> None:
    phantom = chest_ct(np.random.default_rng(2), spacing_mm=(6, 6, 8))
    write_mask(tmp_path / "masks" / "a.nii.gz", phantom.truth)
    (tmp_path / "scans").mkdir()
    scan = nib.Nifti1Image(phantom.image.array[0], phantom.image.grid.affine)
    nib.save(scan, tmp_path / "scans" / "a_0000.nii.gz")
    names = {label.value: label.name for label in phantom.truth.legend}
    done = measure_masks(
        [tmp_path / "masks"], images=tmp_path / "scans", labels=names, modality="CT"
    )
    table = done.table.set_index("label")
    assert {"left lung", "right lung", "lungs", "airway"} <= set(table.index)
    assert table.loc["left lung", "volume_ml"] == pytest.approx(
        phantom.volumes_ml["left lung"], rel=0.005
    )
    both = table.loc[["left lung", "right lung"], "mass_g"].sum()
    assert table.loc["lungs", "mass_g"] == pytest.approx(both)
    assert np.isnan(table.loc["airway", "mass_g"])


def test_a_chest_x_ray_has_mm_only_where_they_are_known(tmp_path: Path) -> None:
    array = np.zeros((70, 100), np.uint8)
    array[10:60, 10:35], array[12:62, 55:90], array[40:58, 30:66] = 1, 2, 3
    for name in ("known", "unknown"):
        Picture.fromarray(array).save(tmp_path / f"{name}.png")
        Picture.fromarray(array + 7).save(tmp_path / f"{name}_scan.png")
    cases = tuple(
        Case(
            name,
            name,
            {"image": tmp_path / f"{name}_scan.png"},
            {"expert": tmp_path / f"{name}.png"},
            pixel_spacing_mm=spacing,
        )
        for name, spacing in (("known", (2.0, 2.0)), ("unknown", None))
    )
    legend = Legend.from_names({1: "right lung", 2: "left lung", 3: "heart"})
    cohort = Cohort("xr", tmp_path, (Channel(modality="XR"),), legend, cases)
    write_cohort(cohort, tmp_path)
    table = measure_masks([tmp_path]).table.set_index(["case", "label"])
    assert table.loc[("known", "heart"), "area_mm2"] == 18 * 36 * 4
    assert np.isnan(table.loc[("unknown", "heart"), "area_mm2"])
    assert table.loc[("unknown", "heart"), "area_px"] == 18 * 36
    ratios = table["cardiothoracic_ratio"].dropna()
    assert ratios.tolist() == pytest.approx([36 / 80, 36 / 80])


def test_what_cannot_be_read_is_named_and_stops_nothing(
    tiny_cohort: Cohort, tmp_path: Path
) -> None:
    masks = tmp_path / "masks"
    masks.mkdir()
    for i in (0, 1):
        path = tiny_cohort.cases[i].masks["expert"]
        (masks / path.name).write_bytes(path.read_bytes())
    broken = masks / "case1.nii.gz"
    broken.write_bytes(broken.read_bytes()[:100])
    done = measure_masks([masks], cohort=tiny_cohort)
    assert done.table["case"].tolist() == ["case0"]
    assert [item.path.name for item in done.left_out] == ["case1.nii.gz"]


def test_scans_and_masks_must_go_together(tiny_cohort: Cohort, tmp_path: Path) -> None:
    masks = tiny_cohort.root / "masks"
    (tmp_path / "scans").mkdir()
    scan = tiny_cohort.cases[0].images["image"]
    (tmp_path / "scans" / scan.name).write_bytes(scan.read_bytes())
    done = measure_masks([masks], images=tmp_path / "scans")
    assert done.table.set_index("case")["mean_value"].notna().sum() == 1
    assert len(done.left_out) == 5 and "is called as its mask" in done.left_out[0].reason
    lone = masks / tiny_cohort.cases[0].masks["expert"].name
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "scan.nii.gz").write_bytes(scan.read_bytes())
    single = measure_masks([lone], images=tmp_path / "other")
    assert single.table["mean_value"].notna().all() and not single.left_out
    stranger = tmp_path / "stranger.nii.gz"
    stranger.write_bytes(next(masks.iterdir()).read_bytes())
    with pytest.raises(UsageError, match="has no case of that name"):
        measure_masks([stranger], cohort=tiny_cohort)


def test_nothing_is_overwritten_unasked(tiny_cohort: Cohort, tmp_path: Path) -> None:
    out = tmp_path / "measures.csv"
    out.write_text("mine", encoding="utf-8")
    with pytest.raises(StorageError, match=r"measures\.csv"):
        measure_masks([tiny_cohort.root], out)
    assert out.read_text(encoding="utf-8") == "mine"
    measure_masks([tiny_cohort.root], out, overwrite=True)
    assert len(read_measures(out)) == 6


def test_what_makes_no_sense_is_refused(tiny_cohort: Cohort, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no mask to measure"):
        measure_masks([tmp_path])
    with pytest.raises(UsageError, match="between 0 and 1"):
        measure_masks([tiny_cohort.root], level=90)
    with pytest.raises(UsageError, match="folder of probabilities"):
        measure_masks([tiny_cohort.root / "masks"], probabilities=tmp_path / "none")
    partly = replace(tiny_cohort, legend=Legend.from_names({1: "ball"}, ignore=7))
    path = tmp_path / "part.nii.gz"
    mask = nib.load(tiny_cohort.cases[0].masks["expert"])
    array = np.asarray(mask.dataobj).copy()
    array[0] = 7
    nib.save(nib.Nifti1Image(array, mask.affine), path)
    case = replace(tiny_cohort.cases[0], masks={"expert": path})
    write_cohort(replace(partly, root=tmp_path, cases=(case,)), tmp_path)
    with pytest.raises(UsageError, match="labels a part of its voxels"):
        measure_masks([tmp_path])
