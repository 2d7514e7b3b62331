"""Arrays from a checkpoint that torch pickled, without running anything that the file says.

A pickle is a program, and its words may name any function of any library. Here the words of a
tensor are answered by code of our own, and every other name by an inert class that does nothing
but hold what it is given. So a pickled tree of modules yields its arrays, and the library whose
modules they are need not be there.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from suffice.core import ModelError

# The pickle of a tree of modules takes some hundred kilobytes.
_MOST_PICKLE_BYTES = 64 * 2**20
_MOST_DEPTH = 64
# Words that reach into registries of the running process.
_REFUSED_WORDS = frozenset({"EXT1", "EXT2", "EXT4"})
_PUTS = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})
_DTYPES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}
_CURE = "Download it again, or leave --init out."


@dataclass(frozen=True)
class Archive:
    """What a checkpoint holds.

    Parameters
    ----------
    arrays : dict of str to tensor
        The parameters and buffers of its network, in single precision where they were floating.
    origin : str
        The package whose modules they are of, e.g. ``"ultralytics"``, or empty.
    """

    arrays: dict[str, Tensor]
    origin: str


def read_archive(path: Path) -> Archive:
    """Read the network of a checkpoint that ``torch.save`` wrote.

    Of a dictionary, its moving average (``ema``) is taken, else its ``model`` or ``state_dict``.

    Raises
    ------
    ModelError
        If the file is no such checkpoint, is damaged, or holds no network.
    """
    try:
        with zipfile.ZipFile(path) as opened:
            root = _unpickled(opened, path)
            found = _network(root)
            arrays = dict(_arrays(found, "", 0))
    except ModelError:
        raise
    except FileNotFoundError as error:
        raise ModelError(f"'{path}' does not exist", cure="Check the path.") from error
    except zipfile.BadZipFile as error:
        raise ModelError(
            f"'{path}' is no checkpoint of torch",
            expected="a zip archive, as torch 1.6 and later write",
            cure=_CURE,
        ) from error
    except Exception as error:  # a damaged pickle may fail in every way that Python knows
        raise ModelError(
            f"'{path}' cannot be read", got=type(error).__name__, cure=_CURE
        ) from error
    if not arrays:
        raise ModelError(f"'{path}' holds no network", cure="Give a file with trained weights.")
    return Archive(arrays, _origin(found))


class _Inert:
    """Stands for any class or function of any library: it keeps what it is given."""

    origin = ""

    def __new__(cls, *_: Any, **__: Any) -> _Inert:
        return object.__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None:
        self.held: dict[Any, Any] = {}

    def __setstate__(self, state: Any) -> None:
        self.held = dict(state) if isinstance(state, dict) else {}

    def __setitem__(self, key: Any, value: Any) -> None:
        """Drop an entry: only states are read."""

    def append(self, value: Any) -> None:
        """Drop an entry."""

    def extend(self, values: Any) -> None:
        """Drop entries."""

    def add(self, value: Any) -> None:
        """Drop an entry."""

    def __call__(self, *_: Any, **__: Any) -> _Inert:
        return _Inert()


def _unpickled(opened: zipfile.ZipFile, path: Path) -> Any:
    names = [info.filename for info in opened.infolist() if info.filename.endswith("/data.pkl")]
    if len(names) != 1:
        raise ModelError(f"'{path}' is no checkpoint of torch", got="no data.pkl", cure=_CURE)
    for info in opened.infolist():
        if info.compress_type != zipfile.ZIP_STORED:
            raise ModelError(f"'{path}' is compressed, which torch never does", cure=_CURE)
    if opened.getinfo(names[0]).file_size > _MOST_PICKLE_BYTES:
        raise ModelError(f"The pickle in '{path}' is too large to be a network's", cure=_CURE)
    prefix = names[0].removesuffix("data.pkl")
    if f"{prefix}byteorder" in opened.namelist() and opened.read(f"{prefix}byteorder") != b"little":
        raise ModelError(f"'{path}' was written on a big-endian machine", cure=_CURE)
    text = opened.read(names[0])
    _refuse_odd_words(text, path)
    return _Unpickler(text, lambda key: opened.read(f"{prefix}data/{key}")).load()


def _refuse_odd_words(text: bytes, path: Path) -> None:
    for word, value, _ in pickletools.genops(text):
        # A place beyond the length of the text would make the reader ask for that much memory.
        too_far = word.name in _PUTS and isinstance(value, int | str) and int(value) > len(text)
        if word.name in _REFUSED_WORDS or too_far:
            raise ModelError(
                f"'{path}' holds a word that no checkpoint needs", got=word.name, cure=_CURE
            )


class _Unpickler(pickle.Unpickler):
    """Answers every name by ours or by an inert class; never imports, never looks one up."""

    def __init__(self, text: bytes, read: Callable[[str], bytes]) -> None:
        super().__init__(io.BytesIO(text))
        self._read = read
        self._storages: dict[str, Tensor] = {}
        self._known: dict[tuple[str, str], Any] = {
            ("collections", "OrderedDict"): dict,
            ("torch", "Size"): tuple,
            ("torch._utils", "_rebuild_tensor_v2"): _tensor,
            ("torch._utils", "_rebuild_parameter"): _first,
            ("torch._utils", "_rebuild_parameter_with_state"): _first,
        }

    def find_class(self, module: str, name: str) -> Any:
        """Return what stands for a name."""
        if module == "torch" and name in _DTYPES:
            return _Dtype(_DTYPES[name])
        if (module, name) not in self._known:
            origin = module.partition(".")[0]
            self._known[module, name] = type("Inert", (_Inert,), {"origin": origin})
        return self._known[module, name]

    def persistent_load(self, pid: Any) -> Any:
        """Read the bytes of a storage."""
        kind, dtype, key = pid[:3]
        if kind != "storage" or not isinstance(dtype, _Dtype) or not str(key).isdecimal():
            raise ModelError("A storage is of an unknown kind", got=repr(kind), cure=_CURE)
        if key not in self._storages:
            content = bytearray(self._read(str(key)))
            self._storages[key] = torch.frombuffer(content, dtype=dtype.value)
        return self._storages[key]


@dataclass(frozen=True, slots=True)
class _Dtype:
    value: torch.dtype


class _Function:
    """A function of ours that a pickle may call but not change."""

    __slots__ = ("_body",)
    _body: Callable[..., Any]

    def __init__(self, body: Callable[..., Any]) -> None:
        object.__setattr__(self, "_body", body)

    def __call__(self, *arguments: Any) -> Any:
        return self._body(*arguments)

    def __setattr__(self, name: str, value: Any) -> None:
        raise ModelError("A checkpoint tries to change a function", got=name, cure=_CURE)

    def __setstate__(self, state: Any) -> None:
        raise ModelError("A checkpoint tries to change a function", got="a state", cure=_CURE)


def _rebuilt(storage: Any, offset: int, size: Sequence[int], stride: Sequence[int], *_: Any) -> Any:
    """View part of a storage, which must hold all of it: strides of 0 could make it endless."""
    if not isinstance(storage, Tensor):
        raise ModelError("An array has no storage", cure=_CURE)
    last = offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True))
    n_values = math.prod(size)
    if min((offset, *size, *stride), default=0) < 0 or n_values > storage.numel():
        raise ModelError("An array is larger than its storage", got=tuple(size), cure=_CURE)
    if n_values and last >= storage.numel():
        raise ModelError("An array reaches beyond its storage", got=tuple(size), cure=_CURE)
    return storage.as_strided(tuple(size), tuple(stride), offset)


_tensor = _Function(_rebuilt)
_first = _Function(lambda data, *_: data)


def _network(root: Any) -> Any:
    if not isinstance(root, dict):
        return root
    for key in ("ema", "model", "state_dict", "model_state_dict"):
        if root.get(key) is not None:
            return root[key]
    return root


def _origin(found: Any) -> str:
    return type(found).origin if isinstance(found, _Inert) else ""


def _arrays(item: Any, prefix: str, depth: int) -> Iterator[tuple[str, Tensor]]:
    """Walk a tree of modules, or a plain dictionary of arrays."""
    if depth > _MOST_DEPTH:
        raise ModelError("The modules of a checkpoint lie too deep", cure=_CURE)
    if isinstance(item, dict):
        parts = [item]
    elif isinstance(item, _Inert):
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
