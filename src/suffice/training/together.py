"""One training on several devices: a process for each, all in step (distributed data parallel)."""

from __future__ import annotations

import contextlib
import importlib.util
import multiprocessing
import os
import socket
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from typing import Any

import torch
import torch.distributed as dist

from suffice.core import Listener, Progress, UsageError, WorkerError
from suffice.training.machine import Machine


def require_devices(machine: Machine) -> None:
    """Refuse more devices than this machine has.

    Raises
    ------
    UsageError
        If there are too few, or Lightning Fabric, which keeps them in step, is not installed.
    """
    n = machine.n_devices
    there = torch.cuda.device_count() if machine.accelerator == "cuda" else machine.n_cores
    if machine.accelerator == "mps":
        there = 1
    if not 1 <= n <= there:
        raise UsageError(
            "So many devices cannot train together here",
            got=n,
            expected=f"1 to {there} ({'cores' if machine.accelerator == 'cpu' else 'GPUs'})",
        )
    if n > 1 and importlib.util.find_spec("lightning_fabric") is None:
        raise UsageError(
            "Several devices train together by Lightning Fabric, which is not installed",
            cure="Run: pip install lightning-fabric",
        )


def in_processes(
    work: Callable[..., None], arguments: tuple[Any, ...], machine: Machine, listener: Listener
) -> None:
    """Run work in a process for each device, and wait for all.

    Parameters
    ----------
    work : callable
        A function of a module; called with ``arguments`` and, by name, the ``listener`` of the
        first process (the others' is silent).
    arguments : tuple
        Sent to other processes.
    machine : Machine
        Its cores are shared out among the processes.
    listener : callable

    Raises
    ------
    SufficeError
        What the work raises.
    WorkerError
        If a process ends without a word.
    """
    context = multiprocessing.get_context("spawn")
    port = _free_port()
    ours, processes = [], []
    try:
        for rank in range(machine.n_devices):
            receiver, sender = context.Pipe(duplex=False)
            process = context.Process(
                target=_settle_and_work,
                args=(rank, machine, port, sender, work, arguments),
                daemon=True,
            )
            process.start()
            sender.close()
            ours.append(receiver)
            processes.append(process)
        _hear(ours, listener)
        for process in processes:
            process.join()
    finally:
        for process in processes:
            if process.is_alive():
                # One that waits for another which has ended would wait for ever.
                process.terminate()
                process.join()


def _hear(pipes: list[Connection], listener: Listener) -> None:
    """Pass on what the processes tell until all have said that they are done."""
    left = [*pipes]
    while left:
        for pipe in [each for each in wait(left) if isinstance(each, Connection)]:
            try:
                kind, value = pipe.recv()
            except EOFError as error:
                raise WorkerError(
                    "A process of a training on several devices ended without a word",
                    cure="It may have run out of memory: try fewer --devices. The same command"
                    " goes on from the last checkpoint.",
                ) from error
            if kind == "error":
                raise value
            if kind == "done":
                left.remove(pipe)
            else:
                listener(value)


def _settle_and_work(
    rank: int,
    machine: Machine,
    port: int,
    sender: Connection,
    work: Callable[..., None],
    arguments: tuple[Any, ...],
) -> None:
    """Join the others, do the work, and tell how it ended."""
    # Where Fabric looks for the place of a process that others have begun.
    os.environ |= {
        "LOCAL_RANK": str(rank),
        "NODE_RANK": "0",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    torch.set_num_threads(max(1, machine.n_cores // machine.n_devices))

    def tell(progress: Progress) -> None:
        if rank == 0:
            sender.send(("progress", progress))

    try:
        work(*arguments, listener=tell)
        sender.send(("done", None))
    except Exception as error:
        sender.send(("error", error))
    finally:
        with contextlib.suppress(Exception):
            dist.destroy_process_group()


def rank() -> int:
    """Tell which of the processes of a training this is; 0 where it is alone."""
    return dist.get_rank() if _is_together() else 0


def all_true(flag: bool, device: torch.device) -> bool:
    """Tell whether a thing holds in all processes, so that all decide alike."""
    if not _is_together():
        return flag
    both = torch.tensor(float(flag), device=device)
    dist.all_reduce(both, op=dist.ReduceOp.MIN)
    return bool(both)


def one_clock(clock: Callable[[], float], device: torch.device) -> Callable[[], float]:
    """Let all processes read the clock of the first: schedule and end are then the same."""
    if not _is_together():
        return clock

    def read() -> float:
        now = torch.tensor(clock(), dtype=torch.float64, device=device)
        dist.broadcast(now, src=0)
        return float(now)

    return read


def _is_together() -> bool:
    return bool(dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
