"""What this machine offers to training: cores, memory, an accelerator, a fast precision."""

from __future__ import annotations

import contextlib
import functools
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn

from suffice.cores import container_limit, usable_cores
from suffice.nets import channels_last
from suffice.training.allocator import reuse_freed_memory

PRECISIONS = ("32-true", "bf16-mixed", "16-mixed")


@dataclass(frozen=True, kw_only=True)
class Machine:
    """The part of a machine that this process may use.

    Parameters
    ----------
    n_cores : int
        Cores that the process may run on.
    memory_gb : float
        Memory of the accelerator, or of the machine where there is none.
    accelerator : {"cpu", "cuda", "mps"}
    precision : {"32-true", "bf16-mixed", "16-mixed"}
        The fastest one measured or, on a GPU, known to be.
    name : str
        For the record, e.g. the GPU's model.
    n_devices : int
        GPUs, or processes that share the cores, that one training takes.
    """

    n_cores: int
    memory_gb: float
    accelerator: str
    precision: str
    name: str = ""
    n_devices: int = 1

    @property
    def autocast_dtype(self) -> torch.dtype | None:
        """The type for `torch.autocast`, or ``None`` for single precision."""
        return autocast_dtype(self.precision)


def autocast_dtype(precision: str) -> torch.dtype | None:
    """The type for `torch.autocast` that a precision stands for."""
    return {"32-true": None, "bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}[precision]


def _machine_memory_gb() -> float:
    try:
        physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        physical = 8 * 2**30
    return min([physical, *container_limit("memory.max")]) / 2**30


def detect_machine() -> Machine:
    """Look at this machine; on a CPU a convolution is timed in two precisions (under 1 s)."""
    if torch.cuda.is_available():
        properties = torch.cuda.get_device_properties(0)
        bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
        return Machine(
            n_cores=usable_cores(),
            memory_gb=properties.total_memory / 2**30,
            accelerator="cuda",
            precision="bf16-mixed" if bf16 else "16-mixed",
            name=properties.name,
        )
    accelerator = "mps" if torch.backends.mps.is_available() else "cpu"
    n_cores = usable_cores()
    reuse_freed_memory()
    with threads_on(n_cores):
        precision = faster_cpu_precision() if accelerator == "cpu" else "32-true"
    return Machine(
        n_cores=n_cores,
        memory_gb=_machine_memory_gb(),
        accelerator=accelerator,
        precision=precision,
    )


@contextlib.contextmanager
def threads_on(n_cores: int) -> Iterator[None]:
    """Let torch use so many cores inside, and as many as before afterwards.

    Without a word torch takes every core of the machine, also those that a container withholds.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(n_cores)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@functools.cache
def faster_cpu_precision() -> str:
    """Time one small convolution in fp32 and in bf16 and name the faster precision.

    Measured once a process: predictions must not change with how busy the machine is.

    Processors with AMX run bf16 two to three times as fast as fp32; those without emulate it, up
    to a hundred times slower, so nothing but a measurement will do.
    """
    conv = channels_last(nn.Conv3d(16, 16, 3, padding=1), 3)
    x = torch.randn(1, 16, 16, 16, 16).to(memory_format=torch.channels_last_3d)

    def seconds(dtype: torch.dtype | None) -> float:
        with torch.inference_mode(), torch.autocast("cpu", dtype=dtype, enabled=dtype is not None):
            conv(x)
            times = []
            for _ in range(3):
                start = time.perf_counter()
                conv(x)
                times.append(time.perf_counter() - start)
        return min(times)

    return "bf16-mixed" if seconds(torch.bfloat16) < 0.8 * seconds(None) else "32-true"
