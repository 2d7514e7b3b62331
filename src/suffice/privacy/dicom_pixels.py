"""Pixels of a DICOM object: text in them is found and covered, hidden drawings are cleared."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import UID

from suffice.privacy.attributes import WORDS, Context
from suffice.privacy.burned_in import Box, cover, find_text
from suffice.privacy.jpeg_file import stripped
from suffice.privacy.options import METHODS
from suffice.privacy.refused import Refused

Pixels = npt.NDArray[Any]

# Objects on which machines and people write: ultrasound, endoscopy, photographs, screens.
_WRITTEN_ON = ("ES", "GM", "IO", "OP", "OT", "SC", "US", "XC", "XA", "RF", "IVUS", "DOC")
_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_MASKS = ("SEG", "RTDOSE")
_OVERLAY_DATA = 0x3000
_JPEG = "1.2.840.10008.1.2.4.5"
_JPEG_2000, _SOI_2000 = "1.2.840.10008.1.2.4.9", b"\xff\x4f"
_COMMENT_2000, _TILE_2000 = 0x64, 0x90
# A picture that is text for the most part is a letter, not a scan.
_MOST_TEXT = 0.4
_ULTRASOUND_REGIONS = "SequenceOfUltrasoundRegions"


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
        If text stands in them and is not to be covered, if the header speaks of text that was
        not found, or if they cannot be decoded where they must be looked at.
    """
    _clear_overlays(dataset, context)
    if "PixelData" not in dataset or str(dataset.get("Modality", "")).upper() in _MASKS:
        return []
    written_on = is_written_on(dataset)
    if "pixel-data" not in context.options.clean:
        if written_on:
            raise Refused("text may stand in its pixels: give --clean pixel-data")
        _strip_comments(dataset, context)
        return []
    is_covered = _cover_text(dataset, context, written_on=written_on)
    if not is_covered:
        _strip_comments(dataset, context)
    dataset.BurnedInAnnotation = "NO"
    return [METHODS["pixel-data"]]


def _cover_text(dataset: Dataset, context: Context, *, written_on: bool) -> bool:
    """Cover text in all frames; give whether there was any."""
    frames = _decoded(dataset, written_on=written_on)
    if frames is None:
        return False
    outside = _outside_regions(dataset, frames.shape[1:3])
    found = [find_text(frame) for frame in frames]
    if not any(found) and outside is None:
        if str(dataset.get("BurnedInAnnotation", "")).upper() == "YES":
            raise Refused("its header speaks of text in the pixels, which was not found")
        return False
    if context.options.pixels == "refuse":
        raise Refused("text was seen in its pixels")
    if any(_share(boxes, frames.shape[1:3]) > _MOST_TEXT for boxes in found):
        raise Refused("its pixels are text for the most part")
    if UID(dataset.file_meta.TransferSyntaxUID).is_compressed:
        dataset.decompress(generate_instance_uid=False)
        frames = _shaped(dataset)
    covered = frames.copy()
    black = _black(dataset, frames)
    # What is written on one frame of a series stands on the others, too.
    boxes = [box for one in found for box in one]
    for frame in covered:
        cover(frame, boxes, black)
        if outside is not None:
            frame[outside] = black
    _put_back(dataset, covered)
    context.done.setdefault("text covered in pixels", set()).add("(7FE0,0010)")
    return True


def _decoded(dataset: Dataset, *, written_on: bool) -> Pixels | None:
    """Decode to ``(frames, rows, columns[, samples])``; ``None`` where that is not needed."""
    try:
        return _shaped(dataset)
    except Exception as error:
        if written_on:
            raise Refused("text may stand in its pixels, which cannot be decoded") from error
        if UID(dataset.file_meta.get("TransferSyntaxUID", "")).is_compressed:
            raise Refused("its pixels cannot be decoded to look for text") from error
        return None


def _shaped(dataset: Dataset) -> Pixels:
    samples = int(dataset.get("SamplesPerPixel") or 1)
    frames = int(dataset.get("NumberOfFrames") or 1)
    shape = (frames, int(dataset.Rows), int(dataset.Columns), *([samples] if samples > 1 else []))
    array: Pixels = dataset.pixel_array.reshape(shape)
    return array


def _outside_regions(dataset: Dataset, shape: tuple[int, ...]) -> npt.NDArray[np.bool_] | None:
    """Mark the pixels of an ultrasound outside the regions that hold its picture."""
    regions = dataset.get(_ULTRASOUND_REGIONS)
    if not regions:
        return None
    outside = np.ones(shape, bool)
    for region in regions:
        left, top = int(region.RegionLocationMinX0), int(region.RegionLocationMinY0)
        right, bottom = int(region.RegionLocationMaxX1), int(region.RegionLocationMaxY1)
        outside[top : bottom + 1, left : right + 1] = False
    return outside


def _share(boxes: list[Box], shape: tuple[int, ...]) -> float:
    mask = np.zeros(shape, bool)
    cover(mask, boxes, True)
    return float(mask.mean())


def _black(dataset: Dataset, frames: Pixels) -> Any:
    kind = str(dataset.get("PhotometricInterpretation", ""))
    if kind.startswith("YBR") and frames.ndim == 4:
        return np.array([0, 128, 128], frames.dtype)
    if kind == "MONOCHROME1":
        return frames.max()
    return frames.min() if frames.ndim == 3 else 0


def _put_back(dataset: Dataset, frames: Pixels) -> None:
    """Write frames over the pixel data, which are not compressed any more."""
    if frames.ndim == 4 and int(dataset.get("PlanarConfiguration") or 0):
        dataset.PlanarConfiguration = 0
    data = np.ascontiguousarray(frames).astype(frames.dtype.newbyteorder("<"), copy=False).tobytes()
    dataset.PixelData = data + b"\0" * (len(data) % 2)
    dataset["PixelData"].VR = "OB" if int(dataset.BitsAllocated) <= 8 else "OW"


def _strip_comments(dataset: Dataset, context: Context) -> None:
    """Take comments and application segments out of compressed frames."""
    syntax = UID(dataset.file_meta.TransferSyntaxUID)
    if not syntax.startswith((_JPEG, _JPEG_2000)) or not syntax.is_compressed:
        return
    count = int(dataset.get("NumberOfFrames") or 1)
    frames, dropped = [], False
    for frame in generate_frames(dataset.PixelData, number_of_frames=count):
        bare = _without_comment_2000(frame) if frame[:2] == _SOI_2000 else stripped(frame)[0]
        dropped |= bare != frame
        frames.append(bare)
    if dropped:
        dataset.PixelData = encapsulate(frames)
        dataset["PixelData"].is_undefined_length = True
        context.done.setdefault(WORDS["X"], set()).add("comments in compressed pixels")


def _without_comment_2000(frame: bytes) -> bytes:
    """Take comment segments out of the main header of a JPEG 2000 stream."""
    parts, at = [frame[:2]], 2
    while at + 4 <= len(frame) and frame[at] == 0xFF and frame[at + 1] != _TILE_2000:
        length = int.from_bytes(frame[at + 2 : at + 4], "big")
        if frame[at + 1] != _COMMENT_2000:
            parts.append(frame[at : at + 2 + length])
        at += 2 + length
    return b"".join([*parts, frame[at:]])


def _clear_overlays(dataset: Dataset, context: Context) -> None:
    """Remove overlays, and the bits above those of the picture in which old files keep them."""
    planes = [group for group in range(0x6000, 0x6020, 2) if (group, 0x0010) in dataset]
    hidden = [group for group in planes if (group, _OVERLAY_DATA) not in dataset]
    if hidden and "PixelData" in dataset:
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
