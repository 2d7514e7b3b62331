"""A rule finds one structure: brightness, a band of it, cleaning; all searched by Dice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from suffice.segmenters.bands import HU_WINDOWS, Band, Histograms, automatic_bands
from suffice.segmenters.brightness import (
    Brightness,
    candidates,
    distinct_channels,
    thinned,
    typical_voxel,
)
from suffice.segmenters.postprocess import GAIN, Cleaning, clean, moves
from suffice.segmenters.searching import BoolArray, FloatArray, Sample, Search, View, dice

_LEVELS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5)
_PLACE_WEIGHTS = (-1.0, -0.5, -0.25, -0.125, 0.125, 0.25, 0.5, 1.0)
_NUDGES = (-0.1, -0.03, -0.01, 0.01, 0.03, 0.1)
_MARGINS = (0.0, 0.03, 0.1, 0.2)
_THINNED = 1 << 14
_N_PLACED, _N_AUTOMATIC, _N_STARTS, _N_FINALISTS = 3, 4, 6, 2
# A window in use is taken where it is as good but for this.
_PRESET_LOSS = 0.01


@dataclass(frozen=True, kw_only=True)
class Rule:
    """How a structure is found.

    Parameters
    ----------
    brightness : Brightness
    band : Band
    cleaning : Cleaning
    """

    brightness: Brightness
    band: Band
    cleaning: Cleaning = field(default_factory=Cleaning)

    def find(self, view: View, structure: int) -> BoolArray:
        """Find the structure (its class) in a scan."""
        return self.find_in(self.brightness.of(view, structure), view, structure)

    def find_in(self, brightness: FloatArray, view: View, structure: int) -> BoolArray:
        """Find the structure where the brightness is known already."""
        place = None if view.place is None else view.place[structure]
        return clean(self.band.inside(brightness, place), self.cleaning, view.spacing)


Step = Callable[[Rule], Rule]


def search_rule(
    samples: Sequence[Sample],
    coarse: Sequence[Sample],
    structure: int,
    *,
    name: str,
    in_hu: bool,
    search: Search,
    part: float = 1.0,
) -> tuple[Rule, float]:
    """Search the rule of one structure (its class): every band first, then cleaning.

    Histograms give all windows at once without cleaning; the best few are cleaned and nudged, all
    on coarse voxels, and the best two then on fine ones.

    Parameters
    ----------
    samples, coarse : sequence of Sample
        The same cases on fine and on coarse voxels.
    structure : int
    name : str
        Of the structure, for the history.
    in_hu : bool
        Whether the first channel is in Hounsfield units.
    search : Search
    part : float
        Of the budget, which must not be passed.

    Returns
    -------
    Rule, float
        With the mean Dice that it reaches on ``samples``.
    """
    starts = _starts(coarse, structure, name=name, in_hu=in_hu, search=search, part=part)
    refined = []
    for _, rule in starts:
        refined.append(_climb(rule, coarse, structure, None, search, 0.7 * part))
        if not search.has_time(0.7 * part):
            break
    refined.sort(key=lambda found: -found[0])
    finals = [
        _climb(rule, samples, structure, name, search, part) for _, rule in refined[:_N_FINALISTS]
    ]
    best = max(finals, key=lambda found: found[0])
    return best[1], best[0]


def _starts(
    samples: Sequence[Sample],
    structure: int,
    *,
    name: str,
    in_hu: bool,
    search: Search,
    part: float,
) -> list[tuple[float, Rule]]:
    """Return the best rules without cleaning, no two of one channel, scale and blur."""
    truths = [thinned(s.classes == structure, _THINNED) for s in samples]
    voxel = typical_voxel([s.view.spacing for s in samples])
    found: list[tuple[float, Rule]] = []

    def try_one(brightness: Brightness) -> None:
        if found and not search.has_time(part / 2):
            return
        score, band = _histograms(samples, truths, brightness, structure).best()
        found.append((score, Rule(brightness=brightness, band=band)))
        search.tell(name, score)

    for brightness in candidates(distinct_channels([s.view for s in samples]), voxel):
        try_one(brightness)
    found.sort(key=lambda entry: -entry[0])
    for _, rule in found[:_N_PLACED]:
        if samples[0].view.place is not None:
            span = _span(samples, rule.brightness, structure)
            for weight in _PLACE_WEIGHTS:
                try_one(replace(rule.brightness, place=weight * span))
    found.sort(key=lambda entry: -entry[0])
    found += _automatic(samples, found, structure, search, part)
    if in_hu:
        found += _presets(samples, found, structure)
    found.sort(key=lambda entry: -entry[0])
    # Without cleaning alike, they would end alike.
    kinds: dict[object, tuple[float, Rule]] = {}
    for entry in found:
        b = entry[1].brightness
        kinds.setdefault((b.channel, b.scale, b.flattened, b.place > 0, b.place < 0), entry)
    return list(kinds.values())[:_N_STARTS]


def _histograms(
    samples: Sequence[Sample], truths: Sequence[BoolArray], brightness: Brightness, structure: int
) -> Histograms:
    values = [thinned(brightness.of(s.view, structure), _THINNED) for s in samples]
    places = [
        thinned(s.view.place[structure], _THINNED) for s in samples if s.view.place is not None
    ]
    return Histograms.of(values, truths, places or None, _LEVELS)


def _span(samples: Sequence[Sample], brightness: Brightness, structure: int) -> float:
    """Range of a brightness over the cases, percentiles 1 to 99."""
    values = [thinned(brightness.of(s.view, structure), 2000) for s in samples]
    low, high = np.percentile(np.concatenate(values), (1, 99))
    return max(float(high - low), 1e-6)


def _automatic(
    samples: Sequence[Sample],
    found: Sequence[tuple[float, Rule]],
    structure: int,
    search: Search,
    part: float,
) -> list[tuple[float, Rule]]:
    """Otsu's and Li's bands of the best brightnesses."""
    rules: list[tuple[float, Rule]] = []
    for _, rule in found[:_N_AUTOMATIC]:
        fields = [rule.brightness.of(s.view, structure) for s in samples]
        for band in automatic_bands():
            if not search.has_time(part / 2):
                return rules
            tried = Rule(brightness=rule.brightness, band=band)
            rules.append((_score(tried, samples, fields, structure), tried))
        search.n_tried += len(automatic_bands())
    return rules


def _presets(
    samples: Sequence[Sample], found: Sequence[tuple[float, Rule]], structure: int
) -> list[tuple[float, Rule]]:
    """Windows in use, which round numbers favour."""
    plain = [
        rule.brightness
        for _, rule in found
        if rule.brightness.scale == "unit"
        and not rule.brightness.flattened
        and not rule.brightness.place
        and rule.brightness.channel == 0
    ]
    if not plain:
        return []
    fields = [plain[0].of(s.view, structure) for s in samples]
    rules = []
    for low, high in HU_WINDOWS.values():
        rule = Rule(brightness=plain[0], band=Band(low=low, high=high))
        rules.append((_score(rule, samples, fields, structure) + _PRESET_LOSS, rule))
    return rules


def _climb(
    rule: Rule,
    samples: Sequence[Sample],
    structure: int,
    name: str | None,
    search: Search,
    part: float,
) -> tuple[float, Rule]:
    """Take each step that helps, in turn, at most twice around."""
    fields = [rule.brightness.of(s.view, structure) for s in samples]
    span = _span(samples, rule.brightness, structure)
    voxel = typical_voxel([s.view.spacing for s in samples])
    best = _score(rule, samples, fields, structure)
    for _ in range(2):
        before = best
        for step in _steps(rule, span, voxel):
            if not search.has_time(part):
                break
            tried = step(rule)
            if tried == rule:
                continue
            score = _score(tried, samples, fields, structure)
            search.n_tried += 1
            if score > best + GAIN:
                rule, best = tried, score
        if best == before or not search.has_time(part):
            break
    if name is not None:
        search.tell(name, best, n_tried=0)
    return best, rule


def _steps(rule: Rule, span: float, voxel: float) -> list[Step]:
    """Ways to change a rule, each in one place."""
    steps: list[Step] = [
        partial(_with_cleaning, {name: getattr(cleaning, name)})
        for name, cleaning in moves(rule.cleaning, voxel)
    ]
    if rule.band.method == "window":
        steps += [partial(_with_end, end, by * span) for end in ("low", "high") for by in _NUDGES]
    steps += [partial(_with_band, {"margin": share * span}) for share in _MARGINS]
    steps += [partial(_with_band, {"least_place": level}) for level in _LEVELS]
    return steps


def _with_cleaning(changes: dict[str, Any], rule: Rule) -> Rule:
    return replace(rule, cleaning=replace(rule.cleaning, **changes))


def _with_band(changes: dict[str, Any], rule: Rule) -> Rule:
    return replace(rule, band=replace(rule.band, **changes))


def _with_end(end: str, by: float, rule: Rule) -> Rule:
    value = getattr(rule.band, end)
    return rule if value is None else _with_band({end: value + by}, rule)


def _score(
    rule: Rule, samples: Sequence[Sample], fields: Sequence[FloatArray], structure: int
) -> float:
    return float(
        np.mean(
            [
                dice(rule.find_in(field, s.view, structure), s.classes == structure)
                for field, s in zip(fields, samples, strict=True)
            ]
        )
    )
