"""The plan of a training: what is decided before the first step, and saved with the model."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from suffice.core import Budget, ModelError
from suffice.files import toml
from suffice.training.fingerprint import Fingerprint
from suffice.training.machine import Machine
from suffice.training.plan_checks import require_usable
from suffice.training.sizing import (
    BATCH,
    MAX_WIDTH,
    STEPS_FOR_LARGE,
    affordable_voxels,
    capacity,
    coarser_by,
    guess_speed,
    patch_and_strides,
)

# A slice is a picture of its own where the next one is this many times as far as its pixels are.
ANISOTROPY_FOR_SLICES = 3.5


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that training and prediction of one network depend on.

    Parameters
    ----------
    ndim : {2, 3}
        Axes of the network.
    slice_axis : int or None
        Axis of a volume along which a 2D network goes slice by slice.
    spacing_mm : tuple of float
        Spacing that scans are resampled to, all axes; ones stand for pixels of unknown size.
    pixel_units : bool
        Whether scans are pictures that are not resampled.
    patch_size, batch_size
        Of a training step.
    widths, strides, blocks
        Of the network, the finest resolution first.
    encoder : {"residual", "plain"}
        Whether the blocks of the encoder have shortcuts.
    architecture : {"unet", "nnunet"}
        Ours, or that of nnU-Net v2, which ``kernels`` and ``decoder_convs`` at each resolution
        belong to.
    preparation : {"suffice", "nnunet"}
        How scans are cut, normalised and resampled; that of nnU-Net takes the axes of the scan
        in ``axis_order``, turned to right, anterior, superior first where ``reorient`` is true,
        and leaves an axis as it is where its spacing is 0.
    normalisation : tuple of str
        For each channel "scan", zero mean and unit spread of each scan, or "cohort", by
        ``intensity`` (CT, whose units have a meaning); of nnU-Net also "z-score",
        "z-score-inside", "none", "unit" and "rgb".
    intensity : tuple of (low, high, mean, sd)
        For each channel.
    flip_axes : tuple of int
        Axes (of the network) that augmentation may mirror.
    augmentation : str
        Name of the policy.
    augmentation_without : tuple of str
        Families of changes that are left out of it.
    mixing, mixing_probabilities : tuple of str, tuple of float
        Ways of mixing patches and how often each is used, see `suffice.augment.mixing.Mixing`.
    learning_rate, weight_decay, foreground, averaging
        Of the optimiser, the sampler and the moving average of the weights.
    precision : {"32-true", "bf16-mixed", "16-mixed"}
    seconds_per_step : float
        Calibrated on the machine; 0 before calibration.
    n_steps : int
        Expected within the budget.

    Raises
    ------
    ModelError
        If a value is none that training or prediction can follow.
    """

    ndim: int
    slice_axis: int | None
    spacing_mm: tuple[float, ...]
    pixel_units: bool
    patch_size: tuple[int, ...]
    batch_size: int
    in_channels: int
    n_classes: int
    widths: tuple[int, ...]
    strides: tuple[tuple[int, ...], ...]
    blocks: tuple[int, ...]
    normalisation: tuple[str, ...]
    intensity: tuple[tuple[float, float, float, float], ...]
    flip_axes: tuple[int, ...]
    augmentation: str
    precision: str
    learning_rate: float = 4e-3
    weight_decay: float = 1e-2
    foreground: float = 0.5
    averaging: float = 0.99
    n_heads: int = 2
    encoder: str = "residual"
    architecture: str = "unet"
    kernels: tuple[tuple[int, ...], ...] = ()
    decoder_convs: tuple[int, ...] = ()
    preparation: str = "suffice"
    axis_order: tuple[int, ...] = ()
    reorient: bool = True
    augmentation_without: tuple[str, ...] = ()
    mixing: tuple[str, ...] = ()
    mixing_probabilities: tuple[float, ...] = ()
    minutes: float = 0.0
    seconds_per_step: float = 0.0
    n_steps: int = 0

    def __post_init__(self) -> None:
        require_usable(self)

    @property
    def divisible_by(self) -> tuple[int, ...]:
        """Steps in which a tile may grow beyond the patch: all strides of an axis together.

        So each resolution keeps the parity that it had in training. Odd sizes shift features
        against each other by half a voxel on the way up, which a network learns to undo.
        """
        return tuple(int(n) for n in np.prod(np.array(self.strides), axis=0))

    @property
    def patch_spacing_mm(self) -> tuple[float, ...]:
        """Spacing along the axes of the network."""
        if self.slice_axis is None:
            return self.spacing_mm
        return tuple(s for axis, s in enumerate(self.spacing_mm) if axis != self.slice_axis)

    @property
    def memory_gb(self) -> float:
        """Rough memory of a training step: activations kept for the gradient, and the weights."""
        voxels = self.batch_size * math.prod(self.patch_size)
        kept = 0.0
        for level, width in enumerate(self.widths):
            shrink = math.prod(math.prod(s) for s in self.strides[:level])
            kept += (6 * self.blocks[level] + 6) * width * voxels / shrink
        return 1.0 + kept * (4 if self.precision == "32-true" else 2) / 2**30

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as plain values; ``slice_axis`` is left out where there is none."""
        return {k: v for k, v in asdict(self).items() if v is not None}


def plan_to_toml(plan: Plan) -> str:
    """Write a plan so that a person can read and change it."""
    return "".join(f"{key} = {toml(v)}\n" for key, v in plan.to_dict().items())


def plan_from_toml(text: str) -> Plan:
    """Read a plan back.

    Raises
    ------
    ModelError
        If a key is unknown or missing, or a value cannot be followed.
    """
    try:
        return plan_from_dict(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, TypeError, ValueError) as error:
        raise ModelError(
            "plan.toml cannot be read", got=error, cure="Take the model folder's own copy back."
        ) from error


def plan_from_dict(table: Mapping[str, Any]) -> Plan:
    """Make a plan of plain values, lists becoming tuples."""

    def frozen(v: object) -> Any:
        return tuple(frozen(item) for item in v) if isinstance(v, list | tuple) else v

    return Plan(**{"slice_axis": None, **{key: frozen(v) for key, v in table.items()}})


def make_plan(
    fingerprint: Fingerprint,
    *,
    n_channels: int,
    n_classes: int,
    in_hu: Sequence[bool],
    budget: Budget,
    machine: Machine,
    speed: float | None = None,
    encoder: str = "residual",
) -> Plan:
    """Choose network, spacing, patch and batch for a cohort, a machine and the minutes given.

    The patch grows with what the machine can work through: a network that never sees enough
    steps does worse than a smaller or coarser one that does.

    Parameters
    ----------
    fingerprint : Fingerprint
    n_channels, n_classes : int
        Of the scans and, with the background, of the legend.
    in_hu : sequence of bool
        For each channel:
        Whether intensities are Hounsfield units.
    budget : Budget
    machine : Machine
    speed : float, optional
        Voxels a second that training works through, where it was measured.
    encoder : {"residual", "plain"}
    """
    spacing = np.array(fingerprint.spacing_mm)
    slice_axis = _slice_axis(fingerprint)
    ndim = 2 if fingerprint.ndim == 2 or slice_axis is not None else 3
    axes = [axis for axis in range(fingerprint.ndim) if axis != slice_axis]
    affordable = affordable_voxels(ndim, budget, machine, speed)

    shape = np.array(fingerprint.median_shape, dtype=float)
    in_plane = shape[axes]
    coarser = coarser_by(fingerprint, in_plane, affordable, is_picture=fingerprint.ndim == 2)
    spacing[axes] *= coarser
    in_plane = in_plane / coarser
    patch, strides = patch_and_strides(in_plane, spacing[axes], affordable)
    batch = BATCH[ndim]
    n_levels = len(strides) + 1
    steps = (speed or guess_speed(machine)) * budget.seconds / (batch * math.prod(patch))
    widths, blocks = capacity(n_levels, MAX_WIDTH[ndim], large=False)
    plan = Plan(
        ndim=ndim,
        slice_axis=slice_axis,
        spacing_mm=tuple(float(s) for s in spacing),
        pixel_units=fingerprint.ndim == 2,
        patch_size=patch,
        batch_size=batch,
        in_channels=n_channels,
        n_classes=n_classes,
        widths=widths,
        strides=strides,
        blocks=blocks,
        normalisation=tuple("cohort" if hu else "scan" for hu in in_hu),
        intensity=fingerprint.intensity,
        flip_axes=_flip_axes(fingerprint, axes),
        augmentation=_policy(fingerprint),
        precision=machine.precision,
        encoder=encoder,
        minutes=budget.minutes,
    )
    widths, blocks = capacity(n_levels, MAX_WIDTH[ndim], large=True)
    larger = replace(plan, widths=widths, blocks=blocks)
    fits = larger.memory_gb <= 1 + machine.memory_gb / 2
    return larger if steps > STEPS_FOR_LARGE and fits else plan


def _flip_axes(fingerprint: Fingerprint, axes: Sequence[int]) -> tuple[int, ...]:
    """Mirror where structures lie anywhere, as cells do, and not where they have their place.

    In a short training on `hippocampus` mirroring the left-right axis alone cost 1.4 points of
    Dice: the network spends its steps on anatomy that no scan shows (docs/benchmarks.md).
    """
    if fingerprint.is_posed:
        return ()
    return tuple(i for i, axis in enumerate(axes) if axis not in fingerprint.sided_axes)


def _policy(fingerprint: Fingerprint) -> str:
    """Pictures whose colours or polarity vary need those varied; one scanner's scans do not."""
    if fingerprint.ndim == 2 and (fingerprint.is_colour or fingerprint.mixed_polarity):
        return "picture"
    return "strong"


def _slice_axis(fingerprint: Fingerprint) -> int | None:
    if fingerprint.ndim == 2:
        return None
    spacing = np.array(fingerprint.spacing_mm)
    thick, thin = int(np.argmax(spacing)), int(np.argmin(fingerprint.median_shape))
    if spacing[thick] > ANISOTROPY_FOR_SLICES * np.delete(spacing, thick).max():
        return thick
    # A few slices, and a picture kept as a volume of one, have no depth to learn from.
    return thin if fingerprint.median_shape[thin] < 8 else None


def with_speed(plan: Plan, seconds_per_step: float, train_seconds: float) -> Plan:
    """Return the plan with its calibrated speed and the steps that the time allows."""
    steps = max(1, int(train_seconds / seconds_per_step))
    return replace(plan, seconds_per_step=float(seconds_per_step), n_steps=steps)


def describe(plan: Plan, names: Sequence[str] = ()) -> list[tuple[str, str]]:
    """Put the plan into words for a person: pairs of topic and text."""
    size = "x".join(str(n) for n in plan.patch_size)
    kind = "2D" if plan.ndim == 2 else "3D"
    name = "U-Net" if plan.architecture == "unet" else "nnU-Net"
    if plan.slice_axis is not None:
        kind += f", slice by slice along axis {'XYZ'[plan.slice_axis]}"
    coarsest = max(plan.spacing_mm)
    spacing = "pixels as they are" if coarsest == 1.0 else f"{coarsest:.3g} pixels"
    if not plan.pixel_units:
        spacing = " x ".join(f"{s:.3g}" for s in plan.spacing_mm) + " mm"
    rows = [
        ("network", f"{kind} {plan.encoder} {name}, channels {', '.join(map(str, plan.widths))}"),
        ("spacing", spacing),
        ("patch", f"{size}, {plan.batch_size} a step"),
        ("structures", ", ".join(names) if names else str(plan.n_classes - 1)),
        ("intensities", f"normalised by {', '.join(dict.fromkeys(plan.normalisation))}"),
        ("augmentation", " without ".join([plan.augmentation, *plan.augmentation_without])),
        ("mirrored axes", ", ".join(map(str, plan.flip_axes)) or "none"),
        ("precision", plan.precision),
        ("memory", f"about {plan.memory_gb:.1f} GB"),
    ]
    if plan.mixing:
        rows.append(("mixing", ", ".join(plan.mixing)))
    if plan.seconds_per_step:
        rows.append(("speed", f"{plan.seconds_per_step:.2f} s a step, measured here"))
        rows.append(("steps", f"{plan.n_steps} in {plan.minutes:g} minutes"))
    return rows
