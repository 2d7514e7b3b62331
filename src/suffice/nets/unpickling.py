"""An unpickler that runs nothing: of a pickle's names it knows tensors and plain values alone.

A pickle is a program, and its words may name any function of any library. Here the words of a
tensor are answered by code of our own. A name of Python's own library, torch or numpy that no
checkpoint needs makes the file refused; any other name, a class of the program that wrote the
file, becomes an inert class that does nothing but hold what it is given. None is ever looked up.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from suffice.core import ModelError

CURE = "Take the file from where it was published, or leave it out."
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
# What of Python's own library checkpoints hold: values, and what rebuilds them.
_VALUES = {
    "builtins": "set frozenset list dict tuple int float str bytes bytearray bool complex slice"
    " range object getattr",
    "collections": "OrderedDict defaultdict Counter deque",
    "_codecs": "encode",
    "copyreg": "_reconstructor",
    "pathlib": "Path PosixPath WindowsPath PurePath PurePosixPath PureWindowsPath",
    "argparse": "Namespace",
    "types": "SimpleNamespace",
    "datetime": "datetime date time timedelta timezone",
    "typing": "Any",
}
_OLD_NAMES = {"__builtin__": "builtins", "copy_reg": "copyreg"}
_OF_TORCH = ("torch._utils", "torch._tensor", "torch.storage", "torch.nn", "torch.optim")
_OF_NUMPY = ("numpy.core.multiarray", "numpy._core.multiarray", "numpy.dtypes", "numpy.random")
_TORCH_VALUES = {"device", "dtype", "Tensor"} | {
    name
    for name, value in vars(torch).items()
    if isinstance(value, torch.dtype | torch.layout | torch.memory_format)
}
_NUMBERS = frozenset({"int", "uint", "float", "bool", "str", "complex"})
_REBUILDING_ARRAYS = frozenset({"scalar", "_reconstruct"})


class Inert:
    """Stands for any class or function of any library: it keeps what it is given."""

    origin = ""

    def __new__(cls, *_: Any, **__: Any) -> Inert:
        """Take any arguments."""
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

    def __call__(self, *_: Any, **__: Any) -> Inert:
        """Stay inert."""
        return Inert()


def unpickled(text: bytes, storage: Callable[[Any, torch.dtype], Tensor], name: str) -> Any:
    """Read one pickle.

    Parameters
    ----------
    text : bytes
    storage : callable
        Gives the flat array that a persistent id and its dtype name.
    name : str
        Of the file, for an error.

    Raises
    ------
    ModelError
        If it names what no checkpoint needs.
    """
    for word, value, _ in pickletools.genops(text):
        # A place beyond the length of the text would make the reader ask for that much memory.
        too_far = word.name in _PUTS and isinstance(value, int | str) and int(value) > len(text)
        if word.name in _REFUSED_WORDS or too_far:
            raise ModelError(
                f"'{name}' holds a word that no checkpoint needs", got=word.name, cure=CURE
            )
    return _Unpickler(text, storage, name).load()


class _Table(dict[Any, Any]):
    """A dictionary without the remarks that torch hangs on one of weights."""

    __slots__ = ()

    def __setstate__(self, state: Any) -> None:
        """Drop them."""


class _Unpickler(pickle.Unpickler):
    """Answers every name by ours or by an inert class; never imports, never looks one up."""

    def __init__(
        self, text: bytes, storage: Callable[[Any, torch.dtype], Tensor], name: str
    ) -> None:
        super().__init__(io.BytesIO(text))
        self._storage, self._name = storage, name
        self._known: dict[tuple[str, str], Any] = {
            ("collections", "OrderedDict"): _Table,
            ("collections", "defaultdict"): _empty,
            ("torch", "Size"): tuple,
            ("torch._utils", "_rebuild_tensor_v2"): _tensor,
            ("torch._utils", "_rebuild_parameter"): _first,
            ("torch._utils", "_rebuild_parameter_with_state"): _first,
        }

    def find_class(self, module: str, name: str) -> Any:
        """Return what stands for a name.

        Raises
        ------
        ModelError
            If no checkpoint needs it.
        """
        module = _OLD_NAMES.get(module, module)
        if module == "torch" and name in _DTYPES:
            return _Dtype(_DTYPES[name])
        if (module, name) not in self._known:
            if not _is_needed(module, name):
                raise ModelError(
                    f"'{self._name}' was refused, and nothing in it was run: it names what no"
                    " checkpoint needs",
                    got=f"{module}.{name}",
                    cure="Do not open it with other programs, and tell whom you have it from.",
                )
            origin = module.partition(".")[0]
            self._known[module, name] = type("Inert", (Inert,), {"origin": origin})
        return self._known[module, name]

    def persistent_load(self, pid: Any) -> Any:
        """Read the numbers of a storage."""
        if len(pid) < 3 or pid[0] != "storage" or not isinstance(pid[1], _Dtype):
            raise ModelError("A storage is of an unknown kind", got=repr(pid[:1]), cure=CURE)
        return self._storage(pid, pid[1].value)


def _is_needed(module: str, name: str) -> bool:
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names:
        return name in _VALUES.get(module, "").split()
    if module == "torch":
        return name in _TORCH_VALUES
    if top == "torch":
        return module.startswith(_OF_TORCH) and "__" not in name
    if top == "numpy":
        is_kind = name in ("ndarray", "dtype") or name.rstrip("0123456789_") in _NUMBERS
        return (module == "numpy" and is_kind) or (
            module.startswith(_OF_NUMPY)
            and (name in _REBUILDING_ARRAYS or name[:1].isupper() or name.startswith("__"))
        )
    return module not in ("commands", "dill._dill", "cloudpickle.cloudpickle")


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
        raise ModelError("A checkpoint tries to change a function", got=name, cure=CURE)

    def __setstate__(self, state: Any) -> None:
        raise ModelError("A checkpoint tries to change a function", got="a state", cure=CURE)


def rebuilt(storage: Any, offset: int, size: Sequence[int], stride: Sequence[int], *_: Any) -> Any:
    """View part of a storage, which must hold all of it: strides of 0 could make it endless."""
    if not isinstance(storage, Tensor):
        raise ModelError("An array has no storage", cure=CURE)
    last = offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True))
    n_values = math.prod(size)
    if min((offset, *size, *stride), default=0) < 0 or n_values > storage.numel():
        raise ModelError("An array is larger than its storage", got=tuple(size), cure=CURE)
    if n_values and last >= storage.numel():
        raise ModelError("An array reaches beyond its storage", got=tuple(size), cure=CURE)
    return storage.as_strided(tuple(size), tuple(stride), offset)


_tensor = _Function(rebuilt)
_first = _Function(lambda data, *_: data)
_empty = _Function(lambda *_: {})
