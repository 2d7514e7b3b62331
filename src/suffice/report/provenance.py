"""Where the numbers come from: versions, seed, machine, data. No absolute path is shown."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PureWindowsPath
from typing import Any

# Errors quote paths, so a quoted one may hold spaces; a bare one ends at the first.
_ABSOLUTE = re.compile(
    r"(?<=')(?:/|[A-Za-z]:\\)[^']+(?=')"
    r"|(?<![\w.:/])(?:/[\w.@+~-]+){2,}/?|\b[A-Za-z]:\\[^\s,;'\"]+"
)


def provenance_rows(config: Mapping[str, Any], folder: Path) -> list[tuple[str, str]]:
    """Flatten ``study.toml`` into rows of name and value, in the order of the file."""
    return [
        (name[:1].upper() + name[1:], relative(_plain(value), folder))
        for name, value in _flat(config)
    ]


def relative(text: str, folder: Path) -> str:
    """Replace absolute paths in ``text`` by paths from ``folder``, or by their last name.

    Examples
    --------
    >>> relative("cannot read /data/study/validation/a.png", Path("/data/study"))
    'cannot read validation/a.png'
    >>> relative("/home/jane doe/scans", Path("/data/study"))
    '…/scans'
    >>> relative("../../home/jane doe/scans", Path("/data/study"))
    '…/scans'
    """
    if text.startswith("/") and text.count("/") > 1:
        return _shown(text, folder)
    if text.startswith("../../"):
        # A path to a far place spells out folders, the home of a person among them.
        return f"…/{Path(text).name}"
    return _ABSOLUTE.sub(lambda found: _shown(found.group(), folder), text)


def _shown(path: str, folder: Path) -> str:
    if "\\" in path:
        return f"…/{PureWindowsPath(path).name}"
    inside = os.path.relpath(path, folder.resolve())
    if inside.count("..") <= 1:
        return Path(inside).as_posix()
    return f"…/{Path(path).name}"


def _flat(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in config.items():
        name = f"{prefix}{key.replace('_', ' ')}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{name}: ")
        else:
            yield name, value


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_plain(item) for item in value)
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)
