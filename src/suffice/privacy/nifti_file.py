"""NIfTI and Analyze: fields of text emptied, extensions dropped, voxels copied as they are."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path, PurePath
from typing import BinaryIO, cast

from suffice.files import PARTIAL_PREFIX
from suffice.privacy.cleaning import Done, Job
from suffice.privacy.heads import deface_nifti
from suffice.privacy.refused import Refused

_Fields = tuple[tuple[str, int, int], ...]
# Name, place and length of the fields that hold text or numbers of people.
_TEXT_1: _Fields = (
    *(("data_type", 4, 10), ("db_name", 14, 18), ("session_error", 36, 2)),
    *(("descrip", 148, 80), ("aux_file", 228, 24), ("intent_name", 328, 16)),
)
_TEXT_2: _Fields = (
    ("descrip", 240, 80),
    ("aux_file", 320, 24),
    ("intent_name", 508, 16),
    ("unused", 525, 15),
)
# Of Analyze: originator, generated, scannum, patient_id, exp_date, exp_time.
_TEXT_ANALYZE: _Fields = (("description", 148, 80), ("aux_file", 228, 24), ("history", 263, 53))
_EXTENDER = b"\0\0\0\0"
_BLOCK = 1 << 20


def clean(source: Path, target: Path, relative: PurePath, job: Job) -> Done:
    """De-identify a NIfTI file, or a header or voxels of a pair."""
    if "faces" not in job.options.clean:
        return _without_text(source, target, relative)
    if relative.suffix.lower() in (".hdr", ".img"):
        raise Refused("a pair of header and voxels cannot be defaced: save it as .nii.gz")
    faceless = target.with_name(f"{PARTIAL_PREFIX}{target.name}")
    try:
        if not deface_nifti(source, faceless):
            return _without_text(source, target, relative)
        done = _without_text(faceless, target, relative)
    finally:
        faceless.unlink(missing_ok=True)
    return {**done, "face removed": {"voxels"}}


def _without_text(source: Path, target: Path, relative: PurePath) -> Done:
    with ExitStack() as stack:
        opened = stack.enter_context(source.open("rb"))
        is_gzip = opened.read(2) == b"\x1f\x8b"
        opened.seek(0)
        reader: BinaryIO = opened
        out: BinaryIO = stack.enter_context(target.open("wb"))
        done: Done = {}
        if is_gzip:
            reader = cast(BinaryIO, stack.enter_context(gzip.GzipFile(fileobj=opened)))
            # Without a name or time of its own.
            zipped = gzip.GzipFile(filename="", mode="wb", fileobj=out, compresslevel=6, mtime=0)
            out = cast(BinaryIO, stack.enter_context(zipped))
            done["removed"] = {"gzip:name", "gzip:time"}
        if relative.suffix.lower() == ".img":
            before, count = _voxels_of_pair(source)
            if any(reader.read(before)):
                done.setdefault("emptied", set()).add("bytes before the voxels")
            out.write(bytes(before))
            if not _copy(reader, out, count):
                raise Refused("ends before its last voxel")
            return done
        _clean_header(reader, out, done)
    return done


def _clean_header(reader: BinaryIO, out: BinaryIO, done: Done) -> None:
    """Write the header anew, then exactly as many voxels as it says."""
    header, order, version = _read_header(reader)
    magic = bytes(header[344:348]) if version == 1 else bytes(header[4:8])
    fields = _TEXT_2 if version == 2 else _TEXT_1
    if version == 1 and magic not in (b"n+1\0", b"ni1\0"):
        fields = (*_TEXT_1[:2], *_TEXT_ANALYZE)
    for name, at, length in fields:
        if any(header[at : at + length]):
            header[at : at + length] = bytes(length)
            done.setdefault("emptied", set()).add(name)
    if not magic.startswith(b"n+"):
        # A header by itself; what follows it are extensions.
        if reader.read(4)[:1] not in (b"", b"\0"):
            done.setdefault("removed", set()).add("extensions")
        out.write(header)
        return
    start, new_start = _voxels_at(header, order, version), len(header) + 4
    between = reader.read(max(0, start - len(header)))
    if any(between):
        done.setdefault("removed", set()).add("extensions")
    _set_voxels_at(header, order, version, new_start)
    out.write(header + _EXTENDER)
    if not _copy(reader, out, _voxel_bytes(header, order, version)):
        raise Refused("ends before its last voxel")
    if reader.read(1):
        done.setdefault("removed", set()).add("bytes after the voxels")


def _read_header(reader: BinaryIO) -> tuple[bytearray, str, int]:
    head = reader.read(4)
    for order in "<>":
        size = struct.unpack(f"{order}i", head)[0] if len(head) == 4 else 0
        if size in (348, 540):
            header = bytearray(head + reader.read(size - 4))
            if len(header) < size:
                break
            return header, order, 1 if size == 348 else 2
    raise Refused("no header of NIfTI or Analyze")


def _voxels_at(header: bytearray, order: str, version: int) -> int:
    form, at = ("f", 108) if version == 1 else ("q", 168)
    return int(struct.unpack_from(f"{order}{form}", header, at)[0])


def _set_voxels_at(header: bytearray, order: str, version: int, start: int) -> None:
    form, at = ("f", 108) if version == 1 else ("q", 168)
    struct.pack_into(f"{order}{form}", header, at, start)


def _voxel_bytes(header: bytearray, order: str, version: int) -> int:
    form, at = ("8h", 40) if version == 1 else ("8q", 16)
    dim = struct.unpack_from(f"{order}{form}", header, at)
    bits = struct.unpack_from(f"{order}h", header, 72 if version == 1 else 14)[0]
    count: int = 1
    for n in dim[1 : 1 + max(0, min(7, dim[0]))]:
        count *= max(1, n)
    return int(count * bits + 7) // 8


def _voxels_of_pair(image: Path) -> tuple[int, int]:
    """Bytes before the voxels of an ``.img`` file and of them, as the header beside it tells."""
    for suffix in (".hdr", ".HDR"):
        header = image.with_suffix(suffix)
        if header.is_file():
            with header.open("rb") as handle:
                fields, order, version = _read_header(handle)
            start = max(0, _voxels_at(fields, order, version))
            return start, _voxel_bytes(fields, order, version)
    raise Refused("voxels without their header")


def _copy(reader: BinaryIO, out: BinaryIO, count: int) -> bool:
    """Copy so many bytes; give whether there were as many."""
    for block in _blocks(reader, count):
        out.write(block)
        count -= len(block)
    return count == 0


def _blocks(reader: BinaryIO, count: int) -> Iterator[bytes]:
    while count > 0 and (block := reader.read(min(_BLOCK, count))):
        count -= len(block)
        yield block
