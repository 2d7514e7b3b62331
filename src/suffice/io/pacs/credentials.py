"""Who asks an archive: from a file that nobody else can read, never from the command line."""

from __future__ import annotations

import stat
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from suffice.core import FileFormatError

_KEYS = ("user", "password", "token", "ca", "certificate", "key")
_PLACES = ("ca", "certificate", "key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What an archive asks for; a password or token is shown nowhere.

    Parameters
    ----------
    user, password : str
        For basic authentication.
    token : str
        A bearer token, in the place of both.
    ca : Path, optional
        Certificates of the authorities to trust, where the hospital has its own.
    certificate, key : Path, optional
        The client's own.
    """

    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


def read_credentials(path: Path) -> Credentials:
    """Read a file such as ``user = "me"`` and ``password = "secret"``, or ``token = "..."``.

    Raises
    ------
    FileFormatError
        If it cannot be read, names what is not known, or others may read it.
    """
    try:
        mode = path.stat().st_mode
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise FileFormatError(f"'{path}' does not exist", cure="Check --auth.") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        # What the parser says may quote a password.
        raise FileFormatError(
            f"'{path}' cannot be read as credentials",
            expected='lines such as user = "me" and password = "..."',
        ) from error
    if sys.platform != "win32" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise FileFormatError(
            f"Others may read the credentials in '{path}'", cure=f"Give: chmod 600 {path}"
        )
    unknown = sorted(set(values) - set(_KEYS))
    wrong = [key for key in values if not isinstance(values[key], str)]
    if unknown or wrong:
        raise FileFormatError(
            f"'{path}' holds what no credentials are",
            got=", ".join(unknown or wrong),
            expected=", ".join(_KEYS),
        )
    places = {key: (path.parent / values[key]) for key in _PLACES if key in values}
    for place in places.values():
        if not place.is_file():
            raise FileFormatError(f"'{place}', which '{path}' names, does not exist")
    texts = {key: value for key, value in values.items() if key not in _PLACES}
    return Credentials(**texts, **places)
