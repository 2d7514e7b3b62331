"""What a structure is called in SNOMED CT, so that other programs know what was drawn."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from suffice.core import Label, LabelError, Legend

# DICOM's context groups of what a segment can be (PS3.16), by the category that they belong to.
_GROUPS = {
    7192: "AnatomicalStructure",
    7166: "Tissue",
    7194: "MorphologicallyAbnormalStructure",
    7193: "PhysicalObject",
    7197: "BodySubstance",
}
_SIDES = ("left", "right")
# Words that masks are named by, and those of the context groups.
_ALSO_CALLED = {
    "tumor": "neoplasm",
    "tumour": "neoplasm",
    "gtv": "neoplasm",
    "cancer": "neoplasm",
    "metastasis": "neoplasm secondary",
    "oedema": "edema",
    "haemorrhage": "hemorrhage",
    "urinary bladder": "bladder",
    "oesophagus": "esophagus",
    "grey matter": "gray matter",
    "vessel": "blood vessel",
    "airway": "airway structure",
}
# These say what was not drawn.
_NO_STRUCTURES = ("Background", "Normal")
_SCHEMES = re.compile(r"[A-Z0-9_]{1,16}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Coded:
    """A concept of a coding scheme; ``side`` is left or right where the name says so."""

    value: str
    scheme: str
    meaning: str
    category: str = "AnatomicalStructure"
    side: str | None = None
    is_generic: bool = False


GENERIC = Coded("85756007", "SCT", "Tissue", category="Tissue", is_generic=True)
"""Says no more than that something of the body was drawn."""


def coded(label: Label) -> Coded:
    """Find the code of a structure: the legend's own, else one by its name, else `GENERIC`.

    Parameters
    ----------
    label : Label
        Its ``code``, where given, is ``SCHEME:VALUE`` or ``SCHEME:VALUE:MEANING``; digits alone
        are SNOMED CT.

    Raises
    ------
    LabelError
        If the legend's code is written otherwise.

    Examples
    --------
    >>> coded(Label(1, "left kidney", "#E69F00"))
    Coded(value='64033007', scheme='SCT', meaning='Kidney', ... side='left', is_generic=False)
    >>> coded(Label(1, "anterior", "#E69F00", "SCT:5366008:Hippocampus")).meaning
    'Hippocampus'
    >>> coded(Label(1, "label-1", "#E69F00")).is_generic
    True
    """
    if label.code:
        return _as_given(label.name, label.code)
    words = _words(label.name)
    side = next((word for word in words if word in _SIDES), None)
    rest = " ".join(word for word in words if word not in _SIDES)
    for name in (" ".join(words), rest, rest.removesuffix("s"), rest.removesuffix("es")):
        found = _by_name().get(_ALSO_CALLED.get(name, name))
        if found is not None:
            own_side = None if any(word in _words(found.meaning) for word in _SIDES) else side
            return Coded(found.value, found.scheme, found.meaning, found.category, own_side)
    return GENERIC


def note_generic(legend: Legend) -> tuple[str, ...]:
    """Say which structures other programs will not know, in a sentence."""
    unknown = [label.name for label in legend if coded(label).is_generic]
    if not unknown:
        return ()
    return (
        f"no code is known for {', '.join(unknown[:5])}{' and more' if unknown[5:] else ''}: coded "
        "as Tissue (SNOMED CT 85756007); give the label a code in model.toml, e.g. "
        'code = "SCT:10200004:Liver"',
    )


def as_item(coded: Coded) -> Any:
    """Make highdicom's value of a code."""
    from highdicom.sr import CodedConcept

    return CodedConcept(coded.value, coded.scheme, coded.meaning)


def category_of(coded: Coded) -> Any:
    """Find the category that a segment of this kind is of."""
    from pydicom.sr.codedict import codes

    return getattr(codes.cid7150, coded.category)


def side_of(coded: Coded) -> Any:
    """Give the modifier left or right, or ``None``."""
    from pydicom.sr.codedict import codes

    return None if coded.side is None else getattr(codes.SCT, coded.side.capitalize())


def _as_given(name: str, code: str) -> Coded:
    scheme, _, rest = code.rpartition(":") if code.count(":") < 2 else code.partition(":")
    value, _, meaning = rest.partition(":")
    scheme, value, meaning = scheme.strip() or "SCT", value.strip(), meaning.strip() or name
    known = value.isdecimal() if scheme == "SCT" else bool(value)
    if not known or len(value) > 16 or not _SCHEMES.fullmatch(scheme):
        raise LabelError(
            f"The code of '{name}' cannot be read",
            got=code,
            expected="SCHEME:VALUE or SCHEME:VALUE:MEANING, e.g. SCT:10200004:Liver",
            cure="Mend [[label]] in cohort.toml or model.toml.",
        )
    same = next((c for c in _by_name().values() if (c.value, c.scheme) == (value, scheme)), None)
    category = "Tissue" if same is None else same.category
    return Coded(value, scheme, meaning[:64], category)


def _words(name: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", name.lower())


@cache
def _by_name() -> dict[str, Coded]:
    from pydicom.sr.codedict import codes

    known: dict[str, Coded] = {}
    for group, category in _GROUPS.items():
        for concept in getattr(codes, f"cid{group}").concepts.values():
            if concept.meaning in _NO_STRUCTURES:
                continue
            coded = Coded(concept.value, concept.scheme_designator, concept.meaning, category)
            known.setdefault(" ".join(_words(concept.meaning)), coded)
    return known
