"""Masks of DICOM series from the SEG and RTSTRUCT objects that lie beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from suffice.core import DEFAULT_RATER, Grid, SufficeError
from suffice.io.layouts.draft import Drawing, LabelArray
from suffice.io.layouts.names import listed
from suffice.io.left_out import LeftOut

if TYPE_CHECKING:
    from suffice.io.objects.fitting import Structure
    from suffice.io.objects.opening import Drawn

_OVERLAP = "overlap"

_Part = tuple[Path, str]
"""An object and the name of a structure in it."""


@dataclass
class Drawings:
    """What was drawn on the series of a tree, by structures that have one value in all of it.

    Parameters
    ----------
    objects : mapping of str to list of Path
        The objects drawn on each series, by its identifier.
    left_out : list of LeftOut
        Objects and structures that are no masks are added to it.

    Attributes
    ----------
    labels, codes : dict of int to str
        Names and codes of the structures by their values.
    notes : list of str
    """

    objects: Mapping[str, list[Path]]
    left_out: list[LeftOut]
    labels: dict[int, str] = field(default_factory=dict, init=False)
    codes: dict[int, str] = field(default_factory=dict, init=False)
    _overlapping: list[str] = field(default_factory=list, init=False)

    def of_series(self, uid: str, case: str, series: Path) -> dict[str, Drawing]:
        """Say which masks a series gets, by rater.

        Objects with different structures make one mask together. Those with the same are masks
        by different raters. Structures that overlap are parted into several masks.
        """
        paths = [path for path in self.objects.get(uid, []) if self._is_usable(path, series)]
        raters = {DEFAULT_RATER: paths}
        names = [s.name for path in paths for s in _open(path, series).structures]
        if len(set(names)) < len(names):
            raters = {f"object-{i}": [path] for i, path in enumerate(paths, start=1)}
        drawings: dict[str, Drawing] = {}
        for rater, own in raters.items():
            for i, parts in enumerate(self._layers(own, series)):
                name = rater if i == 0 else f"{rater}-{_OVERLAP}-{i}"
                draw = partial(_draw, parts, self._values(parts), series)
                drawings[name] = Drawing(tuple(own), draw)
                if i == 1:
                    self._overlapping.append(case)
        return drawings

    @property
    def notes(self) -> list[str]:
        """What a person should know of how the objects were read."""
        if not self._overlapping:
            return []
        return [
            f"Structures overlap in {len(self._overlapping)} cases, first '{self._overlapping[0]}':"
            f" what lies on others there is in masks of its own, as by raters whose names hold "
            f"'{_OVERLAP}'; such a mask does not say that the rest is absent"
        ]

    def _is_usable(self, path: Path, series: Path) -> bool:
        """Open an object; what cannot be used of it is left out, with the reason."""
        try:
            drawn = _open(path, series)
            for _ in _placed(drawn, series):
                pass
        except SufficeError as error:
            self.left_out.append(LeftOut(path, str(error)))
            return False
        unusable: Mapping[str, str] = getattr(drawn, "unusable", {})
        if unusable:
            why = "; ".join(f"'{name}' is no mask: {reason}" for name, reason in unusable.items())
            self.left_out.append(LeftOut(path, why))
        for structure in drawn.structures:
            self._value(structure)
        return bool(drawn.structures)

    def _value(self, structure: Structure) -> int:
        """Give a structure its value: the same wherever it has the same name."""
        known = {name: value for value, name in self.labels.items()}
        value = known.get(structure.name, len(self.labels) + 1)
        self.labels[value] = structure.name
        if structure.code:
            self.codes.setdefault(value, structure.code)
        return value

    def _values(self, parts: Sequence[_Part]) -> dict[str, int]:
        known = {name: value for value, name in self.labels.items()}
        return {name: known[name] for _, name in parts}

    def _layers(self, paths: Sequence[Path], series: Path) -> list[list[_Part]]:
        """Part the structures of objects into as few masks as hold them without overlaps."""
        layers: list[list[_Part]] = []
        taken: list[npt.NDArray[np.bool_]] = []
        for path in paths:
            for structure, mask in _placed(_open(path, series), series):
                for layer, other in zip(layers, taken, strict=True):
                    if not (other & mask).any():
                        layer.append((path, structure.name))
                        other |= mask
                        break
                else:
                    layers.append([(path, structure.name)])
                    taken.append(mask)
        return layers


def series_of_object(header: Any) -> str:
    """Identifier of the series that an object was drawn on, from its header."""
    from suffice.io.objects.rtstruct_read import series_of_rtstruct

    references = header.get("ReferencedSeriesSequence") or []
    if references:
        return str(references[0].get("SeriesInstanceUID", ""))
    return series_of_rtstruct(header)


def without_series(objects: Mapping[str, list[Path]], known: set[str]) -> Iterator[LeftOut]:
    """Name the objects whose series is not there."""
    for uid, paths in objects.items():
        if uid not in known:
            for path in paths:
                yield LeftOut(path, "the series that it was drawn on is not there")


def note_drawings(n_objects: int, labels: Mapping[int, str]) -> list[str]:
    """Say how many objects were taken for masks."""
    if not labels:
        return []
    return [
        f"Masks of {listed(list(labels.values()))} were made of the {n_objects} SEG and RTSTRUCT "
        "objects beside the series, and written to masks/"
    ]


def _open(path: Path, series: Path) -> Drawn:
    """Open an object; the last few are kept, as each is asked for several times."""
    return _opened(path, series, path.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _opened(path: Path, series: Path, _changed_at: int) -> Drawn:
    from suffice.io.objects.opening import kind_of
    from suffice.io.objects.rtstruct_read import read_rtstruct
    from suffice.io.objects.seg_read import read_seg

    return read_seg(path) if kind_of(path) == "SEG" else read_rtstruct(path, series)


def _placed(drawn: Drawn, series: Path) -> Iterator[tuple[Structure, npt.NDArray[np.bool_]]]:
    """Yield the structures of an object on the whole grid of their series."""
    from suffice.io.objects.fitting import placed_on

    grid = _grid(series, series.stat().st_mtime_ns)
    for structure, mask in drawn.masks():
        yield structure, placed_on(grid, drawn.grid, mask, drawn.path)


@lru_cache(maxsize=4)
def _grid(series: Path, _changed_at: int) -> Grid:
    from suffice.io.images import read_grid

    return read_grid(series)


def _draw(
    parts: Sequence[_Part], values: Mapping[str, int], series: Path, shape: tuple[int, ...]
) -> LabelArray:
    labels: npt.NDArray[np.uint16] = np.zeros(shape, dtype=np.uint16)
    for path in dict.fromkeys(path for path, _ in parts):
        for structure, mask in _placed(_open(path, series), series):
            if (path, structure.name) in parts:
                labels[mask] = values[structure.name]
    return labels
