"""The plan of a training that starts from trained weights: what of the source's it must keep."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from suffice.core import Legend
from suffice.segmenters.starting import Source
from suffice.training.calibrate import seconds_per_step
from suffice.training.machine import Machine
from suffice.training.plan import Plan, with_speed
from suffice.training.sizing import MIN_STEPS, SMALLEST_PATCH_VOXELS, patch_multiple
from suffice.training.tuning import Scratch, Tuned, Tuning

# Layers know structures at the size in voxels that they were trained at; up to this factor.
NEAR_SPACING = 2.0
ENOUGH_STEPS = 0.7 * MIN_STEPS
MAX_ROUNDS = 4


def start_from(source: Source | None, legend: Legend, tuning: Tuning | None) -> Scratch:
    """Say what a training starts from: random weights, or those of a source."""
    if source is None:
        return Scratch()
    # No lambda, which could not be sent to the processes of several devices.
    return Tuned(partial(source.put_into, legend=legend), tuning or Tuning())


def plan_from_source(
    plan: Plan, source: Source, *, machine: Machine, train_seconds: float
) -> tuple[Plan, tuple[str, ...]]:
    """Change a cohort's own plan so that the source's weights fit and see what they are used to.

    The network is the source's. The spacing is where it is not far from the cohort's own, as are
    fixed intensities where both are in Hounsfield units. What nnU-Net trained keeps its way of
    preparing scans.

    Parameters
    ----------
    plan : Plan
        Of the cohort on this machine.
    source : Source
    machine : Machine
    train_seconds : float
        For the steps; the patch shrinks until enough of them fit.

    Returns
    -------
    Plan, and notes for a person
    """
    changes, notes = _network(plan, source)
    is_theirs = source.plan is not None and source.plan.preparation == "nnunet"
    if is_theirs and source.plan is not None and _same_kind(plan, source.plan):
        changes |= _nnunet_preparation(plan, source.plan)
        notes.append("scans are prepared as nnU-Net did")
    else:
        more, told = _own_preparation(plan, source)
        changes |= more
        notes += told
    changed = {**changes, "patch_size": _patch(plan, changes)}
    return _affordable(replace(plan, **changed), machine, train_seconds), tuple(notes)


def _network(plan: Plan, source: Source) -> tuple[dict[str, Any], list[str]]:
    """Take the source's layers; its strides too where it has as many axes."""
    shape, notes = source.shape, []
    theirs = source.plan
    strides: Any = shape.get("strides") or (theirs.strides if theirs is not None else ())
    is_same_ndim = shape["ndim"] == plan.ndim
    if not is_same_ndim:
        notes.append(f"{shape['ndim']}D weights are used in {plan.ndim}D")
    n_levels = len(shape["widths"])
    if is_same_ndim and len(strides) == n_levels - 1:
        taken = tuple(strides)
    else:
        taken = plan.strides[: n_levels - 1]
        n_levels = len(taken) + 1
    changes: dict[str, Any] = {
        "architecture": shape["architecture"],
        "encoder": shape["encoder"],
        "strides": taken,
        "widths": shape["widths"][:n_levels],
        "blocks": shape["blocks"][:n_levels],
    }
    if shape["architecture"] == "nnunet":
        own = ((3,) * plan.ndim,) * n_levels
        changes["kernels"] = shape["kernels"][:n_levels] if is_same_ndim else own
        changes["decoder_convs"] = shape["decoder_convs"][: n_levels - 1]
    return changes, notes


def _same_kind(plan: Plan, theirs: Plan) -> bool:
    """Whether both are of volumes, or of pictures, and by networks of as many axes."""
    return plan.ndim == theirs.ndim and len(plan.spacing_mm) == len(theirs.spacing_mm)


def _nnunet_preparation(plan: Plan, theirs: Plan) -> dict[str, Any]:
    in_hu = [kind == "cohort" for kind in plan.normalisation]
    is_ct = "cohort" in theirs.normalisation
    z_score = "z-score" if is_ct else theirs.normalisation[0]
    intensity = theirs.intensity[theirs.normalisation.index("cohort")] if is_ct else None
    order = theirs.axis_order
    changes: dict[str, Any] = {
        "preparation": theirs.preparation,
        "axis_order": order,
        "reorient": theirs.reorient,
        "slice_axis": theirs.slice_axis,
        "spacing_mm": theirs.spacing_mm,
        "pixel_units": theirs.pixel_units,
        "normalisation": tuple("cohort" if hu else z_score for hu in in_hu),
        "flip_axes": theirs.flip_axes if plan.flip_axes else (),
    }
    if intensity is not None:
        own = plan.intensity
        changes["intensity"] = tuple(
            intensity if hu else each for hu, each in zip(in_hu, own, strict=True)
        )
    return changes


def _own_preparation(plan: Plan, source: Source) -> tuple[dict[str, Any], list[str]]:
    changes: dict[str, Any] = {}
    notes = []
    theirs = source.plan
    spacing = source.spacing_mm
    if theirs is not None and theirs.preparation == "suffice" and not theirs.pixel_units:
        spacing = theirs.spacing_mm
    if spacing and not plan.pixel_units and len(spacing) == len(plan.spacing_mm):
        ratio = np.array(spacing) / np.array(plan.spacing_mm)
        if ratio.max() <= NEAR_SPACING and ratio.min() >= 1 / NEAR_SPACING:
            changes["spacing_mm"] = tuple(spacing)
        else:
            notes.append("its spacing is too far from these scans' and is not taken")
    intensity = source.intensity
    if theirs is not None and theirs.normalisation[0] == "cohort":
        intensity = theirs.intensity[0]
    if intensity is not None and "cohort" in plan.normalisation:
        changes["intensity"] = tuple(
            intensity if kind == "cohort" else own
            for kind, own in zip(plan.normalisation, plan.intensity, strict=True)
        )
    return changes, notes


def _patch(plan: Plan, changes: dict[str, Any]) -> tuple[int, ...]:
    """Bring the cohort's patch to the network's axes, and to sizes that it can halve."""
    size = np.array(plan.patch_size)
    order = changes.get("axis_order") or ()
    if len(order) == len(size):
        size = size[list(order)]
    return _rounded(size, changes["strides"], changes["architecture"])


def _rounded(size: np.ndarray, strides: Any, architecture: str) -> tuple[int, ...]:
    total = np.prod(np.array(strides), axis=0)
    multiple = total if architecture == "nnunet" else patch_multiple(strides)
    rounded = np.maximum(1, np.round(size / multiple)).astype(int) * multiple
    while np.prod(np.ceil(rounded / total)) < 2:
        # One voxel at the coarsest resolution has no spread to be normalised by.
        rounded = rounded + multiple
    return tuple(int(n) for n in rounded)


def _affordable(plan: Plan, machine: Machine, train_seconds: float) -> Plan:
    """Shrink the patch until enough steps fit into the time, as far as any plan goes."""
    least = min(SMALLEST_PATCH_VOXELS[plan.ndim], math.prod(plan.patch_size))
    for _ in range(MAX_ROUNDS):
        plan = with_speed(plan, seconds_per_step(plan, machine), train_seconds)
        if plan.n_steps >= ENOUGH_STEPS:
            break
        shrink = (plan.n_steps / ENOUGH_STEPS) ** (1 / plan.ndim)
        shrink = max(shrink, 0.5, (least / math.prod(plan.patch_size)) ** (1 / plan.ndim))
        size = np.array(plan.patch_size) * shrink
        smaller = _rounded(size, plan.strides, plan.architecture)
        if math.prod(smaller) >= math.prod(plan.patch_size):
            break
        plan = replace(plan, patch_size=smaller)
    return plan
