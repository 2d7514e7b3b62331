"""Data goes to standard output; progress and remarks go to standard error."""

from __future__ import annotations

import contextlib
import json
import math
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from suffice.core import Listener, Progress

SECONDS_BETWEEN_LINES = 20.0
MAX_NAMED = 5


def remark(text: str) -> None:
    """Write one line to standard error."""
    sys.stderr.write(" ".join(text.split()) + "\n")


def answer(text: str) -> None:
    """Write text to standard output."""
    sys.stdout.write(text.rstrip("\n") + "\n")


def answer_json(value: Any) -> None:
    """Write a value to standard output as JSON; paths become text, NaN becomes null."""
    answer(json.dumps(_plain(value), indent=2, ensure_ascii=False, allow_nan=False))


def answer_table(header: Sequence[str] | None, rows: Iterable[Sequence[object]]) -> None:
    """Write an aligned table to standard output."""
    texts = [[_cell(cell) for cell in row] for row in ([] if header is None else [header])]
    texts += [[_cell(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    for row in texts:
        padded = (text.ljust(width) for text, width in zip(row, widths, strict=True))
        answer("  ".join(padded).rstrip())


def remark_on_undefined(undefined: pd.DataFrame) -> None:
    """Name on standard error the cases and metrics that are in no mean, by reason."""
    for reason, part in undefined.groupby("reason", sort=False):
        cases = list(dict.fromkeys(part["case"]))
        names = ", ".join(cases[:MAX_NAMED])
        more = f" and {len(cases) - MAX_NAMED} more" if len(cases) > MAX_NAMED else ""
        metrics = ", ".join(dict.fromkeys(part["metric"]))
        remark(f"in no mean, as {reason}: {metrics} of {names}{more}")


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.3f}"
    return "" if value is None else str(value)


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


@contextlib.contextmanager
def showing_progress() -> Iterator[Listener]:
    """Give a listener that draws a bar on a terminal, and a line now and then elsewhere."""
    from rich.console import Console

    console = Console(stderr=True)
    if console.is_terminal:
        with _drawing_bar(console) as listener:
            yield listener
    else:
        yield _LineWriter()


def describe(progress: Progress) -> str:
    """Say in a few words how far a task is, without its name and fraction.

    Examples
    --------
    >>> from suffice.core import Progress
    >>> describe(Progress("train", 0.5, minutes_left=2.0, values={"loss": 0.25}))
    '2.0 min left, loss 0.25'
    """
    parts = [] if progress.minutes_left is None else [f"{progress.minutes_left:.1f} min left"]
    parts += [f"{name} {_short(value)}" for name, value in progress.values.items()]
    return ", ".join([*parts, progress.note] if progress.note else parts)


def _short(value: float) -> str:
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.3g}"


@contextlib.contextmanager
def _drawing_bar(console: Console) -> Iterator[Listener]:
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TaskProgressColumn(),
        TextColumn("{task.fields[words]}", markup=False),
    )
    with Bars(*columns, console=console) as bars:
        known: dict[str, Any] = {}

        def listen(progress: Progress) -> None:
            if progress.task not in known:
                known[progress.task] = bars.add_task(progress.task, total=1.0, words="")
            task = known[progress.task]
            bars.update(task, completed=progress.fraction, words=describe(progress))

        yield listen


class _LineWriter:
    """Writes a line when a task begins or ends, and every twenty seconds between."""

    def __init__(self) -> None:
        self._task = ""
        self._written_at = -math.inf

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        is_news = progress.task != self._task or progress.fraction >= 1.0
        if is_news or now - self._written_at >= SECONDS_BETWEEN_LINES:
            self._task, self._written_at = progress.task, now
            words = describe(progress)
            remark(f"{progress.task}: {progress.fraction:.0%}" + (f", {words}" if words else ""))
