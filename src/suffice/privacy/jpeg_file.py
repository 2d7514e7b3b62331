"""JPEG: the segments that draw the picture are copied, all others and what follows the end go."""

from __future__ import annotations

import struct
from pathlib import Path, PurePath

from suffice.privacy.cleaning import Done, Job
from suffice.privacy.pictures import cover_text
from suffice.privacy.refused import Refused

_START, _END, _SCAN = 0xD8, 0xD9, 0xDA
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD8)}
_JFIF, _EXIF, _ADOBE, _COMMENT = 0xE0, 0xE1, 0xEE, 0xFE
_ORIENTATION = 0x0112


def clean(source: Path, target: Path, relative: PurePath, job: Job) -> Done:
    """De-identify a JPEG file; its picture is copied as it is compressed."""
    data, dropped = stripped(source.read_bytes())
    target.write_bytes(data)
    done: Done = {"removed": dropped} if dropped else {}
    cover_text(target, job, done, suffix="jpeg")
    return done


def stripped(data: bytes) -> tuple[bytes, set[str]]:
    """Take out comments, EXIF (but for the turn of the picture), XMP, profiles and thumbnails.

    Returns
    -------
    data : bytes
    dropped : set of str
        What was taken out.

    Raises
    ------
    Refused
        If it is no whole JPEG.
    """
    if data[:2] != b"\xff\xd8":
        raise Refused("no JPEG")
    parts, dropped = [b"\xff\xd8"], set()
    at = 2
    while True:
        at, marker = _next_marker(data, at)
        if marker == _END:
            parts.append(b"\xff\xd9")
            break
        if marker in _WITHOUT_LENGTH:
            parts.append(bytes([0xFF, marker]))
            continue
        segment, at = _segment(data, at)
        kept = _kept(marker, segment)
        if kept is None or kept != segment:
            dropped.add(_word(marker))
        if kept is not None:
            parts.append(bytes([0xFF, marker]) + struct.pack(">H", len(kept) + 2) + kept)
        if marker == _SCAN:
            end = _end_of_scan(data, at)
            parts.append(data[at:end])
            at = end
    if data[at:].strip(b"\0"):
        dropped.add("bytes after the end")
    return b"".join(parts), dropped


def _next_marker(data: bytes, at: int) -> tuple[int, int]:
    while at + 1 < len(data) and data[at] == 0xFF and data[at + 1] == 0xFF:
        at += 1
    if at + 1 >= len(data) or data[at] != 0xFF:
        raise Refused("ends before its last line")
    return at + 2, data[at + 1]


def _segment(data: bytes, at: int) -> tuple[bytes, int]:
    length = int.from_bytes(data[at : at + 2], "big")
    if length < 2 or at + length > len(data):
        raise Refused("ends before its last line")
    return data[at + 2 : at + length], at + length


def _end_of_scan(data: bytes, at: int) -> int:
    """Find the marker that follows compressed lines."""
    while True:
        at = data.find(b"\xff", at)
        if at < 0 or at + 1 >= len(data):
            raise Refused("ends before its last line")
        if data[at + 1] != 0x00 and not 0xD0 <= data[at + 1] <= 0xD7:
            return at
        at += 2


def _kept(marker: int, segment: bytes) -> bytes | None:
    """Give what stays of a segment; ``None`` where nothing does."""
    if marker == _JFIF:
        # Density, without the thumbnail behind it.
        return segment[:12] + b"\0\0" if segment.startswith(b"JFIF\0") else None
    if marker == _EXIF:
        return _turn_alone(segment)
    if marker == _ADOBE:
        return segment[:12] if segment.startswith(b"Adobe") else None
    is_application = 0xE0 <= marker <= 0xEF
    return None if is_application or marker == _COMMENT else segment


def _turn_alone(segment: bytes) -> bytes | None:
    """Make an EXIF segment that says how the picture is turned and nothing else."""
    if not segment.startswith(b"Exif\0\0"):
        return None
    tiff = segment[6:]
    order = "<" if tiff[:2] == b"II" else ">"
    try:
        at = struct.unpack_from(f"{order}I", tiff, 4)[0]
        for i in range(struct.unpack_from(f"{order}H", tiff, at)[0]):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", tiff, at + 2 + 12 * i)
            if tag == _ORIENTATION and 2 <= value <= 8:
                entry = struct.pack(">HHIHH", _ORIENTATION, 3, 1, value, 0)
                return b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01" + entry + bytes(4)
    except struct.error:
        pass
    return None


def _word(marker: int) -> str:
    if marker == _COMMENT:
        return "comment"
    return f"APP{marker - 0xE0}" if 0xE0 <= marker <= 0xEF else f"marker {marker:02X}"
