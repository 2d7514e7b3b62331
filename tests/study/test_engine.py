"""Engines: the same results from all, and a lost worker costs a retry and nothing else."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

from suffice.core import CohortError, UsageError, WorkerError
from suffice.cores import usable_cores
from suffice.study.engine import Engine, LocalEngine, engine_named, share_cores

needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")


@dataclass(frozen=True)
class Job:
    number: int
    folder: Path
    dies: int = 0

    @property
    def name(self) -> str:
        return f"job {self.number}"


def square(job: Job) -> tuple[int, int, int]:
    """Square a number, but for the first times, in which the process is killed."""
    tries = job.folder / f"{job.number}"
    with tries.open("a") as handle:
        handle.write("x")
    if len(tries.read_text()) <= job.dies:
        os.kill(os.getpid(), signal.SIGKILL)
    return job.number**2, os.getpid(), usable_cores()


def refuse(job: Job) -> None:
    raise CohortError(f"No {job.name}", got="0")


def doze(job: Job) -> None:
    (job.folder / "begun").write_text(str(os.getpid()))
    time.sleep(60)


@pytest.fixture(scope="module")
def ray_engine() -> Iterator[Engine]:
    ray = pytest.importorskip("ray", reason="Ray is not installed")
    # On a busy machine workers that give way to all others start in minutes.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_worker_niceness", "0")
        ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield engine_named("ray")
    ray.shutdown()


def squares_of(engine: Engine, folder: Path, dies: int = 0) -> dict[int, int]:
    jobs = [Job(i, folder, dies if i == 1 else 0) for i in range(4)]
    return {job.number: result[0] for job, result in engine.run(square, jobs)}


def test_here_one_after_another(tmp_path: Path) -> None:
    assert squares_of(LocalEngine(0), tmp_path) == {0: 0, 1: 1, 2: 4, 3: 9}


def test_a_killed_worker_costs_a_retry_and_nothing_else(tmp_path: Path) -> None:
    assert squares_of(LocalEngine(2), tmp_path, dies=1) == {0: 0, 1: 1, 2: 4, 3: 9}
    tries = {path.name: len(path.read_text()) for path in tmp_path.iterdir()}
    assert tries == {"0": 1, "1": 2, "2": 1, "3": 1}


def test_workers_that_always_die_are_told(tmp_path: Path) -> None:
    with pytest.raises(WorkerError, match="ended 2 times without a word: got job 7"):
        list(LocalEngine(1, retries=1).run(square, [Job(7, tmp_path, dies=9)]))


def test_errors_of_the_work_come_through(tmp_path: Path) -> None:
    with pytest.raises(CohortError, match="No job 3"):
        list(LocalEngine(1).run(refuse, [Job(3, tmp_path)]))


def test_the_next_task_is_asked_for_when_a_worker_is_free(tmp_path: Path) -> None:
    given: list[int] = []

    def jobs() -> Iterator[Job]:
        for number in range(5):
            given.append(number)
            yield Job(number, tmp_path)

    running = LocalEngine(0).run(square, jobs())
    next(running)
    assert given == [0]


@pytest.mark.skipif(sys.platform != "linux", reason="Elsewhere processes have no affinity")
def test_cores_are_shared_out() -> None:
    n = usable_cores()
    assert sorted(core for share in share_cores(1) for core in share) == sorted(
        list(os.sched_getaffinity(0))[:n]
    )
    assert len(share_cores(n + 3)) == n + 3
    assert all(len(share) == 1 for share in share_cores(n + 3))


def test_what_was_under_way_ends_with_the_run(tmp_path: Path) -> None:
    def jobs() -> Iterator[Job]:
        yield Job(0, tmp_path)
        while not (tmp_path / "begun").exists():
            time.sleep(0.05)
        raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        list(LocalEngine(2).run(doze, jobs()))
    assert time.monotonic() - started < 50
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "begun").read_text()), 0)


def test_unknown_engines_are_refused() -> None:
    with pytest.raises(UsageError, match="no such engine: got cloud"):
        engine_named("cloud")


@needs_ray
@pytest.mark.slow
def test_ray_gives_the_same_and_tries_again(tmp_path: Path, ray_engine: Engine) -> None:
    assert ray_engine.workers == 2
    assert squares_of(ray_engine, tmp_path, dies=1) == {0: 0, 1: 1, 2: 4, 3: 9}
    assert (tmp_path / "1").read_text() == "xx"


@needs_ray
def test_a_cluster_that_is_not_there_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    def nobody(**options: object) -> None:
        raise ConnectionError("ray client connection timeout")

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", nobody)
    engine = engine_named("ray://head:10001", gpus=0.5)
    with pytest.raises(WorkerError, match="'ray://head:10001' cannot be reached: got ray client"):
        next(engine.run(square, [Job(1, tmp_path)]))


@needs_ray
@pytest.mark.slow
def test_errors_come_through_ray(tmp_path: Path, ray_engine: Engine) -> None:
    with pytest.raises(CohortError, match="No job 3"):
        list(ray_engine.run(refuse, [Job(3, tmp_path)]))
