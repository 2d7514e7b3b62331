"""The threshold rung: a band of brightness for each structure, then cleaning."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from suffice.core import Cohort
from suffice.segmenters.rules import Rule, search_rule
from suffice.segmenters.searched import Arrays, SearchedSegmenter
from suffice.segmenters.searching import (
    COARSE,
    BoolArray,
    FloatArray,
    Sample,
    Search,
    View,
    mean_dice,
)

# Beyond, all orders are too many to try; small structures then lie upon large ones.
_MOST_ORDERED = 4


@dataclass(frozen=True, kw_only=True)
class ThresholdParameters:
    """What a threshold model knows.

    Parameters
    ----------
    n_channels : int
        Of the images, those of a colour file counted each.
    rules : tuple of Rule
        One for each structure, in the order of the legend.
    order : tuple of int
        Classes in the order of painting: where two rules find a voxel, the later class has it.
    """

    n_channels: int
    rules: tuple[Rule, ...]
    order: tuple[int, ...]

    def segment(self, view: View) -> npt.NDArray[np.uint8]:
        """Classes of a scan, uint8 of shape ``(*spatial)``."""
        masks = [rule.find(view, k) for k, rule in enumerate(self.rules, start=1)]
        return painted(masks, self.order)


class ThresholdSegmenter(SearchedSegmenter[ThresholdParameters]):
    """Bands of brightness with cleaning, all of it searched; seconds to fit, instant to use."""

    rung: ClassVar[str] = "threshold"
    kind: ClassVar[type] = ThresholdParameters
    most_structures: ClassVar[int] = 12
    most_voxels: ClassVar[Mapping[int, int]] = {2: 1 << 22, 3: 1 << 24}

    def _search(
        self, samples: list[Sample], labelled: Cohort, search: Search
    ) -> tuple[ThresholdParameters, Arrays]:
        return search_thresholds(samples, labelled, search), {}

    def _segment(self, view: View) -> tuple[npt.NDArray[np.uint8], FloatArray | None]:
        return self.parameters_.segment(view), None


def search_thresholds(
    samples: Sequence[Sample], labelled: Cohort, search: Search, part: float = 1.0
) -> ThresholdParameters:
    """Search a rule for each structure, then who lies upon whom.

    Parameters
    ----------
    samples : sequence of Sample
    labelled : Cohort
        For its legend and the unit of its first channel.
    search : Search
    part : float
        Of the budget, which must not be passed.
    """
    legend = labelled.legend
    ndim = samples[0].classes.ndim
    coarse = [s.coarser(COARSE[ndim], legend.n_classes) for s in samples]
    in_hu = labelled.channels[0].unit == "HU"
    begun = search.spent
    rules = []
    for k, name in enumerate(legend.names, start=1):
        until = begun + (part - begun) * k / len(legend)
        rule, _ = search_rule(samples, coarse, k, name=name, in_hu=in_hu, search=search, part=until)
        rules.append(rule)
    masks = [[rule.find(s.view, k) for k, rule in enumerate(rules, start=1)] for s in samples]
    order = _best_order(masks, samples, legend.n_classes)
    n_channels = len(samples[0].view.array)
    return ThresholdParameters(n_channels=n_channels, rules=tuple(rules), order=order)


def painted(masks: Sequence[BoolArray], order: Sequence[int]) -> npt.NDArray[np.uint8]:
    """Paint masks upon each other, as classes.

    Examples
    --------
    >>> painted([np.array([True, True]), np.array([False, True])], (2, 1)).tolist()
    [1, 1]
    """
    classes = np.zeros(masks[0].shape, np.uint8)
    for k in order:
        classes[masks[k - 1]] = k
    return classes


def _best_order(
    masks: Sequence[Sequence[BoolArray]], samples: Sequence[Sample], n_classes: int
) -> tuple[int, ...]:
    truths = [s.classes for s in samples]
    sizes = np.sum([np.bincount(t.ravel(), minlength=n_classes) for t in truths], axis=0)
    by_size = sorted(range(1, n_classes), key=lambda k: -int(sizes[k]))
    orders = [tuple(by_size)]
    if 1 < len(by_size) <= _MOST_ORDERED:
        orders += [o for o in itertools.permutations(by_size) if o != orders[0]]
    if len(orders) == 1:
        return orders[0]
    scores = [
        mean_dice([painted(case, order) for case in masks], truths, n_classes) for order in orders
    ]
    return orders[int(np.argmax(scores))]
