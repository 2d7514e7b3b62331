"""Plan a U-Net for a cohort on this machine."""

from __future__ import annotations

import time

import numpy as np

from suffice.core import Budget, Cohort, Image, LabelMap, Legend, Listener, Progress, silent
from suffice.io import read_case_image, read_case_mask
from suffice.segmenters.preparing import case_facts
from suffice.segmenters.unlabelled import brighter_part
from suffice.training.calibrate import calibrated_plan
from suffice.training.fingerprint import fingerprint
from suffice.training.machine import Machine, detect_machine, threads_on
from suffice.training.plan import Plan

# A plan needs no more cases than this to know the cohort.
MAX_CASES = 64


def plan_for(
    labelled: Cohort,
    *,
    budget: Budget,
    seed: int = 0,
    machine: Machine | None = None,
    started: float | None = None,
    encoder: str = "residual",
    listener: Listener = silent,
) -> Plan:
    """Read the labelled cases, look at the machine and plan a training.

    Parameters
    ----------
    labelled : Cohort
        Where none of its cases has a mask, the plan is made for what is brighter than the rest.
    budget : Budget
    seed : int
        Draws the cases that are read where there are more than 64.
    machine : Machine, optional
        Detected by default.
    started : float, optional
        When the budget began to run, by `time.monotonic`.
    encoder : {"residual", "plain"}
    """
    started = time.monotonic() if started is None else started
    machine = machine or detect_machine()
    rng = np.random.default_rng(seed)
    known = labelled.labelled()
    read = known if len(known) else labelled
    chosen = sorted(rng.permutation(len(read))[:MAX_CASES])
    facts, n_channels = [], 0
    for done, index in enumerate(chosen):
        case = read.cases[index]
        listener(Progress("plan", done / len(chosen), note=case.name))
        image = read_case_image(read, case)
        n_channels = image.n_channels
        mask = read_case_mask(read, case) if len(known) else _brighter(image)
        facts.append(case_facts(image, mask, rng))
    spent = time.monotonic() - started
    with threads_on(machine.n_cores):
        return calibrated_plan(
            fingerprint(facts),
            n_channels=n_channels,
            n_classes=labelled.legend.n_classes,
            in_hu=_in_hu(labelled, n_channels),
            budget=budget,
            machine=machine,
            train_seconds=max(budget.seconds - 2 * spent, budget.seconds / 2),
            encoder=encoder,
        )


def _brighter(image: Image) -> LabelMap:
    return LabelMap(brighter_part(image.array), image.grid, Legend.from_names({1: "brighter"}))


def _in_hu(cohort: Cohort, n_channels: int) -> tuple[bool, ...]:
    """Which channels of an image are Hounsfield units; a colour file's channels share its unit."""
    units = [channel.unit for channel in cohort.channels]
    if len(units) != n_channels:
        units = [units[0]] * n_channels
    return tuple(unit == "HU" for unit in units)
