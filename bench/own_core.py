"""Trials on one data set whose minutes are those of one core, however busy the machine."""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import side
from datasets import DATASETS, Dataset
from machine import describe_machine

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Setting:
    """The data of a trial, its minutes, a folder to work in, and what every row tells."""

    dataset: Dataset
    cohort: Any
    test: list[str]
    budget: Any
    folder: Path
    about: dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser, *, minutes: float) -> None:
    """Add the arguments that trials share."""
    parser.add_argument("--draws", type=int, nargs="+", default=[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--minutes", type=float, default=minutes)
    parser.add_argument("--core", type=int)
    parser.add_argument("--test", help="a list of bench/cases, or a file of names")
    parser.add_argument("--results", type=Path, default=RESULTS)


@contextlib.contextmanager
def setting(options: argparse.Namespace) -> Iterator[Setting]:
    """Keep to one core and its time, and import the data set of ``options``."""
    keep_to(options.core)

    from suffice.core import Budget
    from suffice.workflows.importing import import_cohort

    dataset = DATASETS[options.dataset]
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        folder = Path(temporary)
        yield Setting(
            dataset=dataset,
            cohort=import_cohort(options.data / dataset.folder, folder / "cohort").cohort,
            test=dataset.case_names(options.test or dataset.test),
            budget=Budget(minutes=options.minutes),
            folder=folder,
            about={
                "minutes": options.minutes,
                "test": options.test or dataset.test,
                **where_it_ran(),
            },
        )


def keep_to(core: int | None) -> None:
    """Keep to one core and its time, before the library is imported."""
    side.limit_threads(1, core)
    # The library's trainings take this clock by default.
    time.monotonic = time.process_time


def where_it_ran() -> dict[str, Any]:
    """Versions and machine, for every row."""
    return {
        "suffice": version("suffice"),
        "torch": version("torch"),
        **describe_machine(),
    }
