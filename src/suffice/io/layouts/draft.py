"""What a layout makes of a folder: evidence that it fits, and a draft of the cohort."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from suffice.core import Case, Channel
from suffice.io.left_out import LeftOut

if TYPE_CHECKING:
    from suffice.io.layouts.stacks import Stack

LabelArray = npt.NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class Drawing:
    """A mask that has to be made: from polygons, from a file an instance, from structures.

    Parameters
    ----------
    sources : tuple of Path
        The files it is made from.
    draw : callable
        Takes the shape of the image, ``(Y, X)`` or ``(X, Y, Z)``, and returns label values.
    is_stored : bool
        Whether the values are those of the files, which may mark the background.
    number : callable, optional
        Where the source tells objects apart: a number for each in place of its label value.
    """

    sources: tuple[Path, ...]
    draw: Callable[[tuple[int, ...]], LabelArray]
    is_stored: bool = False
    number: Callable[[tuple[int, ...]], LabelArray] | None = None


@dataclass(frozen=True, slots=True)
class DraftCase:
    """A case as a layout found it, unread: masks to refer to, and masks to draw, by rater.

    ``stacks`` are channels whose slices are files of their own.
    """

    case: Case
    drawings: Mapping[str, Drawing] = field(default_factory=dict)
    stacks: Mapping[str, Stack] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a layout collected.

    Parameters
    ----------
    cases : tuple of DraftCase
    channels : tuple of Channel
    labels : dict of int to str, optional
        Names that the source itself gives to its label values.
    codes : dict of int to str, optional
        Their codes, see `Label`, where the source tells them.
    ignore : int, optional
        The value of unlabelled voxels, where the source says so itself.
    orphans : tuple of Path
        Masks for which there is no image.
    left_out : tuple of LeftOut
    notes : tuple of str
        What a person should know about how the source was read, a sentence each.
    """

    cases: tuple[DraftCase, ...]
    channels: tuple[Channel, ...] = (Channel(),)
    labels: Mapping[int, str] | None = None
    codes: Mapping[int, str] = field(default_factory=dict)
    ignore: int | None = None
    orphans: tuple[Path, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()


class Layout(Protocol):
    """A way in which people lay out images and masks."""

    name: str

    def detect(self, source: Path) -> str | None:
        """Say in a sentence what speaks for this layout, or ``None``."""

    def collect(self, source: Path) -> Draft:
        """Find images and masks; raise `CohortError` where the source contradicts the layout."""
