"""How a file says that it cannot be cleaned."""

from __future__ import annotations


class Refused(Exception):  # noqa: N818
    """A file that cannot be cleaned; its text is the reason, which quotes nothing of it."""
