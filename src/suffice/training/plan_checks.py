"""Whether a plan can be followed: people edit plan.toml by hand."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from suffice.augment import FAMILIES, POLICIES
from suffice.augment.mixing import MIXES
from suffice.core import ModelError
from suffice.nets import ENCODERS
from suffice.training.machine import PRECISIONS

if TYPE_CHECKING:
    from suffice.training.plan import Plan

NORMALISATIONS = {
    "suffice": ("scan", "cohort"),
    "nnunet": ("cohort", "z-score", "z-score-inside", "none", "unit", "rgb"),
}
ARCHITECTURES = ("unet", "nnunet")
# Sizes in these steps leave no odd sizes where most of the work is.
MAX_MULTIPLE = 4

Doubt = tuple[str, bool, str]


def require_usable(plan: Plan) -> None:
    """Raise a `ModelError` that names the first value of a plan that nothing can be done with."""
    for checks in (_network, _data, _numbers):
        for key, is_good, expected in checks(plan):
            if not is_good:
                raise ModelError(
                    f"The plan's {key} cannot be followed",
                    got=repr(getattr(plan, key)),
                    expected=expected,
                    cure=f"Mend {key} in plan.toml.",
                )


def _network(plan: Plan) -> Iterator[Doubt]:
    yield "ndim", plan.ndim in (2, 3), "2 or 3"
    yield "encoder", plan.encoder in ENCODERS, ", ".join(ENCODERS)
    yield "precision", plan.precision in PRECISIONS, ", ".join(PRECISIONS)
    yield "batch_size", _counts([plan.batch_size]), "1 or more"
    yield "n_classes", _counts([plan.n_classes], least=2), "2 or more, with the background"
    yield "in_channels", _counts([plan.in_channels]), "1 or more"
    yield "n_heads", _counts([plan.n_heads]), "1 or more"
    is_good = all(_counts(stride) and len(stride) == plan.ndim for stride in plan.strides)
    yield "strides", is_good and bool(plan.strides), f"{plan.ndim} whole numbers for each level"
    n_levels = len(plan.strides) + 1
    is_good = len(plan.widths) == n_levels and all(w > 0 and w % 8 == 0 for w in plan.widths)
    yield "widths", is_good, f"{n_levels} multiples of 8"
    is_good = len(plan.blocks) == n_levels and _counts(plan.blocks, least=0)
    yield "blocks", is_good, f"{n_levels} whole numbers"
    yield "architecture", plan.architecture in ARCHITECTURES, ", ".join(ARCHITECTURES)
    if plan.architecture == "nnunet":
        is_good = len(plan.kernels) == n_levels and all(
            len(kernel) == plan.ndim and _counts(kernel) for kernel in plan.kernels
        )
        yield "kernels", is_good, f"{plan.ndim} whole numbers for each level"
        is_good = len(plan.decoder_convs) == n_levels - 1 and _counts(plan.decoder_convs)
        yield "decoder_convs", is_good, f"{n_levels - 1} whole numbers"
    # What nnU-Net lifts is as large as its strides make it, so that no size may be odd.
    most = MAX_MULTIPLE if plan.architecture == "unet" else math.inf
    multiple = [min(math.prod(steps), most) for steps in zip(*plan.strides, strict=True)]
    is_good = len(plan.patch_size) == plan.ndim and _counts(plan.patch_size)
    is_good = is_good and all(n % m == 0 for n, m in zip(plan.patch_size, multiple, strict=True))
    yield "patch_size", is_good, f"multiples of {', '.join(map(str, multiple))}"


def _data(plan: Plan) -> Iterator[Doubt]:
    n_axes = len(plan.spacing_mm)
    is_good = plan.slice_axis is None or plan.slice_axis in range(n_axes)
    yield "slice_axis", is_good, f"0 to {n_axes - 1}, or no such line"
    n_wanted = plan.ndim + (plan.slice_axis is not None)
    yield "preparation", plan.preparation in NORMALISATIONS, ", ".join(NORMALISATIONS)
    kept = plan.slice_axis if plan.preparation == "nnunet" else None
    sizes = [s for axis, s in enumerate(plan.spacing_mm) if axis != kept or s != 0]
    is_good = n_axes == n_wanted and all(_is_positive(s) for s in sizes)
    yield "spacing_mm", is_good, f"{n_wanted} positive numbers"
    is_good = sorted(plan.axis_order) in ([], list(range(n_axes)))
    yield "axis_order", is_good, f"the axes 0 to {n_axes - 1} in some order, or no such line"
    n, known = plan.in_channels, NORMALISATIONS[plan.preparation]
    is_good = len(plan.normalisation) == n and set(plan.normalisation) <= set(known)
    yield "normalisation", is_good, f"{n} of {', '.join(known)}"
    is_good = len(plan.intensity) == n and all(len(each) == 4 for each in plan.intensity)
    yield "intensity", is_good, f"low, high, mean and sd for each of {n} channels"
    is_good = set(plan.flip_axes) <= set(range(plan.ndim))
    yield "flip_axes", is_good, f"some of 0 to {plan.ndim - 1}"
    yield "augmentation", plan.augmentation in POLICIES, ", ".join(POLICIES)
    is_good = set(plan.augmentation_without) <= set(FAMILIES)
    yield "augmentation_without", is_good, f"some of {', '.join(FAMILIES)}"
    # Slices of two volumes that lie between each other are no slices of these.
    ways = [way for way in MIXES if plan.slice_axis is None or way != "interpolation"]
    is_good = len(set(plan.mixing)) == len(plan.mixing) and set(plan.mixing) <= set(ways)
    yield "mixing", is_good, f"some of {', '.join(ways)}, each once"
    chances = plan.mixing_probabilities
    is_good = len(chances) in (0, len(plan.mixing)) and all(0 <= p <= 1 for p in chances)
    is_good = is_good and sum(chances) <= 1 + 1e-9
    yield "mixing_probabilities", is_good, "one for each way of mixing, 1 together at most"


def _numbers(plan: Plan) -> Iterator[Doubt]:
    yield "learning_rate", _is_positive(plan.learning_rate), "a positive number"
    yield "weight_decay", 0 <= plan.weight_decay < math.inf, "0 or more"
    yield "foreground", 0 <= plan.foreground <= 1, "0 to 1"
    yield "averaging", 0 <= plan.averaging < 1, "0 to below 1"


def _counts(values: Sequence[int], *, least: int = 1) -> bool:
    return all(isinstance(n, int) and not isinstance(n, bool) and n >= least for n in values)


def _is_positive(number: float) -> bool:
    return 0 < number < math.inf
