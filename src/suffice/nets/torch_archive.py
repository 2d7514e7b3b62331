"""Arrays from a checkpoint that torch pickled, without running anything that the file says."""

from __future__ import annotations

import io
import pickletools
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from suffice.core import ModelError
from suffice.nets.unpickling import CURE, Inert, unpickled

# The pickle of a tree of modules takes some hundred kilobytes.
_MOST_PICKLE_BYTES = 64 * 2**20
_MOST_DEPTH = 64
# What a file begins with that torch wrote before version 1.6, pickled.
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_START = bytes.fromhex("80028a0a6cfc9c46f920")
# Keys under which programs keep the weights, the most telling first.
_NETWORKS = (
    "ema",
    "network_weights",
    "model",
    "state_dict",
    "model_state_dict",
    "net",
    "teacher",
)


@dataclass(frozen=True)
class Archive:
    """What a checkpoint holds.

    Parameters
    ----------
    arrays : dict of str to tensor
        The parameters and buffers of its network, in single precision where they were floating.
    origin : str
        The package whose modules they are of, e.g. ``"ultralytics"``, or empty.
    root : object
        All of it: values, tables and arrays as they were, all else inert.
    """

    arrays: dict[str, Tensor]
    origin: str
    root: Any = None


def read_archive(path: Path) -> Archive:
    """Read the network of a checkpoint that ``torch.save`` wrote, in either of its formats.

    Of a dictionary, its moving average (``ema``) is taken, else what stands under a name such as
    ``model``, ``state_dict`` or ``network_weights``.

    Raises
    ------
    ModelError
        If the file is no such checkpoint, is damaged, holds no network, or names what no
        checkpoint needs, as malicious ones do.
    """
    try:
        if not zipfile.is_zipfile(path) and _is_legacy(path):
            root = _legacy(path)
        else:
            with zipfile.ZipFile(path) as opened:
                root = _zipped(opened, path)
        found = _network(root)
        arrays = dict(_arrays(found, "", 0))
    except ModelError:
        raise
    except FileNotFoundError as error:
        raise ModelError(f"'{path}' does not exist", cure="Check the path.") from error
    except zipfile.BadZipFile as error:
        raise ModelError(
            f"'{path}' is no checkpoint of torch", expected="what torch.save writes", cure=CURE
        ) from error
    except Exception as error:  # a damaged pickle may fail in every way that Python knows
        raise ModelError(f"'{path}' cannot be read", got=type(error).__name__, cure=CURE) from error
    if not arrays:
        raise ModelError(f"'{path}' holds no network", cure="Give a file with trained weights.")
    return Archive(arrays, found.origin if isinstance(found, Inert) else "", root)


def _zipped(opened: zipfile.ZipFile, path: Path) -> Any:
    names = [info.filename for info in opened.infolist() if info.filename.endswith("/data.pkl")]
    if any("/code/" in info.filename for info in opened.infolist()):
        raise ModelError(
            f"'{path}' is a TorchScript program, which could be used only by running it",
            cure="Give the weights themselves: of a MONAI bundle 'models/model.pt'.",
        )
    if len(names) != 1:
        raise ModelError(f"'{path}' is no checkpoint of torch", got="no data.pkl", cure=CURE)
    for info in opened.infolist():
        if info.compress_type != zipfile.ZIP_STORED:
            raise ModelError(f"'{path}' is compressed, which torch never does", cure=CURE)
    if opened.getinfo(names[0]).file_size > _MOST_PICKLE_BYTES:
        raise ModelError(f"The pickle in '{path}' is too large to be a network's", cure=CURE)
    prefix = names[0].removesuffix("data.pkl")
    if f"{prefix}byteorder" in opened.namelist() and opened.read(f"{prefix}byteorder") != b"little":
        raise ModelError(f"'{path}' was written on a big-endian machine", cure=CURE)
    storages: dict[str, Tensor] = {}

    def storage(pid: Any, dtype: torch.dtype) -> Tensor:
        key = str(pid[2])
        if not key.isdecimal():
            raise ModelError("A storage has an odd name", got=repr(key), cure=CURE)
        if key not in storages:
            content = bytearray(opened.read(f"{prefix}data/{key}"))
            empty = torch.empty(0, dtype=dtype)
            storages[key] = torch.frombuffer(content, dtype=dtype) if content else empty
        return storages[key]

    return unpickled(opened.read(names[0]), storage, str(path))


def _is_legacy(path: Path) -> bool:
    with path.open("rb") as handle:
        return handle.read(len(_LEGACY_START)) == _LEGACY_START


def _legacy(path: Path) -> Any:
    """Read what torch wrote before 1.6: five pickles, then the numbers of each storage."""
    content = path.read_bytes()
    handle = io.BytesIO(content)
    storages: dict[str, Tensor] = {}

    def storage(pid: Any, dtype: torch.dtype) -> Tensor:
        key, n_values, view = str(pid[2]), int(pid[4]), pid[5] if len(pid) > 5 else None
        if view is not None or not 0 <= n_values * dtype.itemsize <= len(content):
            raise ModelError("A storage is larger than its file", got=n_values, cure=CURE)
        if key not in storages:
            storages[key] = torch.zeros(n_values, dtype=dtype)
        return storages[key]

    def part() -> Any:
        start = handle.tell()
        for _ in pickletools.genops(handle):
            pass
        return unpickled(content[start : handle.tell()], storage, str(path))

    magic, _, system, root, keys = (part() for _ in range(5))
    if magic != _LEGACY_MAGIC or not isinstance(system, dict) or not isinstance(keys, list):
        raise ModelError(f"'{path}' is no checkpoint of torch", cure=CURE)
    if not system.get("little_endian", True):
        raise ModelError(f"'{path}' was written on a big-endian machine", cure=CURE)
    for key in map(str, keys):
        target = storages[key]
        n_bytes = target.numel() * target.element_size()
        length, numbers = handle.read(8), handle.read(n_bytes)
        n_values = int.from_bytes(length, "little")
        if len(length) < 8 or len(numbers) < n_bytes or n_values != target.numel():
            raise ModelError(f"'{path}' ends too early", cure="Copy or download it again.")
        if n_bytes:
            target.copy_(torch.frombuffer(bytearray(numbers), dtype=target.dtype))
    return root


def _network(root: Any) -> Any:
    if not isinstance(root, dict):
        return root
    for key in _NETWORKS:
        if isinstance(root.get(key), dict | Inert):
            return root[key]
    return root


def _arrays(item: Any, prefix: str, depth: int) -> Iterator[tuple[str, Tensor]]:
    """Walk a tree of modules, or a plain dictionary of arrays."""
    if depth > _MOST_DEPTH:
        raise ModelError("The modules of a checkpoint lie too deep", cure=CURE)
    if isinstance(item, dict):
        parts = [item]
    elif isinstance(item, Inert):
        parts = [_table(item.held, key) for key in ("_parameters", "_buffers")]
        for name, module in _table(item.held, "_modules").items():
            yield from _arrays(module, f"{prefix}{name}.", depth + 1)
    else:
        return
    for part in parts:
        for name, value in part.items():
            if isinstance(value, Tensor):
                floating = value.is_floating_point()
                yield f"{prefix}{name}", value.float() if floating else value


def _table(held: dict[Any, Any], key: str) -> dict[Any, Any]:
    found = held.get(key)
    return found if isinstance(found, dict) else {}
