"""Watch how long something takes and how much memory this process holds meanwhile."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import psutil

SECONDS_BETWEEN_LOOKS = 0.05


@dataclass
class Gauge:
    """What was seen: complete once the block that is watched has ended.

    Parameters
    ----------
    seconds : float
        Wall-clock time.
    start_gb, peak_gb : float
        Resident memory at the start, and the most of it; libraries count as well.
    """

    seconds: float = 0.0
    start_gb: float = 0.0
    peak_gb: float = 0.0

    @property
    def minutes(self) -> float:
        """Wall-clock minutes."""
        return self.seconds / 60


@contextlib.contextmanager
def gauging() -> Iterator[Gauge]:
    """Watch what is done in the block, from a thread that looks twenty times a second."""
    process = psutil.Process()
    gauge = Gauge(start_gb=_resident_gb(process))
    gauge.peak_gb = gauge.start_gb
    done = threading.Event()

    def look() -> None:
        while not done.wait(SECONDS_BETWEEN_LOOKS):
            gauge.peak_gb = max(gauge.peak_gb, _resident_gb(process))

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    began = time.monotonic()
    try:
        yield gauge
    finally:
        gauge.seconds = time.monotonic() - began
        done.set()
        watcher.join()
        gauge.peak_gb = max(gauge.peak_gb, _resident_gb(process))


def _resident_gb(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / 2**30
