"""What to keep, to clean and to do with dates: the options of DICOM PS3.15 Annex E."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from suffice.core import UsageError

Retain = Literal["safe-private", "uids", "device", "institution", "patient"]
Clean = Literal["descriptors", "structured-content", "graphics", "pixel-data", "faces"]
Dates = Literal["shift", "remove", "keep"]
Pixels = Literal["black", "refuse"]

RETAINED: tuple[str, ...] = get_args(Retain)
CLEANED: tuple[str, ...] = get_args(Clean)
DATES: tuple[str, ...] = get_args(Dates)
PIXELS: tuple[str, ...] = get_args(Pixels)

# Codes and meanings of context group 7050 in PS3.16.
BASIC = ("113100", "Basic Application Confidentiality Profile")
METHODS = {
    "pixel-data": ("113101", "Clean Pixel Data Option"),
    "faces": ("113102", "Clean Recognizable Visual Features Option"),
    "graphics": ("113103", "Clean Graphics Option"),
    "structured-content": ("113104", "Clean Structured Content Option"),
    "descriptors": ("113105", "Clean Descriptors Option"),
    "keep": ("113106", "Retain Longitudinal Temporal Information Full Dates Option"),
    "shift": ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
    "patient": ("113108", "Retain Patient Characteristics Option"),
    "device": ("113109", "Retain Device Identity Option"),
    "uids": ("113110", "Retain UIDs Option"),
    "safe-private": ("113111", "Retain Safe Private Option"),
    "institution": ("113112", "Retain Institution Identity Option"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How files are de-identified.

    Parameters
    ----------
    retain : tuple of str
        Of `RETAINED`: what the profile would remove and these files need.
    clean : tuple of str
        Of `CLEANED`: what is cleaned and kept in the place of being removed or refused.
    dates : {"shift", "remove", "keep"}
        Shifted by as many days for all files of a subject, removed, or kept as they are.
    pixels : {"black", "refuse"}
        What becomes of a file in whose pixels text was found.

    Examples
    --------
    >>> [code for code, _ in Options(retain=("uids",), clean=()).methods]
    ['113100', '113107', '113110']
    """

    retain: tuple[str, ...] = ()
    clean: tuple[str, ...] = ("descriptors", "pixel-data")
    dates: Dates = "shift"
    pixels: Pixels = "black"

    def __post_init__(self) -> None:
        for given, known, name in (
            (self.retain, RETAINED, "retain"),
            (self.clean, CLEANED, "clean"),
            ((self.dates,), DATES, "dates"),
            ((self.pixels,), PIXELS, "pixels"),
        ):
            unknown = [word for word in given if word not in known]
            if unknown:
                raise UsageError(f"Unknown word for '{name}'", got=unknown[0], expected=known)

    @property
    def methods(self) -> list[tuple[str, str]]:
        """Codes and meanings of what was applied to every file, the profile first.

        Pixels and faces are named only on the files where they were seen to.
        """
        asked = {*self.retain, *self.clean, self.dates} - {"pixel-data", "faces"}
        return [BASIC, *(METHODS[word] for word in METHODS if word in asked)]
