"""Keep freed memory for the next tensor."""

from __future__ import annotations

import ctypes
import platform

# Names of options and their values in glibc's malloc.h.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
LARGEST_KEPT_BYTES = 2**30
NEVER_TRIM = 2**31 - 1


def reuse_freed_memory() -> bool:
    """Ask the C library to hand freed tensors to new ones instead of back to the system.

    By default glibc maps every block above 32 MB anew, and the system fills its pages with zeros
    at the first touch: on volumes that takes as long as the arithmetic. Peak memory stays about
    the same; what was freed is given back when the process ends.

    Returns
    -------
    bool
        Whether the C library is one that can be asked.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(
        mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT_BYTES) and mallopt(M_TRIM_THRESHOLD, NEVER_TRIM)
    )
