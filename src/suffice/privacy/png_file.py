"""PNG: the chunks that draw the picture are copied, all others and what follows the end go."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import BinaryIO

from suffice.privacy.cleaning import Done, Job
from suffice.privacy.pictures import cover_text
from suffice.privacy.refused import Refused

_MAGIC = b"\x89PNG\r\n\x1a\n"
_KEPT = {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"pHYs"}


def clean(source: Path, target: Path, relative: PurePath, job: Job) -> Done:
    """De-identify a PNG file; its pixels are copied as they are compressed."""
    done: Done = {}
    with source.open("rb") as reader, target.open("wb") as out:
        if reader.read(len(_MAGIC)) != _MAGIC:
            raise Refused("no PNG")
        out.write(_MAGIC)
        for kind, data in chunks(reader):
            if kind in _KEPT:
                code = zlib.crc32(kind + data)
                out.write(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", code))
            else:
                done.setdefault("removed", set()).add(f"chunk {kind.decode('ascii', 'replace')}")
        if reader.read(1):
            done.setdefault("removed", set()).add("bytes after the end")
    cover_text(target, job, done, suffix="png")
    return done


def chunks(reader: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Yield the kind and content of each chunk up to the last.

    Raises
    ------
    Refused
        If the file ends before it.
    """
    while True:
        head = reader.read(8)
        if len(head) < 8:
            raise Refused("ends before its last chunk")
        length, kind = struct.unpack(">I4s", head)
        data = reader.read(length)
        if len(data) < length or len(reader.read(4)) < 4:
            raise Refused("ends before its last chunk")
        yield kind, data
        if kind == b"IEND":
            return
