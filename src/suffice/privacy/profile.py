"""What becomes of each DICOM attribute: the table of PS3.15 Annex E, read from a CSV.

``profile.csv`` holds Table E.1-1 of DICOM PS3.15 2026c (columns of options as of 2024d, where a
later row has none): facts of the standard, https://dicom.nema.org/medical/dicom/current. Action
codes: D dummy value, Z empty or dummy value, X remove, K keep, C clean, U another UID; several
with a slash are chosen among by what the object must have. ``types.csv`` says that: for each SOP
class the attributes of several codes that are of type 1 and 2, conditions taken as met.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Literal

from suffice.privacy.options import Options

Action = Literal["D", "Z", "X", "K", "C", "U"]
_HERE = "suffice.privacy"
_OPTION_COLUMNS = ("uids", "device", "institution", "patient")
_CLEAN_COLUMNS = {
    "descriptors": "descriptors",
    "structured-content": "structured_content",
    "graphics": "graphics",
}
_DATE_COLUMN = {"keep": "full_dates", "shift": "shifted_dates"}


@dataclass(frozen=True, slots=True)
class Rule:
    """A row of the table: the profile's own code and those of its options, by column."""

    keyword: str
    basic: str
    options: dict[str, str] = field(default_factory=dict)


@cache
def table() -> dict[str, Rule]:
    """Read the table: ``{tag in eight digits: rule}``, ``50XXXXXX`` and ``60XX3000`` as such."""
    rules = {}
    for row in _rows("profile.csv"):
        tag, keyword, basic = row.pop("tag"), row.pop("keyword"), row.pop("basic")
        rules[tag] = Rule(keyword, basic, {name: code for name, code in row.items() if code})
    return rules


@cache
def _types() -> dict[str, dict[str, str]]:
    """``{SOP class: {tag: "1" or "2"}}`` of attributes whose action depends on it."""
    found = {}
    for row in _rows("types.csv"):
        by_tag = dict.fromkeys(row["type_2"].split(), "2") | dict.fromkeys(
            row["type_1"].split(), "1"
        )
        found[row["sop_class"]] = by_tag
    return found


@cache
def safe_private() -> frozenset[tuple[str, int, int]]:
    """``(creator, group, last byte of the element)`` of private attributes known to be safe.

    After PS3.15 Table E.3.10-1, with the b-values and gradients of GE, Philips and Siemens.
    """
    return frozenset(
        (row["creator"], int(row["group"], 16), int(element, 16))
        for row in _rows("safe_private.csv")
        for element in row["elements"].split()
    )


def rule_for(tag: int) -> Rule | None:
    """Find the row of a tag, also in groups that repeat; ``None`` where the table has none."""
    number = f"{tag:08X}"
    found = table().get(number)
    if found is None and number.startswith("50") and not tag >> 16 & 1:
        return table()["50XXXXXX"]
    if found is None and number.startswith("60"):
        return table().get(f"60XX{number[4:]}")
    return found


def action_of(rule: Rule, tag: int, sop_class: str, options: Options) -> Action:
    """Say what the profile does to an attribute under these options.

    An option that keeps wins over the profile, one that cleans over one that keeps: the more
    careful of two. Of several codes the least that the object must have is taken; for a SOP
    class that is not known, the attribute stays with a dummy value, which tells as little.
    """
    codes = {rule.options.get(column) for column in _OPTION_COLUMNS if column in options.retain}
    codes.add(rule.options.get(_DATE_COLUMN.get(options.dates, "")))
    cleaned = (column for word, column in _CLEAN_COLUMNS.items() if word in options.clean)
    codes |= {rule.options.get(column) for column in cleaned}
    if "C" in codes:
        return "C"
    if "K" in codes:
        return "K"
    return _resolved(rule.basic, tag, sop_class)


def _resolved(code: str, tag: int, sop_class: str) -> Action:
    choices = code.replace("*", "").split("/")
    if "U" in choices:
        # References stay, to other UIDs: without them no object finds its sources.
        return "U"
    by_tag = _types().get(sop_class)
    needed = "1" if by_tag is None else by_tag.get(f"{tag:08X}", "3")
    order: dict[str, tuple[Action, ...]] = {
        "1": ("D", "Z", "X"),
        "2": ("Z", "D", "X"),
        "3": ("X", "Z", "D"),
    }
    return next(action for action in order[needed] if action in choices)


def _rows(name: str) -> list[dict[str, str]]:
    text = files(_HERE).joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))
