"""Clusters where nobody drew: masks beside a model of them, which further scans are drawn by."""

import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from suffice.core import Cohort, UsageError
from suffice.workflows.clustering import CLUSTERS, cluster
from suffice.workflows.predicting import predict


def test_every_scan_gets_a_mask_of_the_same_clusters(tiny_cohort: Cohort, tmp_path: Path) -> None:
    scans, out = tiny_cohort.root / "images", tmp_path / "masks"
    done = cluster([scans], out, n_clusters=3)
    assert {path.name for path in done.written} == {path.name for path in scans.iterdir()}
    assert done.model == out / CLUSTERS and not done.failed
    for path in done.written:
        mask, scan = nib.load(path), nib.load(scans / path.name)
        np.testing.assert_array_equal(mask.affine, scan.affine)
        labels, values = np.asarray(mask.dataobj), scan.get_fdata()
        assert set(np.unique(labels)) == {1, 2, 3}
        assert values[labels == 1].mean() + 50 < values[labels == 3].mean()
    drawn = predict(done.model, [scans], tmp_path / "again")
    for path in drawn.written:
        assert np.array_equal(nib.load(path).dataobj, nib.load(out / path.name).dataobj)


def test_scans_that_come_later_get_the_clusters_that_are_there(
    tiny_cohort: Cohort, tmp_path: Path
) -> None:
    scans, out = tmp_path / "scans", tmp_path / "masks"
    shutil.copytree(tiny_cohort.root / "images", scans)
    late = scans / "case7.nii.gz"
    late.rename(tmp_path / late.name)
    cluster([scans], out, n_clusters=3)
    before = {p.name: p.read_bytes() for p in (out / CLUSTERS).iterdir()}
    (tmp_path / late.name).rename(late)
    done = cluster([scans], out, n_clusters=3)
    assert [path.name for path in done.written] == [late.name]
    assert len(done.skipped) == 7
    assert {p.name: p.read_bytes() for p in (out / CLUSTERS).iterdir()} == before
    with pytest.raises(UsageError, match="holds other clusters: got 3 by kmeans"):
        cluster([scans], out, n_clusters=4)
    assert len(cluster([scans], out, n_clusters=4, overwrite=True).written) == 8


def test_a_ct_is_clustered_by_its_units(tiny_cohort: Cohort, tmp_path: Path) -> None:
    done = cluster([tiny_cohort.root / "images"], tmp_path / "m", n_clusters=2, modality="CT")
    assert 'unit = "HU"' in (done.model / "model.toml").read_text(encoding="utf-8")


def test_a_scan_that_cannot_be_read_is_reported(tiny_cohort: Cohort, tmp_path: Path) -> None:
    scans = tmp_path / "scans"
    shutil.copytree(tiny_cohort.root / "images", scans)
    (scans / "case3.nii.gz").write_bytes(b"no scan")
    done = cluster([scans], tmp_path / "masks", n_clusters=2)
    assert len(done.written) == 7
    assert [item.path.name for item in done.failed] == ["case3.nii.gz"]
