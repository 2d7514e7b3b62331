"""Labelled scans as atlases: brought onto another scan, and their labels fused there."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from suffice.cores import usable_cores
from suffice.segmenters.label_fusion import FUSIONS, Fusion, fuse
from suffice.segmenters.registration import (
    Metric,
    Registration,
    affine,
    deformed,
    itk_image,
    local_brightness,
    single_threaded,
    warped,
)
from suffice.segmenters.searching import FloatArray, Sample, Search, dice

# Pairs of so many voxels are registered in a second or less.
MOST_VOXELS = {2: 1 << 16, 3: 1 << 17}
# Of the labelled cases, each by the others; below, they share no anatomy that is found so.
LEAST_DICE = 0.6
_CANDIDATES = (
    Registration(deformation="local", stiffness=1.0),
    Registration(deformation="local", stiffness=2.0),
    Registration(deformation="global", stiffness=1.0),
    Registration(deformation="none"),
    Registration(metric="mutual information", deformation="local", stiffness=1.0),
)
_CLIP_PERCENT = (0.5, 99.5)


@dataclass(frozen=True, eq=False)
class Atlas:
    """A labelled scan: brightness and classes in canonical axes."""

    scan: FloatArray
    spacing: tuple[float, ...]
    classes: npt.NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Way:
    """How a scan is segmented by atlases.

    Parameters
    ----------
    registration : Registration
    fusion : {"majority", "local", "joint"}
    most_atlases : int
        So many of the most similar are used for a scan.
    """

    registration: Registration = _CANDIDATES[0]
    fusion: Fusion = "local"
    most_atlases: int = 8


def atlases_of(
    samples: Sequence[Sample], most_voxels: Mapping[int, int], n_classes: int, *, is_colour: bool
) -> list[Atlas]:
    """Sample labelled cases down to what registrations take, by number of axes."""
    coarse = [s.coarser(most_voxels[s.classes.ndim], n_classes) for s in samples]
    return [Atlas(brightness(s.view.array, is_colour), s.view.spacing, s.classes) for s in coarse]


def shares_by_atlases(
    target: FloatArray,
    spacing: Sequence[float],
    atlases: Sequence[Atlas],
    way: Way,
    n_classes: int,
) -> FloatArray:
    """Probabilities of the classes on a scan, ``(n_classes, *spatial)``.

    Parameters
    ----------
    target : float32 array of shape (*spatial)
        As `brightness` gives it.
    spacing : sequence of float
    atlases : sequence of Atlas
    way : Way
    n_classes : int
        The background counted in.
    """
    settings = way.registration
    found = aligned(target, spacing, atlases, settings.metric)
    ranked = _most_similar(found, way.most_atlases)
    images, shares = moved(target, spacing, ranked, settings, n_classes)
    return fuse(target, images, shares, [way.fusion])[way.fusion]


@dataclass(frozen=True, eq=False)
class Aligned:
    """An atlas, the affine transform to it from a scan, and its brightness on the scan's grid."""

    atlas: Atlas
    transform: Any
    scan: FloatArray
    similarity: float


def aligned(
    target: FloatArray,
    spacing: Sequence[float],
    atlases: Sequence[Atlas],
    metric: Metric,
) -> list[Aligned]:
    """Bring each atlas to a scan by an affine transform."""
    fixed, pattern = itk_image(target, spacing), local_brightness(target)

    def one(atlas: Atlas) -> Aligned:
        transform = affine(fixed, itk_image(atlas.scan, atlas.spacing), metric)
        scan = on_target(atlas.scan, atlas.spacing, fixed, target.shape, transform)
        similarity = float((pattern * local_brightness(scan)).mean())
        return Aligned(atlas, transform, scan, similarity)

    return in_parallel(one, atlases)


def _most_similar(aligned: Sequence[Aligned], most: int) -> list[Aligned]:
    return sorted(aligned, key=lambda one: -one.similarity)[:most]


def moved(
    target: FloatArray,
    spacing: Sequence[float],
    pairs: Sequence[Aligned],
    settings: Registration,
    n_classes: int,
) -> tuple[list[FloatArray], list[FloatArray]]:
    """Deform atlases onto a scan: their brightness, and their probabilities of the classes."""

    def one(pair: Aligned) -> tuple[FloatArray, FloatArray]:
        return carried(target, spacing, pair, shares_of(pair.atlas.classes, n_classes), settings)

    images, shares = zip(*in_parallel(one, pairs), strict=True)
    return list(images), list(shares)


def carried(
    target: FloatArray,
    spacing: Sequence[float],
    pair: Aligned,
    shares: FloatArray,
    settings: Registration,
) -> tuple[FloatArray, FloatArray]:
    """Deform one aligned atlas onto a scan.

    Parameters
    ----------
    target : float32 array of shape (*spatial)
    spacing : sequence of float
    pair : Aligned
    shares : float32 array of shape (n_classes, *atlas_spatial)
        Probabilities of the classes on the atlas.
    settings : Registration

    Returns
    -------
    scan : float32 array of shape (*spatial)
        The atlas's brightness there.
    shares : float32 array of shape (n_classes, *spatial)
    """
    scan, structures = carried_maps(target, spacing, pair, shares[1:], settings)
    return scan, with_background(structures)


def carried_maps(
    target: FloatArray,
    spacing: Sequence[float],
    pair: Aligned,
    maps: FloatArray,
    settings: Registration,
) -> tuple[FloatArray, FloatArray]:
    """Deform an atlas's brightness and any maps on its grid, which are 0 outside of it."""
    reference, scan = itk_image(target, spacing), pair.scan
    own = [
        warped(each, pair.atlas.spacing, reference, target.shape, pair.transform) for each in maps
    ]
    if settings.deformation != "none":
        field = deformed(target, scan, spacing, settings)
        scan = on_target(scan, spacing, reference, target.shape, field)
        own = [warped(each, spacing, reference, target.shape, field) for each in own]
    return scan, np.stack(own)


def with_background(structures: FloatArray) -> FloatArray:
    """Put what is left of a probability of 1 before those of the structures."""
    background = np.maximum(1.0 - structures.sum(axis=0, keepdims=True), 0.0)
    return np.concatenate([background, structures])


def shares_of(classes: npt.NDArray[np.uint8], n_classes: int) -> FloatArray:
    """Probabilities that are 0 and 1, shape (n_classes, *spatial)."""
    return np.stack([classes == k for k in range(n_classes)]).astype(np.float32)


def on_target(
    scan: FloatArray,
    spacing: Sequence[float],
    reference: Any,
    shape: Sequence[int],
    transform: Any,
) -> FloatArray:
    """Sample a scan on a target's grid; what lies outside is as dark as its darkest."""
    return warped(scan, spacing, reference, shape, transform, outside=float(scan.min()))


def in_parallel(one: Any, jobs: Sequence[Any]) -> list[Any]:
    """Do jobs of one thread each on all cores."""
    # Each registration keeps to one thread, so that results do not depend on the cores.
    with single_threaded(), ThreadPoolExecutor(usable_cores()) as pool:
        return list(pool.map(one, jobs))


@dataclass(frozen=True)
class Compared:
    """The best way on the labelled cases; ``nan`` where there was nobody to compare with.

    Parameters
    ----------
    way : Way
    dice : float
        Mean over cases and structures, each case segmented by the others.
    seconds : float
        For a case.
    """

    way: Way
    dice: float
    seconds: float


def compared(
    atlases: Sequence[Atlas],
    subjects: Sequence[str],
    names: Sequence[str],
    most_atlases: int,
    search: Search,
) -> Compared:
    """Segment labelled cases by the others' in each way, and find the best.

    Case by case, so that a budget that ends leaves all ways compared on the same cases.
    """
    n_classes = len(names) + 1
    values: dict[tuple[Registration, Fusion], list[list[float]]] = {}
    seconds = dict.fromkeys(_CANDIDATES, 0.0)
    n_done = 0
    for i, target in enumerate(atlases):
        others = [a for a, s in zip(atlases, subjects, strict=True) if s != subjects[i]]
        if not others or (n_done and not search.has_time(0.8 * n_done / (n_done + 1))):
            continue
        ranked: dict[Metric, list[Aligned]] = {}
        to_align: dict[Metric, float] = {}
        for settings in _CANDIDATES:
            if values and not n_done and not search.has_time(0.8):
                # The first case alone may take longer than all that there is.
                break
            begun, metric = time.monotonic(), settings.metric
            if metric not in ranked:
                pairs = aligned(target.scan, target.spacing, others, metric)
                ranked[metric] = _most_similar(pairs, most_atlases)
                to_align[metric] = time.monotonic() - begun
                begun = time.monotonic()
            images, shares = moved(target.scan, target.spacing, ranked[metric], settings, n_classes)
            fused = fuse(target.scan, images, shares)
            seconds[settings] += time.monotonic() - begun + to_align[metric]
            for fusion in FUSIONS:
                found = fused[fusion].argmax(axis=0)
                each = [dice(found == k, target.classes == k) for k in range(1, n_classes)]
                values.setdefault((settings, fusion), []).append(each)
        n_done += 1
    if not n_done:
        search.history.append({"step": 0.0, "seconds": 0.0, "dice": float("nan")})
        return Compared(Way(most_atlases=most_atlases), float("nan"), float("nan"))
    means = {way: np.mean(each, axis=0) for way, each in values.items()}
    best = max(means, key=lambda way: float(means[way].mean()))
    tell_best(search, names, means[best], n_tried=len(means))
    way = Way(registration=best[0], fusion=best[1], most_atlases=most_atlases)
    return Compared(way, float(means[best].mean()), seconds[best[0]] / n_done)


def tell_best(search: Search, names: Sequence[str], dice_each: FloatArray, *, n_tried: int) -> None:
    """Put the best way's Dice into the history, a mean of 0 as well."""
    for name, value in zip(names, dice_each, strict=True):
        search.tell(name, float(value), n_tried=n_tried)
    if not search.history:
        search.history.append({"step": float(search.n_tried), "seconds": 0.0, "dice": 0.0})


def brightness(channels: npt.NDArray[Any], is_colour: bool) -> FloatArray:
    """One channel of ``(C, *spatial)``, clipped, with mean 0 and standard deviation 1."""
    array = (channels.mean(axis=0) if is_colour else channels[0]).astype(np.float32)
    low, high = (float(v) for v in np.percentile(array, _CLIP_PERCENT))
    clipped = np.clip(array, low, high)
    return np.asarray((clipped - clipped.mean()) / max(float(clipped.std()), 1e-6), np.float32)
