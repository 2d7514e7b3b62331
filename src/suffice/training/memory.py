"""Full memory told in one line, whichever way torch, numpy or Python tell of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from suffice.core import OutOfMemoryError

# Where there is no error type of its own, an allocator tells of it in words.
_WORDS = ("can't allocate memory", "out of memory", "CUDNN_STATUS_ALLOC_FAILED")


@contextlib.contextmanager
def naming_full_memory(task: str, *, cure: str) -> Iterator[None]:
    """Turn the errors of full memory, the GPU's or the machine's, into one with its cure.

    Parameters
    ----------
    task : str
        What the memory does not suffice for, e.g. ``"training"``.
    cure : str

    Raises
    ------
    OutOfMemoryError
        In the place of any of them; what the GPU holds for nobody is given back first.
    """
    try:
        yield
    except (MemoryError, torch.OutOfMemoryError, RuntimeError) as error:
        if not _is_full_memory(error):
            raise
        on_gpu = isinstance(error, torch.OutOfMemoryError) or "CUD" in str(error)
        place = "the GPU" if on_gpu else "this machine"
        failed = OutOfMemoryError(f"The memory of {place} does not suffice for {task}", cure=cure)
        # Its traceback would keep the tensors of the failed step alive.
        error.__traceback__ = None
    else:
        return
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    raise failed


def _is_full_memory(error: Exception) -> bool:
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return any(words in str(error) for words in _WORDS)
