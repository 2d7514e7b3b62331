"""Progress as a value that is told to whoever listens; the library itself prints nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a long task has come.

    Parameters
    ----------
    task : str
        What is being done, e.g. ``"train"`` or ``"predict"``.
    fraction : float
        Done, between 0 and 1.
    minutes_left : float or None
        Expected rest, where known.
    note : str
        The item at hand, e.g. the name of a case.
    values : dict of str to float
        Numbers worth showing, e.g. the loss.
    """

    task: str
    fraction: float
    minutes_left: float | None = None
    note: str = ""
    values: dict[str, float] = field(default_factory=dict)


Listener = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """Listen to nothing; the default everywhere."""
