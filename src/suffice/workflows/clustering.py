"""Masks of like voxels for scans that nobody drew in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from suffice.core import (
    Channel,
    CohortError,
    Listener,
    Modality,
    Progress,
    SufficeError,
    UsageError,
    silent,
)
from suffice.io import LeftOut, read_cohort
from suffice.io.cohort_folder import COHORT_TOML
from suffice.segmenters.clustering import Method
from suffice.segmenters.clusters import ClusterSegmenter, require_known
from suffice.segmenters.searching import FINE, MOST_CASES, View
from suffice.workflows.predicting import predict_scans
from suffice.workflows.scans import ScanToPredict, gather_scans, read_as_trained

CLUSTERS = "clusters"
"""Folder of the model, beside the masks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clustered:
    """Masks of clusters, what was there already or could not be read, and the clusters' folder."""

    model: Path
    written: tuple[Path, ...]
    skipped: tuple[Path, ...]
    failed: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Which clusters a person asked for."""

    n_clusters: int
    method: Method
    position: float

    def found_in(
        self, views: Sequence[View], channels: Sequence[Channel], seed: int
    ) -> ClusterSegmenter:
        """Find them in some scans."""
        return ClusterSegmenter.of_scans(
            views,
            channels,
            n_clusters=self.n_clusters,
            method=self.method,
            position=self.position,
            seed=seed,
        )

    def known(self, model: Path) -> ClusterSegmenter:
        """Read the clusters of an earlier call, and refuse those of another kind."""
        found = ClusterSegmenter.load(model)
        own = found.parameters_
        there = _Wanted(len(own.classes), own.method, own.description.position)
        if there != self:
            raise UsageError(
                f"'{model}' holds other clusters",
                got=str(there),
                expected=str(self),
                cure="Name another folder for the masks, or replace all of them with --force.",
            )
        return found

    def __str__(self) -> str:
        return f"{self.n_clusters} by {self.method}, position {self.position:g}"


def cluster(
    sources: Sequence[Path],
    out: Path,
    *,
    n_clusters: int,
    method: Method = "kmeans",
    position: float = 0.0,
    modality: Modality | None = None,
    seed: int = 0,
    suffix: str | None = None,
    overwrite: bool = False,
    listener: Listener = silent,
) -> Clustered:
    """Group the voxels of scans by brightness, and write a mask for every scan into ``out``.

    The clusters are found in at most sixteen of the scans together and kept in ``out/clusters``,
    a model that `predict` takes: a number means the same in each scan, 1 the darkest. Called
    again, those that are there are used for what has no mask yet.

    Parameters
    ----------
    sources : sequence of Path
        Files, folders, DICOM series or trees of them, and cohort folders; masks are not looked at.
    out : Path
        Folder of the masks.
    n_clusters : int
    method : {"kmeans", "gmm", "superpixels"}
        Voxels by k-means or a mixture of Gaussians, or superpixels by k-means.
    position : float
        How much the place in the scan weighs against brightness; 0 leaves it out.
    modality : str, optional
        Of the scans, where files do not say: ``CT`` is taken in Hounsfield units, anything else
        scan by scan.
    seed : int
        Draws the scans and voxels that they are found in.
    suffix : str, optional
        Format of the masks, as for `predict`.
    overwrite : bool
        Whether to find clusters and to write masks again.
    listener : callable
        Is told the progress.

    Raises
    ------
    SufficeError
        If the sources are unusable, clusters of another kind are in ``out``, or the masks cannot
        be written.
    """
    out = Path(out)
    require_known(method, n_clusters, position)
    paths = [Path(source) for source in sources]
    scans, left_out = gather_scans(paths, out)
    wanted = _Wanted(n_clusters, method, position)
    model = out / CLUSTERS
    if overwrite or not model.exists():
        channels = _channels(paths, scans, modality)
        views = _views(scans, channels, seed, listener)
        wanted.found_in(views, channels, seed).save(model, overwrite=overwrite)
    segmenter = wanted.known(model)
    done = predict_scans(
        scans,
        out,
        load=lambda: segmenter,
        suffix=suffix,
        overwrite=overwrite,
        task="cluster",
        listener=listener,
    )
    failed = (*left_out, *done.failed)
    return Clustered(model=model, written=done.written, skipped=done.skipped, failed=failed)


def _channels(
    sources: Sequence[Path], scans: Sequence[ScanToPredict], modality: Modality | None
) -> tuple[Channel, ...]:
    """Take the channels of the first cohort, or what the first scan that can be read says."""
    for source in sources:
        if (source / COHORT_TOML).is_file():
            return read_cohort(source).channels
    if modality is not None:
        return (Channel(modality=modality, unit="HU" if modality == "CT" else "none"),)
    for scan in scans:
        try:
            image = scan.read(unit=None)
        except SufficeError:
            continue
        return (Channel(modality=image.modality, unit=image.unit),)
    return (Channel(),)


def _views(
    scans: Sequence[ScanToPredict], channels: Sequence[Channel], seed: int, listener: Listener
) -> list[View]:
    """Read some scans, sampled down, in random order; those that cannot be read are passed over."""
    views: list[View] = []
    for index in np.random.default_rng(seed).permutation(len(scans)):
        if len(views) == MOST_CASES:
            break
        listener(Progress("read", len(views) / min(MOST_CASES, len(scans)), note=scans[index].name))
        try:
            image = read_as_trained(scans[index], channels)
        except SufficeError:
            continue
        views.append(View.of(image, FINE[image.grid.ndim]))
    if not views:
        raise CohortError("No scan could be read", cure="Check the files, or name others.")
    return views
