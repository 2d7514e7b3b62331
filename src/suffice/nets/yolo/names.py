"""Names of published weights: which of them is which of ours, and what can be taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from suffice.core import ModelError
from suffice.nets.yolo.network import SIZES, Yolo, YoloShape

_PARTS = {
    "backbone.stem": "model.0",
    "backbone.stages.0.0": "model.1",
    "backbone.stages.0.1": "model.2",
    "backbone.stages.1.0": "model.3",
    "backbone.stages.1.1": "model.4",
    "backbone.stages.2.0": "model.5",
    "backbone.stages.2.1": "model.6",
    "backbone.stages.3.0": "model.7",
    "backbone.stages.3.1": "model.8",
    "backbone.pooling": "model.9",
    "neck.down_middle": "model.12",
    "neck.down_fine": "model.15",
    "neck.reduce_fine": "model.16",
    "neck.up_middle": "model.18",
    "neck.reduce_middle": "model.19",
    "neck.up_coarse": "model.21",
    "head.boxes": "model.22.cv2",
    "head.classes": "model.22.cv3",
    "head.coefficients": "model.22.cv4",
    "head.prototypes.last": "model.22.proto.cv3",
    "head.prototypes": "model.22.proto",
}
_WORDS = {
    "norm": "bn", "enter": "cv1", "leave": "cv2", "first": "cv1", "second": "cv2", "blocks": "m",
}  # fmt: skip
_STEM, _CLASS_BIAS = "model.0.conv.weight", "model.22.cv3.0.2.bias"
_CLASS_WIDTH, _DISTANCES = "model.22.cv3.0.0.conv.weight", "model.22.dfl.conv.weight"


@dataclass(frozen=True)
class Taken:
    """What a network took from published weights.

    Parameters
    ----------
    n_taken, n_ours : int
        Arrays of weights taken, and all that the network has.
    fresh : tuple of str
        Why other arrays start at random, a clause each.
    """

    n_taken: int
    n_ours: int
    fresh: tuple[str, ...]

    def __str__(self) -> str:
        text = f"{self.n_taken} of {self.n_ours} arrays of weights were taken"
        return text + (f"; {'; '.join(self.fresh)}" if self.fresh else "")


def published_name(name: str) -> str:
    """Name one of our arrays as published weights do.

    Examples
    --------
    >>> published_name("backbone.stages.1.1.blocks.0.first.norm.weight")
    'model.4.m.0.cv1.bn.weight'
    """
    part = max((p for p in _PARTS if name.startswith(p + ".")), key=len)
    rest = name[len(part) + 1 :].split(".")
    return ".".join([_PARTS[part], *(_WORDS.get(word, word) for word in rest)])


def shape_of(weights: Mapping[str, Tensor], *, in_channels: int, n_classes: int) -> YoloShape:
    """Find the size of published weights, for other channels and classes.

    Raises
    ------
    ModelError
        If these are no weights of a YOLOv8 network that segments.
    """
    missing = [n for n in (_STEM, _CLASS_BIAS, _CLASS_WIDTH) if n not in weights]
    if missing or not any(name.startswith("model.22.proto.") for name in weights):
        raise ModelError(
            "These are not the weights of a YOLOv8 network that segments",
            got=f"{len(weights)} arrays, without {missing[0] if missing else 'model.22.proto'}",
            cure="Give a file such as yolov8n-seg.pt: detection alone has no masks.",
        )
    class_width = int(weights[_CLASS_WIDTH].shape[0])
    for size in SIZES:
        shape = YoloShape(
            size=size, in_channels=in_channels, n_classes=n_classes, class_width=class_width
        )
        if shape.widths[0] == weights[_STEM].shape[0]:
            return shape
    raise ModelError(
        "The weights are of an unknown size", got=f"{weights[_STEM].shape[0]} channels at first"
    )


def take_weights(network: Yolo, weights: Mapping[str, Tensor]) -> Taken:
    """Copy published weights into a network and say what was left.

    Colour filters are summed for pictures of one channel. The last layer of the classes is taken
    where their number is equal.

    Raises
    ------
    ModelError
        If an array is missing or of another shape, the first and last layers apart.
    """
    _require_plain_distances(weights)
    state = network.state_dict()
    fresh: list[str] = []
    n_taken = 0
    for name, ours in state.items():
        theirs = weights.get(published_name(name))
        if theirs is None:
            raise ModelError("The weights lack an array", got=f"no {published_name(name)}")
        if name == "backbone.stem.conv.weight" and theirs.shape != ours.shape:
            if ours.shape[1] != 1:
                fresh.append(
                    f"the first layer starts at random, as there it has {theirs.shape[1]} "
                    f"channels and here {ours.shape[1]}"
                )
                continue
            theirs = theirs.sum(1, keepdim=True)
            fresh.append("the filters of the first layer were summed over colours")
        is_last = name.startswith("head.classes") and name.split(".")[3] == "2"
        if is_last and theirs.shape != ours.shape:
            note = (
                f"the last layer of the classes starts at random, as there are "
                f"{theirs.shape[0]} there and {ours.shape[0]} here"
            )
            fresh += [note] if note not in fresh else []
            continue
        if theirs.shape != ours.shape:
            raise ModelError(
                f"The array {published_name(name)} does not fit",
                got=tuple(theirs.shape),
                expected=tuple(ours.shape),
            )
        ours.copy_(theirs)
        n_taken += 1
    return Taken(n_taken, len(state), tuple(fresh))


def _require_plain_distances(weights: Mapping[str, Tensor]) -> None:
    """Refuse weights whose distances are not 0 to 15 strides, as ours are."""
    bins = weights.get(_DISTANCES)
    if bins is None or not torch.equal(bins.flatten().float(), torch.arange(16.0)):
        raise ModelError(
            "The weights count distances in another way", got="other bins", expected="0 to 15"
        )
