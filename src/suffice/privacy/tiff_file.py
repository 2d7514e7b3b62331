"""TIFF: the picture's strips and tiles are copied under tags that describe them alone."""

from __future__ import annotations

import struct
from pathlib import Path, PurePath
from typing import Any, BinaryIO

import tifffile

from suffice.privacy.cleaning import Done, Job
from suffice.privacy.pictures import require_no_text
from suffice.privacy.refused import Refused
from suffice.privacy.tiff_description import without_text

_DESCRIPTION = 270
_STRIPS, _STRIP_SIZES, _TILES, _TILE_SIZES = 273, 279, 324, 325
# What a reader needs to draw the picture and to know how large a pixel is.
_KEPT = {
    *(254, 255, 256, 257, 258, 259, 262, 263, 266, 274, 277, 278, 280, 281, 282, 283, 284, 290),
    *(291, 292, 293, 296, 297, 301, 317, 318, 319, 320, 322, 323, 332, 334, 336, 338, 339, 340),
    *(341, 347, 512, 513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532, 32997),
}
# Addresses within the file, which are no longer right.
_KEPT -= {513, 514, 519, 520, 521}
_LONG, _LONG8, _ASCII = 4, 16, 2
_BLOCK = 1 << 20


def clean(source: Path, target: Path, relative: PurePath, job: Job) -> Done:
    """De-identify a TIFF file; strips and tiles are copied as they are compressed."""
    done: Done = {}
    with tifffile.TiffFile(source) as tiff, target.open("wb") as out:
        if len(tiff.series) == 1 and len(tiff.pages) == 1 and _holds_more(tiff):
            raise Refused("pages that the file does not list")
        writer = _Writer(out, tiff.byteorder, is_big=bool(tiff.is_bigtiff))
        for page in (p.aspage() for p in tiff.pages):
            _copy_page(tiff, page, writer, done)
    require_no_text(target, job)
    return done


def _holds_more(tiff: Any) -> bool:
    first = tiff.pages[0]
    return int(tiff.series[0].size) > int(first.size)


def _copy_page(tiff: Any, page: Any, writer: _Writer, done: Done) -> None:
    reader = tiff.filehandle
    tags: dict[int, tuple[int, int, bytes]] = {}
    for tag in page.tags:
        if tag.code == _DESCRIPTION:
            kept = without_text(str(tag.value)) if page.index == 0 else ""
            if kept != str(tag.value):
                done.setdefault("emptied", set()).add("tag 270")
            if kept:
                raw = kept.encode("ascii", "replace") + b"\0"
                tags[_DESCRIPTION] = _ASCII, len(raw), raw
        elif tag.code in _KEPT:
            reader.seek(tag.valueoffset)
            tags[tag.code] = int(tag.dtype), tag.count, reader.read(tag.valuebytecount)
        elif tag.code not in (_STRIPS, _STRIP_SIZES, _TILES, _TILE_SIZES):
            done.setdefault("removed", set()).add(f"tag {tag.code}")
    where, sizes = (_TILES, _TILE_SIZES) if page.is_tiled else (_STRIPS, _STRIP_SIZES)
    places = [
        writer.copy(reader, offset, count)
        for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True)
    ]
    tags[where] = writer.numbers(places)
    tags[sizes] = writer.numbers(list(page.databytecounts))
    writer.write_page(tags)


class _Writer:
    """Lays out a TIFF: strips, then the tags that name them, page by page."""

    def __init__(self, out: BinaryIO, order: str, *, is_big: bool) -> None:
        self._out, self._order, self._is_big = out, order, is_big
        mark = b"II" if order == "<" else b"MM"
        if is_big:
            self._out.write(mark + struct.pack(f"{order}HHHQ", 43, 8, 0, 0))
        else:
            self._out.write(mark + struct.pack(f"{order}HI", 42, 0))
        self._link = 8 if is_big else 4

    def copy(self, reader: Any, offset: int, count: int) -> int:
        """Copy bytes to the end; give where they are. An empty strip stays empty."""
        if not count:
            return 0
        place = self._at_end()
        reader.seek(offset)
        while count > 0:
            block = reader.read(min(_BLOCK, count))
            if not block:
                raise Refused("ends before its last strip")
            self._out.write(block)
            count -= len(block)
        return place

    def numbers(self, values: list[int]) -> tuple[int, int, bytes]:
        """Pack whole numbers as wide as the file's addresses."""
        kind, form = (_LONG8, "Q") if self._is_big else (_LONG, "I")
        return kind, len(values), struct.pack(f"{self._order}{len(values)}{form}", *values)

    def write_page(self, tags: dict[int, tuple[int, int, bytes]]) -> None:
        """Write the values and the list of tags, and link it to the page before."""
        order, is_big = self._order, self._is_big
        room, form = (8, "Q") if is_big else (4, "I")
        entries = []
        for code, (kind, count, raw) in sorted(tags.items()):
            field = raw.ljust(room, b"\0")
            if len(raw) > room:
                place = self._at_end()
                self._out.write(raw)
                field = struct.pack(f"{order}{form}", place)
            entries.append(struct.pack(f"{order}HH{form}", code, kind, count) + field)
        start = self._at_end()
        self._out.write(struct.pack(f"{order}{'Q' if is_big else 'H'}", len(entries)))
        self._out.write(b"".join(entries))
        link = self._out.tell()
        self._out.write(bytes(room))
        self._out.seek(self._link)
        self._out.write(struct.pack(f"{order}{form}", start))
        self._link = link

    def _at_end(self) -> int:
        """Go to the end, at an even place."""
        self._out.seek(0, 2)
        if self._out.tell() % 2:
            self._out.write(b"\0")
        return self._out.tell()
