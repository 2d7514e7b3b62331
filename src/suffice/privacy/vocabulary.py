"""Words that name no one: what stays of descriptions and file names; all else goes."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

_TOKEN = re.compile(r"[^\W_]+")
# Of more digits is a date, a telephone or a record.
_SHORT_DIGITS = 3
_MEASURE = re.compile(r"\d{1,3}(?:mm|cm|ms|kv|kvp|mm3|t|s|hu|deg|x)?|\d{1,3}x\d{1,3}")
_NUMBERED = re.compile(r"([a-z]+)(\d{1,8})")
_VISIT = re.compile(r"v\d{1,2}")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


@cache
def words() -> frozenset[str]:
    """The words that may stay."""
    text = files("suffice.privacy").joinpath("words.txt").read_text(encoding="utf-8")
    return frozenset(text.split())


def is_known(token: str) -> bool:
    """Whether a token is a word of the vocabulary, a small number or a measure.

    Examples
    --------
    >>> [is_known(token) for token in ("FLAIR", "12", "IM0003", "20230415", "Miller")]
    [True, True, True, False, False]
    """
    plain = token.casefold()
    if (
        plain in words()
        or _VISIT.fullmatch(plain)
        or _MEASURE.fullmatch(plain)
        or is_counter(token)
    ):
        return True
    numbered = _NUMBERED.fullmatch(plain)
    return bool(numbered and numbered[1] in words() and is_counter(numbered[2]))


def is_counter(token: str) -> bool:
    """Whether a token numbers files or slices: below a thousand, zeros in front or not."""
    return (
        token.isascii()
        and token.isdigit()
        and len(token.lstrip("0")) <= _SHORT_DIGITS
        and len(token) <= 8
    )


def tokens_of(text: str) -> list[str]:
    """Take text apart at everything that is no letter or digit."""
    return _TOKEN.findall(text)


def clean_text(text: str, forbidden: frozenset[str] = frozenset()) -> str:
    """Keep of a description the words that name no one.

    Parameters
    ----------
    forbidden : frozenset of str
        In lower case: words that go even so, as they are part of a name.

    Examples
    --------
    >>> clean_text("T2 FLAIR AX 5mm, Mrs. Miller 4711")
    'T2 FLAIR AX 5mm'
    >>> clean_text("Head MR", frozenset(["head"]))
    'MR'
    """
    kept = []
    for token in tokens_of(text):
        parts = [part for part in _CAMEL.split(token) if is_known(part)]
        if is_known(token):
            parts = [token]
        kept += [part for part in parts if part.casefold() not in forbidden]
    return " ".join(kept)
