"""Clean the attributes of a DICOM dataset, in sequences of any depth, by the profile's table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pydicom.datadict import dictionary_has_tag, dictionary_keyword
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.uid import UID

from suffice.privacy.dates import shifted
from suffice.privacy.keys import Key
from suffice.privacy.options import Options
from suffice.privacy.profile import Action, Rule, action_of, rule_for, safe_private
from suffice.privacy.vocabulary import clean_text, is_known, tokens_of

DUMMY_TEXT = "ANONYMIZED"
_DUMMIES: dict[str, Any] = {
    "AS": "000Y",
    "CS": "ANON",
    "DA": "19000101",
    "DS": "0",
    "DT": "19000101000000",
    "IS": "0",
    "TM": "000000",
    "UR": "urn:anonymized",
    "OB": b"\0\0",
    "OW": b"\0\0",
    "UN": b"",
}
_NUMBERS = ("DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV")
_SHORT_TEXT = ("LO", "PN", "SH", "UC")
_TEXT = ("LO", "LT", "PN", "SH", "ST", "UC", "UT")
_DATES = ("DA", "DT")
# What a private attribute must be to be kept: a number or a code, no text that anyone typed.
_SAFE_PRIVATE_VRS = (*_NUMBERS, "CS")
_SUBJECT_TAGS = (0x00100010, 0x00100020, 0x00120040)
_AGE_TAG = 0x00101010
_OLDEST = "090Y"
# Codes that many objects must have; a person of that name loses nothing by them.
_CODES = {
    *("primary", "secondary", "original", "derived", "monochrome1", "monochrome2", "palette"),
    *("color", "modified", "unmodified", "removed", "linear", "identity", "image"),
}
# Shorter ones may be codes of the standard, whoever bears the name.
CODE_MOST = 3
# A number of as many digits may be that of a record.
_RECORD_DIGITS = 5
_TEXT_OBJECTS, _WAVEFORM_NOTES = 0x00700008, 0x0040B020
_STANDARD_ROOT = "1.2.840.10008."

WORDS = {"X": "removed", "Z": "emptied", "D": "replaced", "U": "remapped", "C": "cleaned"}
SHIFTED, KEPT_PRIVATE = "shifted", "kept private"


@dataclass(frozen=True, kw_only=True)
class Context:
    """What the cleaning of a file depends on.

    Parameters
    ----------
    key : Key
    options : Options
    sop_class : str
    subject : str
        As the file names it; its pseudonym and its shift come from it.
    forbidden : frozenset of str
        Parts of names and identifiers, in lower case, that no kept text may hold.
    """

    key: Key
    options: Options
    sop_class: str
    subject: str
    forbidden: frozenset[str] = frozenset()
    done: dict[str, set[str]] = field(default_factory=dict)

    def note(self, what: str, tag: int, where: str = "") -> None:
        """Keep what was done, for the audit: ``{action: {tag or path of tags}}``."""
        self.done.setdefault(what, set()).add(f"{where}({tag >> 16:04X},{tag & 0xFFFF:04X})")


def clean_attributes(dataset: Dataset, context: Context, where: str = "") -> None:
    """Clean a dataset in place; what was done is noted in the context."""
    for tag in list(dataset.keys()):
        try:
            element = dataset[tag]
        except Exception:
            # What cannot be read cannot be cleaned.
            del dataset[tag]
            context.note(WORDS["X"], tag, where)
            continue
        if tag.is_private:
            _clean_private(dataset, element, context, where)
        else:
            _clean_public(dataset, element, context, where)
    _drop_creators(dataset, context, where)


def _clean_public(dataset: Dataset, element: Any, context: Context, where: str) -> None:
    tag, rule = element.tag, rule_for(element.tag)
    if tag.group % 2 == 0 and tag.element == 0:
        del dataset[tag]
        return
    if element.VR == "SQ" and tag == _TEXT_OBJECTS:
        _remove(dataset, tag, context, where)
        return
    action = _unlisted(element, context) if rule is None else None
    if rule is not None:
        action = action_of(rule, tag, context.sop_class, context.options)
    if action in (None, "K"):
        _keep(dataset, element, context, where)
    elif action == "C":
        _clean(dataset, element, rule, context, where)
    elif action is not None:
        _apply(action, dataset, element, context, where)


def _unlisted(element: Any, context: Context) -> Action | None:
    """Judge what the table does not name by its kind; ``None`` keeps it."""
    if not dictionary_has_tag(element.tag) and element.tag.group not in range(0x6000, 0x6020):
        return "X"
    vr = element.VR
    if vr in _DATES:
        by_dates: dict[str, Action | None] = {"keep": None, "shift": "C", "remove": "X"}
        return by_dates[context.options.dates]
    if vr == "TM":
        return "X" if context.options.dates == "remove" else None
    if vr in ("LT", "ST", "UT"):
        return "C" if "descriptors" in context.options.clean else "X"
    if vr == "UI":
        return None if "uids" in context.options.retain else "U"
    return "X" if vr in ("AE", "PN", "UN", "UR") else None


def _keep(dataset: Dataset, element: Any, context: Context, where: str) -> None:
    """Keep an attribute unless a name stands in it; sequences are kept item by item."""
    if element.VR == "SQ":
        _clean_items(element, context, where)
    elif element.tag == _AGE_TAG:
        _cap_age(element)
    elif element.VR in _TEXT and _names_someone(element, context):
        _apply("D" if element.VR in _SHORT_TEXT else "X", dataset, element, context, where)
    else:
        _hide_codes(element, context, where)


def _hide_codes(element: Any, context: Context, where: str) -> None:
    """Put a dummy in the place of codes that are a name and of numbers that are a record's."""
    if element.VR not in ("CS", "IS"):
        return
    texts = _values(element)
    hidden = [_is_named_code(text, element.VR, context) for text in texts]
    if any(hidden):
        new = [_DUMMIES[element.VR] if h else t for t, h in zip(texts, hidden, strict=True)]
        element.value = new if len(new) > 1 else new[0]
        context.note(WORDS["D"], element.tag, where)


def _is_named_code(text: str, vr: str, context: Context) -> bool:
    tokens = {token.casefold() for token in tokens_of(text) if not is_known(token)}
    least = _RECORD_DIGITS if vr == "IS" else 0
    return not is_code(text) and any(
        len(token) >= least for token in tokens & context.forbidden - _CODES
    )


def is_code(text: str) -> bool:
    """Whether a value of a code is one of the standard that may be a surname, as NO or PRIMARY."""
    return len(text) <= CODE_MOST or text.casefold() in _CODES


def _clean(dataset: Dataset, element: Any, rule: Rule | None, context: Context, where: str) -> None:
    """Clean a date, a text or a sequence; what nothing is left of falls to the profile's code."""
    tag, vr = element.tag, element.VR
    if vr == "SQ":
        _clean_items(element, context, where)
        context.note(WORDS["C"], tag, where)
        return
    if vr in (*_NUMBERS, "CS", "TM"):
        _hide_codes(element, context, where)
        return
    if vr == "AS":
        _cap_age(element)
        return
    if vr in _DATES:
        days = context.key.days(context.subject)
        moved = [shifted(text, days) for text in _values(element)]
        cleaned: list[str] = [text for text in moved if text is not None]
        word, whole = SHIFTED, len(cleaned) == len(moved)
    else:
        texts = _values(element) if vr in (*_TEXT, "AE") else []
        cleaned = [clean_text(text, context.forbidden) for text in texts]
        word, whole = WORDS["C"], any(cleaned)
    if cleaned and whole:
        element.value = cleaned if len(cleaned) > 1 else _fitting(cleaned[0], vr)
        context.note(word, tag, where)
        return
    if not _values(element) and element.VR not in ("OB", "OW", "UN"):
        return
    plain = Options(retain=(), clean=(), dates="remove")
    action: Action = "X" if rule is None else action_of(rule, tag, context.sop_class, plain)
    _apply(action, dataset, element, context, where)


def _apply(action: Action, dataset: Dataset, element: Any, context: Context, where: str) -> None:
    tag = element.tag
    if action == "X":
        _remove(dataset, tag, context, where)
        return
    if action == "U":
        if element.VR == "SQ":
            _clean_items(element, context, where)
        elif element.VR == "UI":
            _remap(element, context, where)
        else:
            _remove(dataset, tag, context, where)
        return
    if tag in _SUBJECT_TAGS:
        element.value = context.key.pseudonym(context.subject)
        context.note("pseudonymised", tag, where)
        return
    if action == "Z":
        element.value = [] if element.VR == "SQ" else None
    elif element.VR == "SQ":
        _blank_items(element, context)
    else:
        element.value = _dummy(element, context)
    context.note(WORDS[action], tag, where)


def _remove(dataset: Dataset, tag: int, context: Context, where: str) -> None:
    del dataset[tag]
    context.note(WORDS["X"], tag, where)


def _remap(element: Any, context: Context, where: str) -> None:
    new = [_mapped_uid(text, context.key) for text in _values(element)]
    if new != _values(element):
        element.value = new if len(new) > 1 else new[0]
        context.note(WORDS["U"], element.tag, where)


def _mapped_uid(text: str, key: Key) -> str:
    """Give the UID in the place of another; those that the standard defines name no one."""
    is_standard = text.startswith(_STANDARD_ROOT) and UID(text).name != text
    return text if not text or is_standard else key.uid(text)


def _clean_items(element: Any, context: Context, where: str) -> None:
    tag = element.tag
    below = f"{where}({tag >> 16:04X},{tag & 0xFFFF:04X})>"
    for item in element.value or []:
        clean_attributes(item, context, below)


def _blank_items(element: Any, context: Context) -> None:
    """Put a dummy in the place of every text of a sequence's items."""
    for item in element.value or []:
        for inner in list(item):
            if inner.tag.is_private:
                del item[inner.tag]
            elif inner.VR == "SQ":
                _blank_items(inner, context)
            elif inner.VR == "UI":
                texts = [_mapped_uid(text, context.key) for text in _values(inner)]
                inner.value = texts if len(texts) > 1 else "".join(texts)
            elif inner.VR not in _NUMBERS:
                inner.value = _dummy(inner, context)


def _dummy(element: Any, context: Context) -> Any:
    """Give a value of the right kind that says nothing; of names and numbers a pseudonym."""
    text = "\\".join(_values(element))
    if element.VR in _SHORT_TEXT and text:
        return context.key.pseudonym(text)
    if element.VR in _NUMBERS and element.VR not in _DUMMIES:
        return 0
    return _DUMMIES.get(element.VR, DUMMY_TEXT)


def _clean_private(dataset: Dataset, element: Any, context: Context, where: str) -> None:
    tag = element.tag
    if tag.is_private_creator:
        return
    known = (str(element.private_creator or ""), tag.group, tag.element & 0xFF)
    is_safe = known in safe_private() and element.VR in _SAFE_PRIVATE_VRS
    if "safe-private" in context.options.retain and is_safe:
        context.note(KEPT_PRIVATE, tag, where)
    else:
        _remove(dataset, tag, context, where)


def _drop_creators(dataset: Dataset, context: Context, where: str) -> None:
    """Remove the creators of blocks in which nothing is left."""
    private = [tag for tag in dataset.keys() if tag.is_private]  # noqa: SIM118
    used = {(tag.group, tag.element >> 8) for tag in private if not tag.is_private_creator}
    for tag in private:
        if tag.is_private_creator and (tag.group, tag.element) not in used:
            _remove(dataset, tag, context, where)


def _cap_age(element: Any) -> None:
    """Ages of ninety and more are so rare that they identify."""
    text = str(element.value or "")
    if text.endswith("Y") and text[:-1].isdigit() and int(text[:-1]) >= 90:
        element.value = _OLDEST


def _names_someone(element: Any, context: Context) -> bool:
    tokens = {token.casefold() for text in _values(element) for token in tokens_of(text)}
    return bool(tokens & context.forbidden)


def _values(element: Any) -> list[str]:
    value = element.value
    if value is None or isinstance(value, bytes):
        return []
    many = value if isinstance(value, MultiValue | list | tuple) else [value]
    return [str(one) for one in many if str(one)]


def _fitting(text: str, vr: str) -> str:
    return text[: {"SH": 16, "LO": 64, "PN": 64, "AE": 16}.get(vr, len(text))].strip()


def texts_of(dataset: Dataset) -> Iterator[tuple[int, str, str]]:
    """Yield tag, VR and text of every value that is text, a date or a UID, at any depth."""
    for tag in list(dataset.keys()):
        try:
            element = dataset[tag]
            if element.VR == "SQ":
                for item in element.value or []:
                    yield from texts_of(item)
                continue
            values = _values(element)
        except Exception:
            continue
        for text in values if element.VR not in _NUMBERS else []:
            yield int(tag), element.VR, text


def name_of(tag: int) -> str:
    """Give the keyword of a tag, or the tag itself."""
    return dictionary_keyword(tag) if dictionary_has_tag(tag) else f"{tag:08X}"
