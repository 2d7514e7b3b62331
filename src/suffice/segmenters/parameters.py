"""Parameters that were searched, as JSON: frozen dataclasses out and in, always the same bytes."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from typing import Any, TypeVar

P = TypeVar("P")


def to_json(parameters: Any) -> bytes:
    """Write a dataclass of dataclasses, tuples, numbers and text.

    Parameters
    ----------
    parameters : dataclass instance
        Its numbers must be finite; an open end is ``None``.
    """
    table = dataclasses.asdict(parameters)
    text = json.dumps(table, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode()


def from_json(kind: type[P], content: bytes) -> P:
    """Read what `to_json` wrote.

    Parameters
    ----------
    kind : type
        The dataclass that was written.

    Raises
    ------
    KeyError, TypeError, ValueError
        If the content is no JSON, or not of this kind.
    """
    value: P = _value(kind, json.loads(content.decode()))
    return value


def _value(kind: Any, found: Any) -> Any:
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        if not isinstance(found, dict):
            raise TypeError(f"expected a table of {kind.__name__}")
        hints = typing.get_type_hints(kind)
        names = [field.name for field in dataclasses.fields(kind)]
        return kind(**{name: _value(hints[name], found[name]) for name in names})
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        if not isinstance(found, list):
            raise TypeError("expected a list")
        return tuple(_value(arguments[0], item) for item in found)
    if origin is types.UnionType:
        # Of optional values alone: 'float | None'.
        return None if found is None else _value(arguments[0], found)
    if origin is typing.Literal:
        if found not in arguments:
            raise ValueError(f"got {found}, expected one of {arguments}")
        return found
    wanted = (int, float) if kind is float else kind
    if not isinstance(found, wanted) or (isinstance(found, bool) and kind is not bool):
        raise TypeError(f"got {found!r}, expected {kind.__name__}")
    return kind(found)
