"""Patterns of paths with named fields, and what the fields say of a file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from suffice.core import UsageError

_TOKEN = re.compile(r"\{(?P<field>[A-Za-z_]\w*)\}|(?P<deep>\*\*/)|(?P<any>\*)")
_NAMED = re.compile(r"^(?P<rater>[A-Za-z0-9][\w-]*)=(?P<pattern>.+)$")
# Fields that tell the files of one case apart, not the cases.
_NOT_IN_NAME = ("channel", "rater", "label", "date", "z")

Fields = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class MaskPattern:
    """A pattern of masks: ``{rater}`` names the rater, or ``NAME=`` before it does for all."""

    pattern: re.Pattern[str]
    rater: str | None = None

    @classmethod
    def of(cls, text: str) -> MaskPattern:
        """Read a pattern with or without a rater's name.

        Raises
        ------
        UsageError
            If the rater is named twice.

        Examples
        --------
        >>> MaskPattern.of("gold=GoldStandard/seg_{case}.png").rater
        'gold'
        """
        named = _NAMED.match(text)
        if named is None:
            return cls(compile_pattern(text))
        pattern = compile_pattern(named["pattern"])
        if "rater" in pattern.groupindex:
            raise UsageError(
                "A pattern of masks names the rater before it or by {rater}, not both", got=text
            )
        return cls(pattern, named["rater"])

    def fields_of(self, path: str) -> Fields | None:
        """Read the fields of a path, the rater among them where there is one."""
        match = self.pattern.fullmatch(path)
        if match is None:
            return None
        return match.groupdict() | ({"rater": self.rater} if self.rater else {})


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Turn a pattern of paths into a regular expression.

    Raises
    ------
    UsageError
        If the pattern has no field, or a brace that does not close.

    Examples
    --------
    >>> compile_pattern("{subject}/mask-{rater}/*.png").fullmatch("p1/mask-2/a.png").groupdict()
    {'subject': 'p1', 'rater': '2'}
    """
    parts: list[str] = []
    seen: set[str] = set()
    end = 0
    for token in _TOKEN.finditer(pattern):
        parts.append(re.escape(pattern[end : token.start()]))
        field = token["field"]
        if field:
            parts.append(f"(?P={field})" if field in seen else f"(?P<{field}>[^/]+?)")
            seen.add(field)
        else:
            parts.append("(?:.*/)?" if token["deep"] else "[^/]*")
        end = token.end()
    rest = re.escape(pattern[end:])
    text = "".join(parts) + rest
    if not seen or "{" in re.sub(_TOKEN, "", pattern) or "}" in re.sub(_TOKEN, "", pattern):
        raise UsageError(
            "A pattern needs fields in braces",
            got=repr(pattern),
            expected="e.g. '{subject}/images/slice-{slice}.png'",
        )
    return re.compile(text)


def require_same_fields(images: re.Pattern[str], masks: Sequence[MaskPattern]) -> None:
    """Raise unless every pattern of masks tells cases and slices apart as that of images does."""
    image_fields = _telling(images)
    for each in masks:
        unlike = image_fields ^ _telling(each.pattern)
        if unlike:
            raise UsageError(
                "The patterns of images and masks must name the same fields",
                got=" ".join(sorted(unlike)) + " in one of them alone",
                cure="Write * where a part does not matter; {rater} and {channel} may differ.",
            )


def _telling(pattern: re.Pattern[str]) -> set[str]:
    return set(pattern.groupindex) - (set(_NOT_IN_NAME) - {"z"})


def case_name(fields: Fields) -> str:
    """Join the fields; a bare number gets the name of its field before it.

    Examples
    --------
    >>> case_name({"slice": "3", "subject": "p1", "rater": "anna"})
    'p1_slice-3'
    """
    telling = [name for name in fields if name not in _NOT_IN_NAME]
    parts = [
        f"{name}-{fields[name]}" if fields[name].isdecimal() and len(fields) > 1 else fields[name]
        for name in sorted(telling, key=_place)
    ]
    return "_".join(parts) or "case"


def _place(field: str) -> int:
    first = ("subject", "visit")
    return first.index(field) if field in first else len(first)
