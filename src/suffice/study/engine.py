"""Where many trainings run: in processes of this machine, or on a cluster; the results are one."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Protocol, TypeVar

from threadpoolctl import threadpool_limits

from suffice.core import UsageError, WorkerError
from suffice.cores import CORES_VARIABLE, usable_cores

Task = TypeVar("Task")
Result = TypeVar("Result")

RETRIES = 2
"""How often a task is begun again whose worker was lost."""
LOCAL, RAY = "local", "ray"


class Engine(Protocol):
    """Runs tasks and tells their results as they finish."""

    @property
    def workers(self) -> int:
        """How many tasks run at once."""

    def run(
        self, work: Callable[[Task], Result], tasks: Iterable[Task]
    ) -> Iterator[tuple[Task, Result]]:
        """Run ``work`` on every task.

        Parameters
        ----------
        work : callable
            A function of a module, as it is sent to other processes. What it raises ends the run.
        tasks : iterable
            Asked for the next one when a worker is free, so that it may stop when time is up.

        Yields
        ------
        task, result
            As they finish, in any order.

        Raises
        ------
        WorkerError
            If a task loses its worker more often than it is begun again.
        """


class LocalEngine:
    """Processes of this machine, which share its cores equally.

    Parameters
    ----------
    workers : int
        Tasks that run at once; 0 runs them one after another in this process.
    retries : int
        How often a task is begun again whose process died, of too little memory for example.
    """

    def __init__(self, workers: int = 1, *, retries: int = RETRIES) -> None:
        if workers < 0:
            raise UsageError("The number of workers is 0 or more", got=workers)
        self._n = workers
        self.retries = retries

    @property
    def workers(self) -> int:
        """How many tasks run at once."""
        return max(1, self._n)

    def run(
        self, work: Callable[[Task], Result], tasks: Iterable[Task]
    ) -> Iterator[tuple[Task, Result]]:
        """Run ``work`` on every task, see `Engine.run`."""
        waiting = iter(tasks)
        if self._n == 0:
            for task in waiting:
                yield task, work(task)
            return
        slots = [_Slot(cores) for cores in share_cores(self._n)]
        free, running = [*slots], dict[Future[Result], tuple[Task, _Slot, int]]()
        try:
            while True:
                while free and (following := next(waiting, _NONE)) is not _NONE:
                    slot = free.pop(0)
                    running[slot.submit(work, following)] = (following, slot, 0)
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    task, slot, n_lost = running.pop(future)
                    try:
                        result = future.result()
                    except BrokenProcessPool as error:
                        slot.renew()
                        if n_lost >= self.retries:
                            raise lost_worker(task, n_lost + 1) from error
                        running[slot.submit(work, task)] = (task, slot, n_lost + 1)
                        continue
                    free.append(slot)
                    yield task, result
        finally:
            for slot in slots:
                slot.close()


_NONE: Any = object()


class _Slot:
    """One process at a time: a pool of its own, as a pool whose one process dies loses all."""

    def __init__(self, cores: Sequence[int]) -> None:
        self._cores = tuple(cores)
        self._pool: ProcessPoolExecutor | None = None
        self._number: Future[int] | None = None
        self._running: Future[Any] | None = None

    def submit(self, work: Callable[[Any], Any], task: Any) -> Future[Any]:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                1,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_settle,
                initargs=(self._cores,),
            )
            self._number = self._pool.submit(os.getpid)
        self._running = self._pool.submit(work, task)
        return self._running

    def renew(self) -> None:
        """Give up a dead process; the next task gets another one."""
        if self._pool is not None:
            self._pool.shutdown(wait=True)
        self._pool = None

    def close(self) -> None:
        """End the process, in the middle of its task where it has one."""
        if self._pool is None:
            return
        if self._running is not None and not self._running.done() and self._number is not None:
            # Whether it has ended meanwhile or not: there it is gone.
            with contextlib.suppress(OSError, BrokenProcessPool):
                os.kill(self._number.result(), signal.SIGTERM)
        self._pool.shutdown(wait=True, cancel_futures=True)


def share_cores(n_workers: int) -> list[tuple[int, ...]]:
    """Share the cores of this process out; where there are fewer than workers, some share one.

    Returns
    -------
    list of tuple of int
        Numbers of cores for each worker.
    """
    n_cores = usable_cores()
    known = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    cores = known[:n_cores] or list(range(n_cores))
    if n_cores <= n_workers:
        return [(cores[i % n_cores],) for i in range(n_workers)]
    return [tuple(cores[i::n_workers]) for i in range(n_workers)]


def _settle(cores: Sequence[int]) -> None:
    """Keep a new process to its cores, and end it when the one that began it ends."""
    if hasattr(os, "sched_setaffinity"):
        with contextlib.suppress(OSError):
            os.sched_setaffinity(0, cores)
    limit_threads(len(cores))
    threading.Thread(target=_end_with_parent, daemon=True).start()


def limit_threads(n_cores: int) -> None:
    """Keep this process, and those that it begins, to so many threads at once."""
    for name in (CORES_VARIABLE, "OMP_NUM_THREADS"):
        os.environ[name] = str(n_cores)
    threadpool_limits(n_cores)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def lost_worker(task: object, n_lost: int) -> WorkerError:
    """Say that a task's workers die again and again."""
    return WorkerError(
        f"The process of a training ended {n_lost} times without a word",
        got=str(getattr(task, "name", "a task")),
        cure="It may have run out of memory: try fewer --workers, or a machine with more.",
    )


def engine_named(name: str, *, workers: int | None = None, gpus: float = 0.0) -> Engine:
    """Make the engine of a name.

    Parameters
    ----------
    name : str
        ``local``; ``ray`` for a cluster that is started on this machine, or is found in the
        variable RAY_ADDRESS; or the address of one, e.g. ``ray://head:10001``.
    workers : int, optional
        Tasks at once; by default 1 locally, and what the cluster has room for on Ray.
    gpus : float
        Share of a GPU that Ray sets aside for each task; 0.5 lets two share one.

    Raises
    ------
    UsageError
        If there is no such engine.
    MissingDependencyError
        If Ray is not installed.
    """
    if name == LOCAL:
        return LocalEngine(1 if workers is None else workers)
    if name == RAY or name.startswith("ray://") or ":" in name:
        from suffice.study.ray_engine import RayEngine

        return RayEngine(None if name == RAY else name, workers=workers, gpus=gpus)
    raise UsageError(
        "There is no such engine", got=name, expected=f"{LOCAL}, {RAY} or ray://HOST:PORT"
    )
