"""What a training of objects goes by: the network, the size that pictures get, the patches."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from suffice.core import ModelError
from suffice.files import toml
from suffice.nets.yolo import YoloShape

# Of an object of middling size, in pixels of the network, whose masks have a stride of 4.
GOOD_SIZE = 40.0
MOST_ENLARGED = 4.0
# The largest objects should lie whole in a patch, with something around them.
LARGEST_PART = 0.75
_KINDS = {"str": str, "int": int, "float": float, "bool": bool}


@dataclass(frozen=True, kw_only=True)
class InstancePlan:
    """A plan for a training of objects.

    Parameters
    ----------
    size : str
        Of the network, see `YoloShape`.
    in_channels, n_classes : int
        ``n_classes`` leaves the background out.
    class_width : int
        Of the network; 0 for its own.
    scale : float
        Pixels of the network along one of the picture.
    patch_size : int
        Side of the patches in pixels of the network, a multiple of 32.
    batch_size : int
    learning_rate, weight_decay, averaging : float
        Of AdamW and of the moving average of the weights.
    foreground : float
        Part of the patches that is centred near an object.
    augmentation : str
        Name of a policy.
    flips : bool
        Whether patches are mirrored.
    least_score : float
        Objects that the network is less sure of are left out; chosen when it is trained.
    started_from : str
        Where the first weights came from, with their licence, and what of them was taken.
    """

    size: str = "n"
    in_channels: int
    n_classes: int
    class_width: int = 0
    scale: float = 1.0
    patch_size: int = 256
    batch_size: int = 4
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    averaging: float = 0.99
    foreground: float = 0.5
    augmentation: str = "picture"
    flips: bool = True
    least_score: float = 0.25
    started_from: str = ""

    @property
    def shape(self) -> YoloShape:
        """What the network is made from."""
        return YoloShape(
            size=self.size,
            in_channels=self.in_channels,
            n_classes=self.n_classes,
            class_width=self.class_width or None,
        )


def plan_to_toml(plan: InstancePlan) -> str:
    """Write a plan as text."""
    rows = (f"{field.name} = {toml(getattr(plan, field.name))}" for field in fields(plan))
    return "\n".join(rows) + "\n"


def plan_from_toml(text: str) -> InstancePlan:
    """Read a plan.

    Raises
    ------
    ModelError
        If a setting is unknown, missing or of the wrong kind.
    """
    table = tomllib.loads(text)
    kinds = {field.name: _KINDS[str(field.type)] for field in fields(InstancePlan)}
    wrong = [k for k, v in table.items() if k not in kinds or type(v) is not kinds[k]]
    if wrong or not {"in_channels", "n_classes"} <= table.keys():
        raise ModelError(
            "The plan of a training of objects cannot be followed",
            got=f"{wrong[0]} = {table[wrong[0]]!r}" if wrong else "no in_channels or n_classes",
            cure="Take the model folder's own copy back.",
        )
    return InstancePlan(**table)


def scale_for(sizes_px: Sequence[float], patch_size: int) -> float:
    """Choose by how much pictures are enlarged, from the sides of the objects in pixels.

    Small objects are enlarged, as masks have a stride of 4; objects too large for a patch make
    the picture smaller.

    Examples
    --------
    >>> scale_for([10.0, 10.0, 12.0], 256), scale_for([60.0], 256), scale_for([1000.0], 256)
    (4.0, 1.0, 0.192)
    """
    if not len(sizes_px):
        return 1.0
    middling, large = np.percentile(sizes_px, [50, 95])
    enlarged = min(max(1.0, GOOD_SIZE / max(middling, 1.0)), MOST_ENLARGED)
    return float(round(min(enlarged, LARGEST_PART * patch_size / max(large, 1.0)), 3))
