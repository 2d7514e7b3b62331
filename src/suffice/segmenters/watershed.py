"""The watershed rung: thresholds mark what is sure, the flood finds borders and splits objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage import segmentation

from suffice.core import Case, Cohort, Image, UsageError
from suffice.io import read_case_instances, read_grid
from suffice.metrics import components
from suffice.segmenters.postprocess import dilated, eroded
from suffice.segmenters.preparing import Orientation
from suffice.segmenters.rules import Rule
from suffice.segmenters.searched import Arrays, SearchedSegmenter
from suffice.segmenters.searching import FloatArray, Sample, Search, View, mean_dice, sampled
from suffice.segmenters.splitting import (
    IntArray,
    Splitting,
    search_splitting,
    split_instances,
)
from suffice.segmenters.threshold import ThresholdParameters, search_thresholds

__all__ = [
    "Flood",
    "Splitting",
    "WatershedParameters",
    "WatershedSegmenter",
    "search_splitting",
    "split_instances",
]

ReadInstances = Callable[[Case], npt.NDArray[Any]]

_RADII = (1.0, 2.0, 3.0, 5.0, 8.0)
_BLURS = (1.0, 2.0)
# In voxels.
_NARROWEST = 0.7
# Of the budget: thresholds, then borders; objects have the rest.
_MASKS, _BORDERS = 0.6, 0.75


@dataclass(frozen=True, kw_only=True)
class Flood:
    """How borders are moved onto edges of the image.

    Parameters
    ----------
    inner, outer : float
        Distance in mm (pixels) from the border of the threshold's mask within which a voxel is
        sure to be inside or outside no more; both 0 leaves the mask as it is.
    blur : float
        Standard deviation in mm at which edges are looked for.
    """

    inner: float = 0.0
    outer: float = 0.0
    blur: float = 1.0


@dataclass(frozen=True, kw_only=True)
class WatershedParameters:
    """What a watershed model knows.

    Parameters
    ----------
    n_channels : int
    thresholds : ThresholdParameters
    flood : Flood
    splittings : tuple of Splitting
        One for each structure, in the order of the legend.
    """

    n_channels: int
    thresholds: ThresholdParameters
    flood: Flood
    splittings: tuple[Splitting, ...]


class WatershedSegmenter(SearchedSegmenter[WatershedParameters]):
    """Marker-controlled watershed: borders on edges, and touching objects told apart.

    Parameters
    ----------
    read_instances : callable, optional
        Gives a case's map of objects, a value for each, on the image's own grid. By default the
        map that the cohort keeps, and where it keeps none the connected components.
    """

    rung: ClassVar[str] = "watershed"
    kind: ClassVar[type] = WatershedParameters
    most_structures: ClassVar[int] = 12
    most_voxels: ClassVar[Mapping[int, int]] = {2: 1 << 22, 3: 1 << 24}

    def __init__(self, *, read_instances: ReadInstances | None = None) -> None:
        self.read_instances = read_instances

    def _search(
        self, samples: list[Sample], labelled: Cohort, search: Search
    ) -> tuple[WatershedParameters, Arrays]:
        thresholds = search_thresholds(samples, labelled, search, part=_MASKS)
        flood = _search_flood(samples, thresholds, labelled.legend.names, search)
        classes = [_flooded(s.view, thresholds, flood) for s in samples]
        splittings = []
        for k, rule in enumerate(thresholds.rules, start=1):
            splitting, _ = search_splitting(
                [c == k for c in classes],
                [self._objects(labelled, s, k) for s in samples],
                brightness=[_relevant(s.view, rule, k) for s in samples],
                spacings=[s.view.spacing for s in samples],
                search=search,
                part=_BORDERS + (1 - _BORDERS) * k / len(labelled.legend),
            )
            splittings.append(splitting)
        parameters = WatershedParameters(
            n_channels=thresholds.n_channels,
            thresholds=thresholds,
            flood=flood,
            splittings=tuple(splittings),
        )
        return parameters, {}

    def _objects(self, labelled: Cohort, sample: Sample, structure: int) -> IntArray:
        drawn = sample.classes == structure
        case = labelled.subset([sample.name]).cases[0]
        if self.read_instances is None:
            told = read_case_instances(labelled, case)
        else:
            told = self.read_instances(case)
        if told is None:
            return components(drawn)
        grid = read_grid(case.images[labelled.channels[0].name])
        drawn_objects = Orientation.of(grid).to_canonical(np.asarray(told))
        found = sampled(drawn_objects, drawn.shape)
        return np.where(drawn, found, 0).astype(np.int32)

    def _segment(self, view: View) -> tuple[npt.NDArray[np.uint8], FloatArray | None]:
        p = self.parameters_
        return _flooded(view, p.thresholds, p.flood), None

    def _split(self, view: View, classes: npt.NDArray[np.uint8]) -> IntArray:
        numbered = np.zeros(classes.shape, np.int32)
        for k in range(1, len(self.legend_) + 1):
            found = self._split_one(view, classes, k)
            numbered[found > 0] = found[found > 0] + numbered.max()
        return numbered

    def _split_one(self, view: View, classes: npt.NDArray[np.uint8], k: int) -> IntArray:
        return split_instances(
            classes == k,
            self.parameters_.splittings[k - 1],
            brightness=_relevant(view, self.parameters_.thresholds.rules[k - 1], k),
            spacing=view.spacing,
        )

    def instances(self, image: Image, structure: str | None = None) -> IntArray:
        """Number the objects of a structure.

        Parameters
        ----------
        image : Image
        structure : str, optional
            By default the first of the legend.

        Returns
        -------
        int32 array of the image's spatial shape
            0 for background.
        """
        self._require_fit(image)
        names = self.legend_.names
        if structure is not None and structure not in names:
            raise UsageError("No such structure", got=structure, expected=", ".join(names))
        k = 1 if structure is None else 1 + names.index(structure)
        view = self.view_of(image)
        classes, _ = self._segment(view)
        found = self._split_one(view, classes, k)
        orientation = Orientation.of(image.grid)
        shape = tuple(int(n) for n in orientation.reorder(image.grid.shape))
        return np.ascontiguousarray(orientation.from_canonical(sampled(found, shape)))


def _relevant(view: View, rule: Rule, structure: int) -> FloatArray:
    """Brightness that a structure is told by, without what its place adds."""
    return replace(rule.brightness, place=0.0).of(view, structure)


def _flooded(view: View, thresholds: ThresholdParameters, flood: Flood) -> npt.NDArray[np.uint8]:
    classes = thresholds.segment(view)
    return classes if not flood.inner else _flood_from(classes, view, thresholds, flood)


def _flood_from(
    classes: npt.NDArray[np.uint8], view: View, thresholds: ThresholdParameters, flood: Flood
) -> npt.NDArray[np.uint8]:
    """Flood the edges of the image from what is sure; the background is a marker of its own."""
    background = len(thresholds.rules) + 1
    markers = np.zeros(classes.shape, np.int32)
    markers[~dilated(classes > 0, flood.outer, view.spacing)] = background
    for k in range(1, background):
        inside = classes == k
        if inside.any():
            sure = eroded(inside, flood.inner, view.spacing)
            # A piece that is thin all over is marked whole, as it would be lost.
            pieces = components(inside)
            is_thin = np.ones(int(pieces.max()) + 1, bool)
            is_thin[np.unique(pieces[sure])] = is_thin[0] = False
            markers[sure | is_thin[pieces]] = k
    if not (markers == background).any() or (markers == background).all():
        return classes
    flooded = segmentation.watershed(_edges(view, thresholds, flood.blur), markers)
    return np.where(flooded == background, 0, flooded).astype(np.uint8)


def _edges(view: View, thresholds: ThresholdParameters, blur: float) -> FloatArray:
    """Steepness of the channels that the rules look at, each over its own spread."""
    channels = sorted({rule.brightness.channel for rule in thresholds.rules})
    steepest = np.zeros(view.shape, np.float32)
    for channel in channels:
        values = view.array.mean(axis=0) if channel < 0 else view.array[channel]
        steep = _steepness(values, view.spacing, blur)
        steepest = np.maximum(steepest, steep / max(float(values.std()), 1e-6))
    return steepest


def _steepness(values: FloatArray, spacing: Sequence[float], blur: float) -> FloatArray:
    """Magnitude of the gradient, by the unit of the spacing, at a scale in that unit."""
    total = np.zeros(values.shape, np.float32)
    for axis, step in enumerate(spacing):
        sigma = [blur / s for s in spacing]
        # The derivative of a Gaussian that is narrower than a voxel would be sampled as nothing.
        sigma[axis] = max(sigma[axis], _NARROWEST)
        order = [int(a == axis) for a in range(values.ndim)]
        total += (ndimage.gaussian_filter(values, sigma, order) / step) ** 2
    return np.asarray(np.sqrt(total))


def _search_flood(
    samples: Sequence[Sample],
    thresholds: ThresholdParameters,
    names: Sequence[str],
    search: Search,
) -> Flood:
    """Try how far borders may move; most often some voxels, or not at all."""
    truths = [s.classes for s in samples]
    classes = [thresholds.segment(s.view) for s in samples]
    n_classes = len(thresholds.rules) + 1
    voxel = float(np.median([min(s.view.spacing) for s in samples]))
    best, score = Flood(), mean_dice(classes, truths, n_classes)
    for blur in _BLURS:
        for radius in _RADII:
            if not search.has_time(_BORDERS):
                return best
            tried = Flood(inner=radius * voxel, outer=radius * voxel, blur=blur * voxel)
            found = [
                _flood_from(c, s.view, thresholds, tried)
                for c, s in zip(classes, samples, strict=True)
            ]
            reached = mean_dice(found, truths, n_classes)
            search.n_tried += 1
            if reached > score + 1e-3:
                best, score = tried, reached
    if best.inner:
        for name in names:
            search.tell(name, score, n_tried=0)
    return best
