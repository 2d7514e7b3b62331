"""Which layout a folder has, and why."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from suffice.core import CohortError, UsageError
from suffice.io.layouts.bids import Bids
from suffice.io.layouts.coco import Coco
from suffice.io.layouts.dicom import Dicom
from suffice.io.layouts.draft import Layout
from suffice.io.layouts.instances import Instances
from suffice.io.layouts.msd import Msd
from suffice.io.layouts.nnunet import NnUNet
from suffice.io.layouts.pairs import Pairs
from suffice.io.layouts.pattern import Pattern

# The most telling first: a folder that fits several is read as the first of them.
LAYOUTS = ("nnunet", "msd", "bids", "coco", "instances", "pairs", "dicom", "pattern")


def choose_layout(
    source: Path,
    name: str = "auto",
    *,
    pattern: str | None = None,
    mask_patterns: Sequence[str] = (),
    keep_dates: bool = False,
) -> tuple[Layout, str]:
    """Choose the layout of a folder, with the reason in a sentence.

    Parameters
    ----------
    source : Path
    name : str
        ``auto`` to try them all, or one of `LAYOUTS`.
    pattern : str, optional
    mask_patterns : sequence of str
        Patterns of the paths of images and masks; they imply the layout ``pattern``.
    keep_dates : bool
        Whether dates in DICOM headers go into the cohort.

    Raises
    ------
    CohortError
        If nothing speaks for any layout.
    UsageError
        If the name is unknown, or patterns are missing or given to another layout.
    """
    if name not in ("auto", *LAYOUTS):
        raise UsageError(f"There is no layout '{name}'", expected=", ".join(("auto", *LAYOUTS)))
    if pattern is not None and name in ("auto", "pattern"):
        return Pattern(pattern, tuple(mask_patterns)), "read by the pattern given"
    if pattern is not None or mask_patterns or name == "pattern":
        raise UsageError(
            "The layout 'pattern' and --pattern, the pattern of images, go together",
            cure="Give --pattern '{subject}/{slice}.png', and --mask-pattern for the masks.",
        )
    known: tuple[Layout, ...] = (
        *(NnUNet(), Msd(), Bids(), Coco(), Instances(), Pairs(), Dicom(keep_dates)),
    )
    if name != "auto":
        return next(each for each in known if each.name == name), f"read as {name}, as asked"
    evidence = {each: found for each in known if (found := each.detect(source))}
    if not evidence:
        raise CohortError(
            f"No layout fits '{source}'",
            got="neither " + ", ".join(each.name for each in known),
            cure="Name folders images/ and labels/, or give --pattern and --mask-pattern.",
        )
    chosen, *others = evidence
    why = evidence[chosen]
    if others:
        also = "; ".join(f"as {other.name}, {evidence[other]}" for other in others)
        why += f". It could be read otherwise: {also}"
    return chosen, why
