"""The machine that a result was measured on."""

from __future__ import annotations

import os
import platform
from pathlib import Path

# Of the many flags of a processor, those that decide how fast it convolves.
TELLING_FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "avx_vnni")


def describe_machine() -> dict[str, str | int]:
    """Processor, instruction sets that matter, cores in use and memory."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    fields = {
        key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)
    }
    flags = fields.get("flags", fields.get("Features", "")).split()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cpu": fields.get("model name", platform.processor() or platform.machine()),
        "flags": " ".join(flag for flag in TELLING_FLAGS if flag in flags),
        "cores": int(cores or 1),
        "memory_gib": round(memory),
        "system": platform.system(),
        "python": platform.python_version(),
    }
