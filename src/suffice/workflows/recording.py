"""What a folder is of, kept in it, so that a later call goes on with the same or is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from suffice.core import UsageError
from suffice.files import write_text


def write_settings(path: Path, settings: Mapping[str, Any]) -> None:
    """Write settings as JSON."""
    write_text(path, json.dumps(settings, indent=1, sort_keys=True))


def known_settings(path: Path, settings: Mapping[str, Any], what: str) -> dict[str, Any] | None:
    """Return the settings that a folder was begun with; ``None`` where it is new.

    Parameters
    ----------
    path : Path
        As `write_settings` wrote it; it may hold more than is asked for.
    settings : dict
        Those of now.
    what : str
        What the folder holds, for the error.

    Raises
    ------
    UsageError
        If one of them is another there.
    """
    if not path.is_file():
        return None
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    # Through JSON, which knows no tuples.
    now = json.loads(json.dumps(settings))
    other = [key for key in now if found.get(key) != now[key]]
    if other:
        raise UsageError(
            f"'{path.parent}' holds {what} with other {', '.join(other)}",
            cure="Name another --out, or delete it.",
        )
    return found
