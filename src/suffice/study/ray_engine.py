"""Trainings on a Ray cluster: many machines, the same results."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from typing import Any, TypeVar

from suffice.core import MissingDependencyError, WorkerError
from suffice.study.engine import RETRIES, limit_threads, lost_worker

Task = TypeVar("Task")
Result = TypeVar("Result")


class RayEngine:
    """Tasks of a Ray cluster, each with cores and a share of a GPU of its own.

    Machines of the cluster see the files of the cohort and of the study under the same paths,
    on a disk of the network. Ray begins a task again whose worker or machine was lost.

    Parameters
    ----------
    address : str, optional
        E.g. ``ray://head:10001``; by default a cluster that runs already, or else one is started
        on this machine.
    workers : int, optional
        Tasks at once; by default as many as the cluster has room for.
    cpus : int
        Cores of each task.
    gpus : float
        Share of a GPU of each task.
    retries : int

    Raises
    ------
    MissingDependencyError
        If Ray is not installed.
    WorkerError
        Once it runs, if there is no cluster at the address.
    """

    def __init__(
        self,
        address: str | None = None,
        *,
        workers: int | None = None,
        cpus: int = 1,
        gpus: float = 0.0,
        retries: int = RETRIES,
    ) -> None:
        if find_spec("ray") is None:
            raise MissingDependencyError(
                "Ray is not installed", cure="Give --engine local, or pip install 'suffice[ray]'."
            )
        self.address, self.cpus, self.gpus, self.retries = address, cpus, gpus, retries
        self._n = workers

    @property
    def workers(self) -> int:
        """How many tasks run at once."""
        ray = self._connected()
        there = ray.cluster_resources()
        room = float(there.get("CPU", 1.0)) / self.cpus
        if self.gpus:
            room = min(room, float(there.get("GPU", 0.0)) / self.gpus)
        n = math.floor(room) if self._n is None else min(math.floor(room), self._n)
        return max(1, n)

    def run(
        self, work: Callable[[Task], Result], tasks: Iterable[Task]
    ) -> Iterator[tuple[Task, Result]]:
        """Run ``work`` on every task, see `suffice.study.engine.Engine.run`."""
        ray, n_workers = self._connected(), self.workers
        remote = ray.remote(_limited).options(
            num_cpus=self.cpus, num_gpus=self.gpus, max_retries=self.retries
        )
        waiting, running = iter(tasks), dict[Any, Task]()
        try:
            while True:
                while len(running) < n_workers and (task := next(waiting, _NONE)) is not _NONE:
                    running[remote.remote(work, task, self.cpus)] = task
                if not running:
                    return
                (done,), _ = ray.wait(list(running), num_returns=1)
                task = running.pop(done)
                try:
                    result = ray.get(done)
                except ray.exceptions.RayTaskError as error:
                    # What the work itself raised, as it would have been raised here.
                    raise error.cause from error
                except ray.exceptions.RayError as error:
                    raise lost_worker(task, self.retries + 1) from error
                yield task, result
        finally:
            for reference in running:
                ray.cancel(reference, force=True)

    def _connected(self) -> Any:
        import ray

        if ray.is_initialized():
            return ray
        # Without an address Ray takes up with whatever cluster was last started on this machine.
        address = self.address or os.environ.get("RAY_ADDRESS") or "local"
        try:
            ray.init(address=address, log_to_driver=False, include_dashboard=False)
        except (ConnectionError, TimeoutError) as error:
            raise WorkerError(
                f"The Ray cluster '{address}' cannot be reached",
                got=str(error).splitlines()[0] if str(error) else type(error).__name__,
                cure="Look whether it runs ('ray status'), and what its address is.",
            ) from error
        return ray


_NONE: Any = object()


def _limited(work: Callable[[Any], Any], task: Any, cpus: int) -> Any:
    """Work with no more threads than Ray counts on."""
    limit_threads(cpus)
    return work(task)
