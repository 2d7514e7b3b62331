"""Pictures that may be slices of one scan: what their names tell, and what they leave open."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from suffice.core import Case
from suffice.io.layouts.names import SLICE, listed

_NUMBERED = re.compile(r"^(?P<family>.+?)[ _.-]+(?:(?:im|img|image)[ _.-]?)?\d+$", re.IGNORECASE)
_CURE = "--subject with a regular expression, e.g. --subject '^(.+)_[0-9]+$'"


def slice_notes(pictures: Sequence[Case]) -> list[str]:
    """Say which pictures were taken as slices of one subject, and which may be slices but were not.

    Examples
    --------
    >>> names = ("a_1", "a_2", "CHNCXR_0334_1", "CHNCXR_0335_1")
    >>> [note[:26] for note in slice_notes([Case(name, name, {}) for name in names])]
    ['2 pictures have names that']
    """
    joined: dict[str, list[str]] = defaultdict(list)
    apart: dict[str, list[str]] = defaultdict(list)
    for case in pictures:
        numbered = _NUMBERED.match(case.name)
        mark = SLICE.match(case.name)
        if mark and mark["subject"] == case.subject:
            joined[case.subject].append(case.name)
        elif numbered and case.subject == case.name:
            apart[numbered["family"]].append(case.name)
    notes = []
    slices = {subject: names for subject, names in joined.items() if len(names) > 1}
    if slices:
        subject, names = next(iter(slices.items()))
        notes.append(
            f"{sum(map(len, slices.values()))} pictures were taken for slices of "
            f"{len(slices)} subjects by their names, e.g. {listed(names, 3)} of "
            f"'{subject}': where that is wrong, give --subject with a regular expression"
        )
    families = {family: names for family, names in apart.items() if len(names) > 1}
    if families:
        names = next(iter(families.values()))
        notes.append(
            f"{sum(map(len, families.values()))} pictures have names that differ in their last "
            f"number alone, e.g. {listed(names, 3)}, and each is a subject of its own: if they are "
            "slices or images of one person, a split would test on whom it trained on, and the "
            f"score would be too good; then import again and give {_CURE}"
        )
    return notes
