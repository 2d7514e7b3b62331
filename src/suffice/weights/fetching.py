"""Fetch a file whole and unchanged: resumed where it broke off, checked, then renamed."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from suffice.core import Listener, ModelError, Progress, StorageError, UsageError, silent
from suffice.files import write_text

TIMEOUT_S = 60.0
BLOCK_BYTES = 1 << 20
_LOCAL = ("localhost", "127.0.0.1", "::1")
_AGAIN = "Give the same command again: it goes on where it broke off."


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that was fetched, or was there already.

    Parameters
    ----------
    path : Path
    sha256 : str
    is_known : bool
        Whether the publisher's hash, or that of an earlier download, was there to compare with.
    is_new : bool
    """

    path: Path
    sha256: str
    is_known: bool
    is_new: bool


class _Careful(urllib.request.HTTPRedirectHandler):
    """Follows no redirection to another protocol."""

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        require_safe(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def require_safe(address: str) -> None:
    """Raise a `UsageError` unless an address is https, or http of this very machine."""
    parts = urlsplit(address)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOCAL):
        return
    raise UsageError("Files are fetched by https alone", got=address)


def fetch(
    address: str,
    path: Path,
    *,
    sha256: str = "",
    listener: Listener = silent,
) -> Fetched:
    """Download a file, unless it is there already and unchanged.

    What was downloaded of it before is kept in ``PATH.part`` and gone on from where the server
    can and the file there is still the same one. Its hash is kept in ``PATH.sha256``: where the
    publisher states none, the first download is taken at its word, and later ones are compared.

    Parameters
    ----------
    address : str
    path : Path
        Where the whole file is to stand.
    sha256 : str
        The hash, or its first digits.
    listener : callable

    Raises
    ------
    ModelError
        If the connection fails, or the file is not what it should be.
    StorageError
        If it cannot be written.
    """
    require_safe(address)
    note = path.with_name(path.name + ".sha256")
    noted = note.read_text(encoding="utf-8").split()[:1] if note.is_file() else []
    # Publishers may state the first digits alone: the whole hash of an earlier download says more.
    expected = next((each for each in noted if each.startswith(sha256.lower())), sha256.lower())
    if path.is_file():
        found = hash_of(path)
        _compare(found, expected, path, cure=f"Delete '{path}' and fetch it again.")
        return Fetched(path, found, bool(expected), is_new=False)
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _download(address, part, listener)
        found = hash_of(part)
        try:
            _compare(found, expected, path, cure="Fetch it again; if it stays so, tell us.")
        except ModelError:
            _forget(part)
            raise
        part.replace(path)
        _forget(part)
        write_text(note, f"{found}  {path.name}\n")
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError) as error:
        reason = getattr(error, "reason", None) or error
        raise ModelError(f"'{address}' cannot be fetched", got=reason, cure=_AGAIN) from error
    except OSError as error:
        raise StorageError(
            f"Cannot fetch into '{path.parent}'", got=error.strerror or error, cure=_AGAIN
        ) from error
    return Fetched(path, found, bool(expected), is_new=True)


def hash_of(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _compare(found: str, expected: str, path: Path, *, cure: str) -> None:
    if expected and not found.startswith(expected):
        raise ModelError(
            f"'{path.name}' is not the file that was published",
            got=f"the hash {found}",
            expected=expected,
            cure=cure,
        )


def _download(address: str, part: Path, listener: Listener) -> None:
    """Bring the file into ``part``, from where it ends already if the server's is the same."""
    mark = _mark(part)
    begun = part.stat().st_size if part.is_file() else 0
    headers = {"Accept-Encoding": "identity", "User-Agent": "suffice"}
    if begun and mark.get("address") == address and mark.get("version"):
        headers |= {"Range": f"bytes={begun}-", "If-Range": mark["version"]}
    opener = urllib.request.build_opener(_Careful)
    try:
        answer = opener.open(urllib.request.Request(address, headers=headers), timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        # All of it was there: an earlier start was killed before it could compare and rename.
        if error.code == 416 and error.headers.get("Content-Range") == f"bytes */{begun}":
            return
        raise
    with answer:
        goes_on = answer.status == 206 and _starts_at(answer.headers) == begun
        done = begun if goes_on else 0
        length = answer.headers.get("Content-Length")
        total = done + int(length) if length is not None else None
        version = answer.headers.get("ETag") or answer.headers.get("Last-Modified") or ""
        # A weak tag may stand for a file that differs in its bytes.
        version = "" if version.startswith("W/") else version
        write_text(_mark_path(part), json.dumps({"address": address, "version": version}))
        with part.open("ab" if goes_on else "wb") as handle:
            while block := answer.read(BLOCK_BYTES):
                handle.write(block)
                done += len(block)
                share = done / total if total else 0.0
                listener(Progress("fetch", min(share, 1.0), note=f"{done / 1e6:.0f} MB"))
            handle.flush()
            os.fsync(handle.fileno())
    if total is not None and done != total:
        raise http.client.IncompleteRead(b"", total - done)


def _starts_at(headers: Mapping[str, str]) -> int:
    words = headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    return int(words) if words.isdecimal() else -1


def _mark_path(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _mark(part: Path) -> dict[str, str]:
    with contextlib.suppress(OSError, ValueError):
        found = json.loads(_mark_path(part).read_text(encoding="utf-8"))
        if isinstance(found, dict):
            return {str(key): str(value) for key, value in found.items()}
    return {}


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _mark_path(part).unlink(missing_ok=True)


def free_bytes(folder: Path) -> int:
    """Bytes that are free where a folder is, or is to be."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free
