"""The atlas rung: labelled scans are registered to a new one and their labels fused."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from suffice.core import Cohort, ModelError
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
from suffice.segmenters.searched import Arrays, SearchedSegmenter
from suffice.segmenters.searching import FloatArray, Sample, Search, View, dice

# Pairs that are registered take a second or less each.
_VOXELS = {2: 1 << 16, 3: 1 << 17}
_CANDIDATES = (
    Registration(deformation="local", stiffness=1.0),
    Registration(deformation="local", stiffness=2.0),
    Registration(deformation="global", stiffness=1.0),
    Registration(deformation="none"),
    Registration(metric="mutual information", deformation="local", stiffness=1.0),
)
_CLIP_PERCENT = (0.5, 99.5)


@dataclass(frozen=True, kw_only=True)
class AtlasParameters:
    """What an atlas model knows besides its scans.

    Parameters
    ----------
    n_channels : int
        Of the images; their mean is registered where a file has colours, else the first.
    is_colour : bool
    registration : Registration
    fusion : {"majority", "local", "joint"}
    most_atlases : int
        So many of the most similar are used for a scan.
    shapes : tuple of tuple of int
        Of the atlases' grids, in canonical axes.
    spacings : tuple of tuple of float
    """

    n_channels: int
    is_colour: bool
    registration: Registration
    fusion: Fusion
    most_atlases: int
    shapes: tuple[tuple[int, ...], ...]
    spacings: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, eq=False)
class Atlas:
    """A labelled scan: brightness and classes in canonical axes."""

    scan: FloatArray
    spacing: tuple[float, ...]
    classes: npt.NDArray[np.uint8]


class AtlasSegmenter(SearchedSegmenter[AtlasParameters]):
    """Labelled scans as atlases: for anatomy that all scans share, in much the same pose.

    The registration and the fusion are chosen on the labelled cases, each segmented by the
    others: ``dice`` in the history says what that gave, and is low where the scans share no
    anatomy, as pictures of cells do. ``seconds_per_image`` says how long it took for each.

    The model holds the labelled scans themselves, sampled down: whoever has the model has them.

    Parameters
    ----------
    most_atlases : int
        So many of the most similar labelled scans are deformed and fused; time grows with them.
    """

    rung: ClassVar[str] = "atlas"
    library: ClassVar[str] = "SimpleITK"
    kind: ClassVar[type] = AtlasParameters
    most_structures: ClassVar[int] = 50
    most_voxels: ClassVar[Mapping[int, int]] = _VOXELS
    array_names: ClassVar[tuple[str, ...]] = ("scans", "classes")

    def __init__(self, *, most_atlases: int = 8) -> None:
        self.most_atlases = most_atlases

    def _search(
        self, samples: list[Sample], labelled: Cohort, search: Search
    ) -> tuple[AtlasParameters, Arrays]:
        n_classes, n_channels = labelled.legend.n_classes, len(samples[0].view.array)
        is_colour = n_channels > len(labelled.channels)
        coarse = [s.coarser(_VOXELS[s.classes.ndim], n_classes) for s in samples]
        atlases = [Atlas(_brightness(s.view, is_colour), s.view.spacing, s.classes) for s in coarse]
        subjects = [s.subject for s in samples]
        registration, fusion, seconds = _compared(
            atlases, subjects, labelled.legend.names, self.most_atlases, search
        )
        for row in search.history:
            row["seconds_per_image"] = round(seconds, 3)
        parameters = AtlasParameters(
            n_channels=n_channels,
            is_colour=is_colour,
            registration=registration,
            fusion=fusion,
            most_atlases=self.most_atlases,
            shapes=tuple(a.classes.shape for a in atlases),
            spacings=tuple(a.spacing for a in atlases),
        )
        arrays: Arrays = {
            "scans": np.concatenate([a.scan.astype(np.float16).ravel() for a in atlases]),
            "classes": np.concatenate([a.classes.ravel() for a in atlases]),
        }
        return parameters, arrays

    def _segment(self, view: View) -> tuple[npt.NDArray[np.uint8], FloatArray | None]:
        parameters = self.parameters_
        target = _brightness(view, parameters.is_colour)
        settings = parameters.registration
        aligned = _aligned(target, view.spacing, self._atlases(), settings.metric)
        ranked = _most_similar(aligned, parameters.most_atlases)
        n_classes = self.legend_.n_classes
        images, shares = _moved(target, view.spacing, ranked, settings, n_classes)
        fused = fuse(target, images, shares, [parameters.fusion])[parameters.fusion]
        return fused.argmax(axis=0).astype(np.uint8), fused

    def _atlases(self) -> list[Atlas]:
        shapes, spacings = self.parameters_.shapes, self.parameters_.spacings
        ends = np.cumsum([0, *(int(np.prod(shape)) for shape in shapes)])
        scans, classes = self._arrays["scans"], self._arrays["classes"]
        return [
            Atlas(
                scans[begin:end].reshape(shape).astype(np.float32),
                spacing,
                classes[begin:end].reshape(shape),
            )
            for (begin, end), shape, spacing in zip(
                itertools.pairwise(ends), shapes, spacings, strict=True
            )
        ]

    def save(self, folder: Path, *, overwrite: bool = False) -> None:
        """Write the model folder; ``scans.npy`` in it are the labelled scans themselves.

        They are sampled down and bear no names, but are patients' images all the same: keep the
        folder as you keep the scans, and give it to nobody who may not see them.
        """
        super().save(folder, overwrite=overwrite)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a model that `save` wrote.

        Raises
        ------
        ModelError
            If a file is missing or damaged.
        """
        segmenter = super().load(folder)
        n_voxels = sum(int(np.prod(shape)) for shape in segmenter.parameters_.shapes)
        sizes = {name: segmenter._arrays[name].size for name in cls.array_names}
        if set(sizes.values()) != {n_voxels}:
            raise ModelError(
                f"The atlases in '{folder}' are damaged",
                got=sizes,
                expected=f"{n_voxels} voxels",
                cure="Take the model folder's own copy back.",
            )
        segmenter.most_atlases = segmenter.parameters_.most_atlases
        return segmenter


@dataclass(frozen=True, eq=False)
class Aligned:
    """An atlas, the affine transform to it from a scan, and its brightness on the scan's grid."""

    atlas: Atlas
    transform: Any
    scan: FloatArray
    similarity: float


def _aligned(
    target: FloatArray,
    spacing: Sequence[float],
    atlases: Sequence[Atlas],
    metric: Metric,
) -> list[Aligned]:
    """Bring each atlas to a scan by an affine transform."""
    fixed, pattern = itk_image(target, spacing), local_brightness(target)

    def one(atlas: Atlas) -> Aligned:
        transform = affine(fixed, itk_image(atlas.scan, atlas.spacing), metric)
        scan = _on_target(atlas.scan, atlas.spacing, fixed, target.shape, transform)
        similarity = float((pattern * local_brightness(scan)).mean())
        return Aligned(atlas, transform, scan, similarity)

    return _in_parallel(one, atlases)


def _most_similar(aligned: Sequence[Aligned], most: int) -> list[Aligned]:
    return sorted(aligned, key=lambda one: -one.similarity)[:most]


def _moved(
    target: FloatArray,
    spacing: Sequence[float],
    aligned: Sequence[Aligned],
    settings: Registration,
    n_classes: int,
) -> tuple[list[FloatArray], list[FloatArray]]:
    """Deform atlases onto a scan: their brightness, and their probabilities of the classes."""
    reference = itk_image(target, spacing)

    def one(pair: Aligned) -> tuple[FloatArray, FloatArray]:
        atlas, scan = pair.atlas, pair.scan
        on_atlas = np.stack([atlas.classes == k for k in range(1, n_classes)]).astype(np.float32)
        shares = np.stack(
            [
                warped(share, atlas.spacing, reference, target.shape, pair.transform)
                for share in on_atlas
            ]
        )
        if settings.deformation != "none":
            field = deformed(target, scan, spacing, settings)
            scan = _on_target(scan, spacing, reference, target.shape, field)
            shares = np.stack(
                [warped(share, spacing, reference, target.shape, field) for share in shares]
            )
        background = np.maximum(1.0 - shares.sum(axis=0, keepdims=True), 0.0)
        return scan, np.concatenate([background, shares])

    images, shares = zip(*_in_parallel(one, aligned), strict=True)
    return list(images), list(shares)


def _on_target(
    scan: FloatArray,
    spacing: Sequence[float],
    reference: Any,
    shape: Sequence[int],
    transform: Any,
) -> FloatArray:
    return warped(scan, spacing, reference, shape, transform, outside=float(scan.min()))


def _in_parallel(one: Any, jobs: Sequence[Any]) -> list[Any]:
    # Each registration keeps to one thread, so that results do not depend on the cores.
    with single_threaded(), ThreadPoolExecutor(usable_cores()) as pool:
        return list(pool.map(one, jobs))


def _compared(
    atlases: Sequence[Atlas],
    subjects: Sequence[str],
    names: Sequence[str],
    most_atlases: int,
    search: Search,
) -> tuple[Registration, Fusion, float]:
    """Segment labelled cases by the others' in each way; find the best, and its seconds a scan.

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
                aligned = _aligned(target.scan, target.spacing, others, metric)
                ranked[metric] = _most_similar(aligned, most_atlases)
                to_align[metric] = time.monotonic() - begun
                begun = time.monotonic()
            images, shares = _moved(
                target.scan, target.spacing, ranked[metric], settings, n_classes
            )
            fused = fuse(target.scan, images, shares)
            seconds[settings] += time.monotonic() - begun + to_align[metric]
            for fusion in FUSIONS:
                found = fused[fusion].argmax(axis=0)
                each = [dice(found == k, target.classes == k) for k in range(1, n_classes)]
                values.setdefault((settings, fusion), []).append(each)
        n_done += 1
    if not n_done:
        search.history.append({"step": 0.0, "seconds": 0.0, "dice": float("nan")})
        return _CANDIDATES[0], "local", float("nan")
    means = {way: np.mean(each, axis=0) for way, each in values.items()}
    best = max(means, key=lambda way: float(means[way].mean()))
    for name, value in zip(names, means[best], strict=True):
        search.tell(name, float(value), n_tried=len(means))
    return *best, seconds[best[0]] / n_done


def _brightness(view: View, is_colour: bool) -> FloatArray:
    """One channel, clipped, with mean 0 and standard deviation 1."""
    array = view.array.mean(axis=0) if is_colour else view.array[0]
    low, high = (float(v) for v in np.percentile(array, _CLIP_PERCENT))
    clipped = np.clip(array, low, high)
    return np.asarray((clipped - clipped.mean()) / max(float(clipped.std()), 1e-6), np.float32)
