"""Turn whatever a library throws at a damaged file into one line that names file and cure."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from suffice.core import FileFormatError, SufficeError

_CURE = "Open it with the program that made it and export it again, or leave it out."


@contextlib.contextmanager
def reading(path: Path, kind: str, cure: str = _CURE) -> Iterator[None]:
    """Name ``path`` in every error of the block; foreign errors become a `FileFormatError`.

    What a library says of a damaged file is told by the class of its error alone: the text may
    quote the header, and headers hold names of patients.

    Parameters
    ----------
    path : Path
        The file or folder being read.
    kind : str
        What it claims to be, e.g. ``"NIfTI"``.
    """
    if not path.exists():
        raise FileFormatError(f"'{path}' does not exist", cure="Check the path.")
    try:
        yield
    except SufficeError as error:
        if path.name in error.what:
            raise
        raise type(error)(
            f"'{path}': {error.what}", got=error.got, expected=error.expected, cure=error.cure
        ) from error
    except PermissionError as error:
        raise FileFormatError(
            f"'{path}' may not be read", cure="Change its permissions or leave it out."
        ) from error
    except MemoryError:
        raise
    except Exception as error:
        if path.is_file() and path.stat().st_size == 0:
            raise FileFormatError(f"'{path}' is empty (0 bytes)", cure="Copy it again.") from error
        raise FileFormatError(
            f"'{path}' is not a whole {kind} file", got=_in_words(error), cure=cure
        ) from error


def _in_words(error: Exception) -> str:
    """Say what kind of damage an error speaks of, quoting nothing of the file."""
    words = {
        "EOFError": "a file that ends too early",
        "BadGzipFile": "something that is not compressed with gzip",
        "error": "damaged compression",
        "ImageFileError": "something else",
        "HeaderDataError": "a header that contradicts itself",
        "UnidentifiedImageError": "something else",
        "InvalidDicomError": "something else",
        "TiffFileError": "something else",
    }
    return words.get(type(error).__name__, f"a damaged one ({type(error).__name__})")
