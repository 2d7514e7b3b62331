"""How unlike a mask and its scan are to those that a model learned from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from suffice.quality.traits import CaseTraits, StructureTraits

# Spreads below these are those of few cases, not of nature: logarithms of size and outline, and
# brightness in parts of the range.
_LEAST_SPREAD = {"log_size": 0.1, "outline": 0.05, "brightness": 0.05}
_LEAST_DISTANCE = 0.01
# Median absolute deviation to standard deviation of a normal distribution.
_TO_SD = 1.4826


@dataclass(frozen=True)
class Likeness:
    """The scans and masks that a model learned from, as traits.

    Parameters
    ----------
    cases : tuple of CaseTraits
    """

    cases: tuple[CaseTraits, ...]

    def is_usual(self, label: str) -> bool:
        """Whether more than half of the training cases have a structure."""
        n_with = sum(label in case.structures for case in self.cases)
        return 2 * n_with > len(self.cases)

    def oddness(self, traits: CaseTraits) -> dict[str, dict[str, float]]:
        """Say of every structure of a mask how odd it is; larger is odder, 0 is as usual.

        Returns
        -------
        dict of str to dict of str to float
            For each label in the mask ``odd_size``, ``odd_outline`` and ``odd_brightness`` (the
            logarithm of one more than the distance from the training median in robust standard
            deviations), ``pieces`` (logarithm of how many times more pieces than most training
            masks have) and ``odd_scan``, which is the scan's. Where no training mask has the
            structure, ``odd_scan`` alone.
        """
        scan = self._scan_oddness(traits)
        found = {}
        for label, mine in traits.structures.items():
            known = [case.structures[label] for case in self.cases if label in case.structures]
            found[label] = {**_structure_oddness(mine, known), "odd_scan": scan}
        return found

    def _scan_oddness(self, traits: CaseTraits) -> float:
        """Distance to the nearest training scan, over that usual among training scans."""
        mine = np.asarray(traits.quantiles)
        known = [np.asarray(c.quantiles) for c in self.cases if len(c.quantiles) == len(mine)]
        if len(known) < 2:
            return float("nan")
        table = np.stack(known)
        between = np.abs(table[:, None] - table[None]).mean(axis=-1)
        np.fill_diagonal(between, np.inf)
        usual = max(float(np.median(between.min(axis=1))), _LEAST_DISTANCE)
        return math.log1p(float(np.abs(table - mine).mean(axis=1).min()) / usual)


def _structure_oddness(mine: StructureTraits, known: Sequence[StructureTraits]) -> dict[str, float]:
    if not known:
        return {}
    found = {}
    for name, least in _LEAST_SPREAD.items():
        values = np.asarray([getattr(each, name) for each in known])
        middle = float(np.median(values))
        spread = max(_TO_SD * float(np.median(np.abs(values - middle))), least)
        distance = abs(float(getattr(mine, name)) - middle) / spread
        found[f"odd_{name.removeprefix('log_')}"] = math.log1p(distance)
    usual = float(np.median([each.n_pieces for each in known]))
    found["pieces"] = max(0.0, math.log(mine.n_pieces / usual))
    return found
