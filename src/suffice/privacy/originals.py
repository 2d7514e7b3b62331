"""What identifies someone in the files as they are: gathered in memory, never written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from pydicom.dataset import Dataset

from suffice.privacy.attributes import CODE_MOST, texts_of
from suffice.privacy.dates import dates_in
from suffice.privacy.options import Options
from suffice.privacy.profile import action_of, rule_for
from suffice.privacy.values import field_of
from suffice.privacy.vocabulary import is_known, tokens_of

_PERSON_LEAST, _TOKEN_LEAST, _TEXT_LEAST, _DIGITS_LEAST = 2, 3, 6, 4
_LONG_TEXT = ("LT", "ST", "UT")
_IDENTIFIERS = ("AE", "LO", "SH", "UR", "UC")
_STANDARD_ROOT = "1.2.840.10008."
# Names and numbers of the patient, and the makers of devices, who lend their names to staff.
_PATIENT = (0x00100010, 0x00100020, 0x00101000, 0x00101001, 0x00101005, 0x00101060)
_MAKERS = (0x00080070, 0x00081090)


@dataclass
class Originals:
    """Values that must not be found again.

    Parameters
    ----------
    tokens : set of str
        Parts of names and identifiers, in lower case.
    texts : set of str
        Whole free texts, in lower case.
    uids : set of str
    dates : set of str
        Of one subject, as eight digits.
    """

    tokens: set[str] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)
    uids: set[str] = field(default_factory=set)
    dates: set[str] = field(default_factory=set)

    def add(self, other: Originals) -> None:
        """Take in those of another file; dates stay with their subject."""
        self.tokens |= other.tokens
        self.texts |= other.texts
        self.uids |= other.uids


def originals_of(dataset: Dataset, options: Options) -> Originals:
    """Gather from a DICOM dataset what the profile takes away under these options."""
    found, names, patient = Originals(), set[str](), set[str]()
    kept, makers, codes = set[str](), set[str](), set[str]()
    sop_class = str(dataset.get("SOPClassUID", ""))
    for tag, vr, text in texts_of(dataset):
        if tag in _PATIENT:
            patient |= name_tokens(text) if vr == "PN" else identifier_tokens(text)
        rule, is_private = rule_for(tag), bool(tag >> 16 & 1)
        action = None if rule is None else action_of(rule, tag, sop_class, options)
        if vr == "UI":
            if not text.startswith(_STANDARD_ROOT) and "uids" not in options.retain:
                found.uids.add(text)
        elif vr in ("DA", "DT"):
            if options.dates != "keep":
                found.dates |= dates_in(text)
        elif vr == "PN":
            names |= name_tokens(text)
        elif is_private:
            _add_text(found, text)
        elif rule is None or action == "K":
            tokens = {token.casefold() for token in tokens_of(text)}
            kept |= tokens
            if tag in _MAKERS:
                makers |= tokens
            elif vr == "CS":
                codes |= {t for t in tokens if len(t) <= CODE_MOST}
        elif vr in _LONG_TEXT or "descriptors" in rule.options:
            _add_text(found, text)
        elif vr in _IDENTIFIERS:
            found.tokens |= identifier_tokens(text)
    # A name is looked for in what is kept, too: there it would stay and not be found again.
    found.tokens -= kept
    found.tokens |= (names - makers - codes) | (patient - codes)
    return found


def name_tokens(text: str) -> set[str]:
    """Parts of a person's name, in lower case; a single letter names no one."""
    return {t.casefold() for t in tokens_of(text) if len(t) >= _PERSON_LEAST}


def identifier_tokens(text: str) -> set[str]:
    """Parts of an identifier, an address or the name of a place, but for common words."""
    return {
        t.casefold()
        for t in tokens_of(text)
        if len(t) >= _TOKEN_LEAST and not is_known(t) and not dates_in(t)
    } - {
        "none",
        "unknown",
        "anonymous",
        "anonymized",
        "removed",
    }


def originals_in(
    fields: Iterable[tuple[str, str]], *, with_dates: bool
) -> tuple[set[str], Originals]:
    """Gather subjects, and what else identifies, from fields of a file that is no DICOM."""
    found, subjects = Originals(), set[str]()
    for name, text in fields:
        kind = field_of(name)
        if kind == "subject" and text.strip() and not text.strip().isalpha():
            subjects.add(text.strip().removeprefix("sub-"))
        elif kind == "person":
            found.tokens |= identifier_tokens(text)
            found.dates |= dates_in(text) if with_dates else set()
        elif kind != "path":
            own = Originals()
            _add_text(own, text)
            found.texts |= own.texts
            found.tokens |= own.tokens if kind == "text" else set()
            found.dates |= own.dates if with_dates else set()
    return subjects, found


def _add_text(found: Originals, text: str) -> None:
    tokens = tokens_of(text)
    found.tokens |= {
        t.casefold()
        for t in tokens
        if sum(c.isdigit() for c in t) >= _DIGITS_LEAST and not dates_in(t)
    }
    found.dates |= dates_in(text)
    plain = text.strip()
    if len(plain) >= _TEXT_LEAST and not all(is_known(token) for token in tokens):
        found.texts.add(plain.casefold())


def subject_of(dataset: Dataset) -> str:
    """Say whose an object is, as the file says it: by number, else by name, else by study."""
    for keyword in ("PatientID", "PatientName", "StudyInstanceUID"):
        text = str(dataset.get(keyword) or "").strip()
        if text:
            return text
    return ""
