"""How many cores this process may use."""

from __future__ import annotations

import math
import os
from pathlib import Path

CONTROL_GROUP = Path("/sys/fs/cgroup")
CORES_VARIABLE = "SUFFICE_CORES"
"""Variable of the environment with the most cores to use, for schedulers that set no limit."""


def usable_cores() -> int:
    """Cores that this process may use, by affinity, control group and `CORES_VARIABLE`."""
    cores = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):  # macOS has no affinity
        cores = len(os.sched_getaffinity(0))
    # "200000 100000" is two cores; "max" is no limit.
    limit = container_limit("cpu.max")
    if len(limit) == 2:
        cores = min(cores, math.ceil(limit[0] / limit[1]))
    wanted = os.environ.get(CORES_VARIABLE, "")
    if wanted.isdecimal():
        cores = min(cores, int(wanted))
    return max(1, cores)


def container_limit(name: str) -> list[int]:
    """Numbers of a limit that a container sets, or none where it sets none."""
    try:
        words = (CONTROL_GROUP / name).read_text(encoding="utf-8").split()
        return [int(word) for word in words]
    except (OSError, ValueError):
        return []
