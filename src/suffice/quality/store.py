"""What a model knows about its own quality, as a file of numbers: ``quality.json``."""

from __future__ import annotations

import json
from dataclasses import astuple, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from suffice.core import FileFormatError
from suffice.files import write_text
from suffice.quality.doubts import Doubts
from suffice.quality.judge import HeldBack, Judge
from suffice.quality.likeness import Likeness
from suffice.quality.traits import CaseTraits, StructureTraits

QUALITY = "quality.json"
_VERSION = 1
_DIGITS = 6


@dataclass(frozen=True)
class Quality:
    """Traits of the cases that a model learned from, and how its like did on held-back ones.

    Parameters
    ----------
    likeness : Likeness
    held_back : tuple of HeldBack
    mirror : bool
        Whether predictions were averaged over mirrored pictures: others cannot be judged by it.
    """

    likeness: Likeness
    held_back: tuple[HeldBack, ...]
    mirror: bool = False

    @cached_property
    def judge(self) -> Judge:
        """The fitted judge, made when first asked for."""
        return Judge(self.held_back, self.likeness.is_usual)


def write_quality(path: Path, quality: Quality) -> None:
    """Write ``quality.json``: numbers, without names of cases or subjects."""
    subjects = {s: i for i, s in enumerate(dict.fromkeys(h.subject for h in quality.held_back))}
    content = {
        "version": _VERSION,
        "mirror": quality.mirror,
        "learned_from": [
            {
                "quantiles": [round(q, _DIGITS) for q in case.quantiles],
                "structures": {
                    label: [round(value, _DIGITS) for value in astuple(t)]
                    for label, t in case.structures.items()
                },
            }
            for case in quality.likeness.cases
        ],
        "held_back": [
            {
                "subject": subjects[held.subject],
                "dice": {label: round(d, _DIGITS) for label, d in held.dice.items()},
                "doubts": rounded(held.doubts),
            }
            for held in quality.held_back
        ],
    }
    write_text(path, json.dumps(content, indent=1) + "\n")


def read_quality(path: Path) -> Quality | None:
    """Read what `write_quality` wrote; ``None`` where the file is absent.

    Raises
    ------
    FileFormatError
        If it is damaged.
    """
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        cases = tuple(_case(entry) for entry in content["learned_from"])
        held = tuple(_held_back(i, entry) for i, entry in enumerate(content["held_back"]))
        return Quality(Likeness(cases), held, bool(content["mirror"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FileFormatError(
            f"'{path}' cannot be read",
            got=error,
            cure="Take the model folder's own copy back, or delete it: masks are then not judged.",
        ) from error


def _case(entry: dict[str, Any]) -> CaseTraits:
    structures = {
        str(label): StructureTraits(float(size), float(outline), int(n), float(brightness))
        for label, (size, outline, n, brightness) in entry["structures"].items()
    }
    return CaseTraits(tuple(float(q) for q in entry["quantiles"]), structures)


def _held_back(number: int, entry: dict[str, Any]) -> HeldBack:
    return HeldBack(
        case=str(number),
        subject=str(int(entry["subject"])),
        dice={str(label): float(value) for label, value in entry["dice"].items()},
        doubts=doubts_of(entry["doubts"]),
    )


def rounded(doubts: Doubts) -> Doubts:
    """Round doubts as they are written, so that what is read equals what was kept."""
    return {
        label: {name: round(value, _DIGITS) for name, value in mine.items()}
        for label, mine in doubts.items()
    }


def doubts_of(content: dict[str, Any]) -> Doubts:
    """Check what was read as doubts."""
    return {
        str(label): {str(name): float(value) for name, value in mine.items()}
        for label, mine in content.items()
    }
