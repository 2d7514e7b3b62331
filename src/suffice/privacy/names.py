"""Names of files and folders: words that name no one stay, the rest becomes pseudonyms."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PurePath

from suffice.io.formats import MODULES
from suffice.privacy.keys import Key
from suffice.privacy.vocabulary import is_counter, is_known

_SUFFIXES = (
    *sorted(MODULES, key=len, reverse=True),
    ".json",
    ".csv",
    ".tsv",
    ".toml",
    ".raw",
    ".gz",
)
_TOKENS = re.compile(r"[^\W_]+|[\W_]+")
_PART = re.compile(r"[^\W_]+")
# What stands before the number of a subject.
_HEADS = ("sub", "subject", "patient", "pat", "case", "id", "subj", "participant")
_SAFE_MARKS = re.compile(r"[^-_.+=()\[\] ]")


@dataclass(frozen=True)
class Names:
    """A map of names that is the same wherever a name stands.

    Parameters
    ----------
    key : Key
    identifiers : frozenset of str
        Numbers and names of subjects, in lower case, each replaced as a whole.

    Examples
    --------
    >>> names = Names(Key(bytes(32)), frozenset(["hip-7"]))
    >>> names.stem("T1 axial_12")
    'T1 axial_12'
    >>> names.stem("scan_hip-7") == f"scan_{names.subject('HIP-7')}"
    True
    """

    key: Key
    identifiers: frozenset[str] = frozenset()
    _cache: dict[str, str] = field(default_factory=dict, compare=False, repr=False)

    def subject(self, name: str) -> str:
        """Give the pseudonym of a subject; an empty name stays empty."""
        return self.key.pseudonym(name) if name.strip() else ""

    def path(self, path: PurePath) -> PurePath:
        """Map each part of a relative path; the suffix stays."""
        *folders, name = path.parts
        suffix = next((s for s in _SUFFIXES if name.lower().endswith(s)), "")
        stem = name[: len(name) - len(suffix)]
        mapped = self.stem(stem) or self.key.pseudonym(name)
        return PurePath(
            *(self.stem(folder) or "p" for folder in folders), f"{mapped}{suffix.lower()}"
        )

    def stem(self, text: str) -> str:
        """Map a name without its suffix."""
        if text not in self._cache:
            self._cache[text] = self._mapped(text)
        return self._cache[text]

    def _mapped(self, text: str) -> str:
        plain = text.strip()
        if plain.casefold() in self.identifiers:
            return self.key.pseudonym(plain)
        parts, rest = [], text
        for known in self._standing_in(text):
            before, _, rest = self._split(rest, known)
            parts += [self._tokens(before), self.key.pseudonym(known)]
        return "".join([*parts, self._tokens(rest)])

    def _standing_in(self, text: str) -> list[str]:
        """Find identifiers of several parts that stand in a name, in their order."""
        plain = text.casefold()
        many = [i for i in self._compound if i in plain]
        chosen: list[tuple[int, str]] = []
        taken: list[range] = []
        for known in sorted(many, key=len, reverse=True):
            at = plain.find(known)
            here = range(at, at + len(known))
            edges = plain[at - 1 : at], plain[at + len(known) : at + len(known) + 1]
            if any(edge.isalnum() for edge in edges) or any(
                at in t or t.start in here for t in taken
            ):
                continue
            taken.append(here)
            chosen.append((at, known))
        return [known for _, known in sorted(chosen)]

    @property
    def _compound(self) -> list[str]:
        return [i for i in self.identifiers if len(_PART.findall(i)) > 1]

    @staticmethod
    def _split(text: str, known: str) -> tuple[str, str, str]:
        at = text.casefold().find(known)
        return text[:at], text[at : at + len(known)], text[at + len(known) :]

    def _tokens(self, text: str) -> str:
        mapped, before = [], ""
        for token in _TOKENS.findall(text):
            if not _PART.fullmatch(token):
                mapped.append(_SAFE_MARKS.sub("-", token))
                continue
            mapped.append(token if self._may_stay(token, before) else self.key.pseudonym(token))
            before = token.casefold()
        return "".join(mapped)

    def _may_stay(self, token: str, before: str) -> bool:
        plain = token.casefold()
        if plain not in self.identifiers:
            return is_known(token)
        # A small number may be a subject's or a slice's: it is the first where it says so.
        return is_counter(token) and before not in ("", *_HEADS)
