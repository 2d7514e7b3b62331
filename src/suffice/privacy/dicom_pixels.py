"""Pixels of a DICOM object: what rules say of text in them, and bits that hide drawings."""

from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import UID

from suffice.privacy.attributes import WORDS, Context
from suffice.privacy.refused import Refused

# Objects on which machines and people write: ultrasound, endoscopy, photographs, screens.
_WRITTEN_ON = ("ES", "GM", "IO", "OP", "OT", "SC", "US", "XC", "XA", "RF", "IVUS")
_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_OVERLAY_DATA, _OVERLAY_BIT = 0x3000, 0x0102


def has_pixels(dataset: Dataset) -> bool:
    """Whether an object holds a picture."""
    return "PixelData" in dataset


def is_written_on(dataset: Dataset) -> bool:
    """Whether the header or the kind of object says that text may stand in the pixels."""
    return (
        str(dataset.get("BurnedInAnnotation", "")).upper() == "YES"
        or str(dataset.get("Modality", "")).upper() in _WRITTEN_ON
        or str(dataset.get("SOPClassUID", "")).startswith(_CAPTURE)
    )


def clean_pixels(dataset: Dataset, context: Context) -> list[tuple[str, str]]:
    """Clean the pixels of an object in place; give the methods applied.

    Raises
    ------
    Refused
        If text may stand in them.
    """
    if has_pixels(dataset) and is_written_on(dataset):
        raise Refused("text may stand in the pixels of this kind of object")
    _clear_overlays(dataset, context)
    return []


def _clear_overlays(dataset: Dataset, context: Context) -> None:
    """Clear bits above those of the picture where old files keep drawings in them."""
    planes = [group for group in range(0x6000, 0x6020, 2) if (group, 0x0010) in dataset]
    hidden = [group for group in planes if (group, _OVERLAY_DATA) not in dataset]
    if hidden and has_pixels(dataset):
        if UID(dataset.file_meta.TransferSyntaxUID).is_encapsulated:
            raise Refused("drawings stand in unused bits of compressed pixels")
        _mask_bits(dataset)
        context.done.setdefault(WORDS["X"], set()).add("overlay in pixel bits")
    for group in planes:
        for tag in [tag for tag in dataset.keys() if tag.group == group]:  # noqa: SIM118
            del dataset[tag]
            context.note(WORDS["X"], tag)


def _mask_bits(dataset: Dataset) -> None:
    allocated, stored = int(dataset.BitsAllocated), int(dataset.BitsStored)
    if allocated not in (8, 16) or stored >= allocated:
        return
    kind = np.dtype(
        f"<{'i' if int(dataset.get('PixelRepresentation', 0)) else 'u'}{allocated // 8}"
    )
    unused = allocated - stored
    pixels = np.frombuffer(dataset.PixelData, kind)
    dataset.PixelData = ((pixels << unused) >> unused).astype(kind).tobytes()
