"""Text in files that are no DICOM: the fields in which a name may stand."""

from __future__ import annotations

import contextlib
import csv
import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from suffice.privacy.itk_file import is_plain
from suffice.privacy.png_file import chunks
from suffice.privacy.tiff_description import without_text

_STRINGS = re.compile(rb"[\x20-\x7e\xc2-\xf4\x80-\xbf]{4,}")
_HEADER_BYTES = 1 << 20
_DRAWING = (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS")
_NIFTI = {
    348: (
        *(("data_type", 4, 10), ("db_name", 14, 18), ("descrip", 148, 80), ("aux_file", 228, 24)),
        ("intent_name", 328, 16),
    ),
    540: (("descrip", 240, 80), ("aux_file", 320, 24), ("intent_name", 508, 16)),
}

Texts = Iterator[tuple[str, str]]


def texts_of_file(path: Path, kind: str) -> Texts:
    """Yield field and text of a file of one of the kinds that are cleaned.

    Fields of binary headers are searched for strings of four letters and more. A damaged file
    yields what could be read.
    """
    reader = _READERS.get(kind)
    if reader is not None:
        with contextlib.suppress(Exception):
            yield from reader(path)


def strings_in(data: bytes) -> list[str]:
    """Find strings of printable letters in bytes."""
    found = (match.group() for match in _STRINGS.finditer(data))
    return [text.decode("utf-8", "replace").strip() for text in found if text.strip()]


def _nifti(path: Path) -> Texts:
    with path.open("rb") as handle:
        is_gzip = handle.read(2) == b"\x1f\x8b"
    with gzip.open(path) if is_gzip else path.open("rb") as handle:
        head = handle.read(_HEADER_BYTES)
    if is_gzip:
        with path.open("rb") as raw:
            front = raw.read(512)
        if front[3] & 0x08:
            yield "gzip name", front[10:].split(b"\0")[0].decode("latin-1")
    if path.suffix.lower() == ".img":
        return
    size = int.from_bytes(head[:4], "little")
    size = size if size in _NIFTI else int.from_bytes(head[:4], "big")
    for name, at, length in _NIFTI.get(size, ()):
        for text in strings_in(head[at : at + length].split(b"\0")[0]):
            yield name, text
    if size == 348 and head[344:347] not in (b"n+1", b"ni1"):
        for text in strings_in(head[253:348]):
            yield "history", text
    extended = head[size : size + 1] not in (b"", b"\0")
    if extended:
        for text in strings_in(head[size + 12 : _HEADER_BYTES]):
            yield "extension", text


def _png(path: Path) -> Texts:
    with path.open("rb") as handle:
        handle.read(8)
        for kind, data in chunks(handle):
            if kind in _DRAWING:
                continue
            name, _, rest = data.partition(b"\0")
            field = name.decode("latin-1") if kind in (b"tEXt", b"zTXt", b"iTXt") else kind.decode()
            if kind == b"zTXt":
                rest = zlib.decompress(rest[1:])
            elif kind == b"iTXt":
                packed, body = rest[0], rest[2:].split(b"\0", 2)[2]
                rest = zlib.decompress(body) if packed else body
            elif kind != b"tEXt":
                rest = data
            for text in strings_in(rest):
                yield field, text


def _jpeg(path: Path) -> Texts:
    data = path.read_bytes()
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if 0xE0 <= marker <= 0xEF or marker == 0xFE:
            for text in strings_in(data[at + 4 : at + 2 + length]):
                yield "comment" if marker == 0xFE else f"APP{marker - 0xE0}", text
        at += 2 + length


def _tiff(path: Path) -> Texts:
    import tifffile

    with tifffile.TiffFile(path) as tiff:
        for page in (p.aspage() for p in tiff.pages):
            for tag in page.tags:
                value = tag.value
                if isinstance(value, str):
                    technical = set(without_text(value).splitlines())
                    for line in value.splitlines() if value not in technical else ():
                        if line not in technical:
                            yield f"tag {tag.code}", line
                elif isinstance(value, bytes):
                    for text in strings_in(value):
                        yield f"tag {tag.code}", text


def _itk(path: Path) -> Texts:
    with path.open("rb") as handle:
        for line in handle:
            text = line.decode("latin-1").strip()
            if not text or text.startswith("ElementDataFile"):
                return
            field, mark, value = text.partition(":=" if ":=" in text else ":")
            if not mark:
                field, _, value = text.partition("=")
            if mark == ":=" or not is_plain(field.strip()):
                yield field.strip(" #"), value.strip() or text


def _json(path: Path) -> Texts:
    def walk(value: Any, name: str) -> Texts:
        if isinstance(value, dict):
            for key, inner in value.items():
                yield from walk(inner, str(key))
        elif isinstance(value, list):
            for inner in value:
                yield from walk(inner, name)
        elif isinstance(value, str | int) and not isinstance(value, bool):
            yield name, str(value)

    yield from walk(json.loads(path.read_text(encoding="utf-8-sig")), "")


def _table(path: Path) -> Texts:
    mark = "\t" if path.suffix.lower() == ".tsv" else ","
    with path.open(encoding="utf-8-sig", newline="") as handle:
        rows = csv.reader(handle, delimiter=mark)
        header = next(rows, [])
        for row in rows:
            yield from zip(header, row, strict=False)


_READERS: dict[str, Callable[[Path], Texts]] = {
    "nifti_file": _nifti,
    "png_file": _png,
    "jpeg_file": _jpeg,
    "tiff_file": _tiff,
    "itk_file": _itk,
    "json_file": _json,
    "table_file": _table,
}
