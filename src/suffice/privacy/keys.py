"""The secret that pseudonyms, UIDs and date shifts are computed from, and its file."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from suffice.core import StorageError, UsageError

_SECRET_BYTES = 32
_HEAD = "suffice de-identification key 1"
_PSEUDONYM_LETTERS = 12
# Shifts go back between a month and ten years; none is zero.
_LEAST_DAYS, _MOST_DAYS = 30, 3650


@dataclass(frozen=True)
class Key:
    """A secret, and the one-way maps that it gives.

    Equal secrets give equal maps on every machine, so that files which come later fit those
    which are there. Without the secret nobody can tell what a pseudonym stands for, nor test a
    guess.

    Parameters
    ----------
    secret : bytes
        32 bytes that nobody else knows.

    Examples
    --------
    >>> key = Key(bytes(32))
    >>> key.pseudonym("Miller^Ann") == key.pseudonym("MILLER^ANN ")
    True
    >>> key.uid("1.2.3").startswith("2.25.")
    True
    """

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != _SECRET_BYTES:
            raise UsageError(
                "A key is of 32 bytes", got=len(self.secret), cure="Make one with Key.fresh()."
            )

    @classmethod
    def fresh(cls) -> Key:
        """Draw a new secret from the system's source."""
        return cls(secrets.token_bytes(_SECRET_BYTES))

    def pseudonym(self, value: str) -> str:
        """Give the pseudonym of a name or number: ``p`` and 12 letters or digits.

        Case, blanks around it and the way that accents are coded do not matter.
        """
        plain = unicodedata.normalize("NFC", value).strip().casefold()
        letters = base64.b32encode(self._digest("pseudonym", plain)).decode().lower()
        return f"p{letters[:_PSEUDONYM_LETTERS]}"

    def uid(self, value: str) -> str:
        """Give the UID that takes the place of another: ``2.25.`` and 128 bits."""
        return f"2.25.{int.from_bytes(self._digest('uid', value.strip())[:16])}"

    def days(self, subject: str) -> int:
        """Give the days by which all dates of a subject are moved: back, by 30 to 3650."""
        plain = unicodedata.normalize("NFC", subject).strip().casefold()
        number = int.from_bytes(self._digest("days", plain)[:8])
        return -(_LEAST_DAYS + number % (_MOST_DAYS - _LEAST_DAYS + 1))

    @property
    def fingerprint(self) -> str:
        """Tell keys apart without giving them away."""
        return self._digest("fingerprint", "").hex()[:16]

    def _digest(self, purpose: str, value: str) -> bytes:
        message = f"{purpose}\0{value}".encode()
        return hmac.new(self.secret, message, hashlib.sha256).digest()


def read_key(path: Path) -> Key:
    """Read a key file.

    Raises
    ------
    UsageError
        If it is no key file, or others than its owner may read it.
    """
    try:
        text = path.read_text(encoding="ascii")
        mode = path.stat().st_mode
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"'{path}' cannot be read as a key file", cure="Name the file that an earlier run made."
        ) from error
    if os.name == "posix" and mode & 0o077:
        raise UsageError(
            f"Others may read the key file '{path}'",
            got=f"mode {mode & 0o777:04o}",
            expected="0600",
            cure=f"chmod 600 '{path}'",
        )
    head, _, code = text.strip().partition("\n")
    try:
        return Key(bytes.fromhex(code) if head == _HEAD else b"")
    except (ValueError, UsageError):
        raise UsageError(
            f"'{path}' is no key file of suffice", cure="Name the file that an earlier run made."
        ) from None


def write_key(path: Path, key: Key) -> None:
    """Write a key file that only its owner can read; one that is there is never replaced."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(f"{_HEAD}\n{key.secret.hex()}\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise StorageError(
            f"Cannot write the key file '{path}'",
            got=error.strerror,
            cure="Name another place with --key.",
        ) from error
