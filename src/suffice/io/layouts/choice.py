"""Which layout a folder has, and why."""

from __future__ import annotations

from pathlib import Path

from suffice.core import CohortError, UsageError
from suffice.io.layouts.draft import Layout
from suffice.io.layouts.pairs import Pairs

# The most telling first: a folder that fits several is read as the first of them.
LAYOUTS = ("pairs", "pattern")


def choose_layout(
    source: Path,
    name: str = "auto",
    *,
    pattern: str | None = None,
    mask_pattern: str | None = None,
    keep_dates: bool = False,
) -> tuple[Layout, str]:
    """Choose the layout of a folder, with the reason in a sentence.

    Parameters
    ----------
    source : Path
    name : str
        ``auto`` to try them all, or one of `LAYOUTS`.
    pattern, mask_pattern : str, optional
        As for `suffice.workflows.importing.import_cohort`.
    keep_dates : bool
        Whether dates in DICOM headers go into the cohort.

    Raises
    ------
    CohortError
        If nothing speaks for any layout.
    UsageError
        If the name is unknown, or patterns are missing or given to another layout.
    """
    tried: dict[str, Layout] = {"pairs": Pairs()}
    if name != "auto":
        if name not in tried:
            raise UsageError(f"There is no layout '{name}'", expected=", ".join(("auto", *LAYOUTS)))
        return tried[name], f"read as {name}, as asked"
    evidence = {each: found for each, lay in tried.items() if (found := lay.detect(source))}
    if not evidence:
        raise CohortError(
            f"No layout fits '{source}'",
            got="no images with masks, and none of " + ", ".join(tried),
            cure="Name folders images/ and labels/, or give --image-pattern and --mask-pattern.",
        )
    chosen, *others = evidence
    why = f"read as {chosen}: {evidence[chosen]}"
    if others:
        also = "; ".join(f"{other} ({evidence[other]})" for other in others)
        why += f". It would also fit {also}"
    return tried[chosen], why
