"""Structured reports: typed sentences and names of people go, numbers and codes stay."""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from suffice.privacy.attributes import Context

_CONTENT = 0x0040A730
_TYPED = ("TEXT", "PNAME")


def prune(dataset: Dataset, context: Context) -> None:
    """Remove the items of a content tree that a person typed, with all below them."""
    items = dataset.get("ContentSequence")
    if items is None:
        return
    kept = [item for item in items if str(item.get("ValueType", "")) not in _TYPED]
    if len(kept) < len(items):
        context.note("text items removed", _CONTENT)
        dataset.ContentSequence = Sequence(kept)
    for item in kept:
        prune(item, context)
