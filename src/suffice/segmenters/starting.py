"""Trained weights to start a U-Net from: what they are, and the plan that takes them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from suffice.core import Legend, ModelError
from suffice.segmenters.card import CARD, ModelCard, read_card
from suffice.segmenters.nnunet import plan_of_nnunet
from suffice.segmenters.unet_folder import PLAN, WEIGHTS, read_unet
from suffice.training.plan import Plan, plan_from_toml
from suffice.weights import Account, Rules, Weights, read_weights, take
from suffice.weights.bundles import is_bundle, read_bundle
from suffice.weights.monai_names import (
    is_dynunet,
    is_monai_unet,
    ours_of_dynunet,
    ours_of_monai_unet,
)
from suffice.weights.nnunet import find_nnunet, read_nnunet
from suffice.weights.nnunet_names import is_nnunet
from suffice.weights.resnet_names import ours_of_resnet, resnet_blocks, resnet_prefix
from suffice.weights.shapes import shape_of

PRETRAINED = "pretrained"
"""The kind of model that `suffice pretrain` leaves."""

_UNKNOWN = "unknown: ask whom you have the weights from before you publish what comes of them"


@dataclass(frozen=True, eq=False, kw_only=True)
class Source:
    """Trained weights, in the names of one of our networks.

    Parameters
    ----------
    path : Path
    kind : str
        What wrote them, for a person.
    arrays : mapping of str to tensor
    shape : mapping
        What a plan says of their network, as `suffice.weights.shapes.shape_of` tells it.
    plan : Plan, optional
        That they were trained by, or what is known of it.
    spacing_mm, intensity
        That they were trained at, where there is no plan.
    labels : tuple of str
        Their structures, background left out; empty where unknown.
    licence : str
    from_masks : bool
        Whether masks may have taught them; `suffice pretrain` learns from scans alone.
    """

    path: Path
    kind: str
    arrays: Mapping[str, Tensor]
    shape: Mapping[str, Any]
    plan: Plan | None = None
    spacing_mm: tuple[float, ...] = ()
    intensity: tuple[float, float, float, float] | None = None
    labels: tuple[str, ...] = ()
    licence: str = ""
    notes: tuple[str, ...] = ()
    from_masks: bool = True

    def put_into(self, network: nn.Module, legend: Legend) -> Account:
        """Copy what fits into a network, rows of the last layer by the structures' names.

        Raises
        ------
        ModelError
            If hardly anything fits.
        """
        try:
            return take(network, self.arrays, Rules(classes=self.shared_classes(legend)))
        except ModelError as error:
            raise ModelError(
                f"'{self.path}' cannot be started from", got=str(error), cure=error.cure
            ) from error

    def shared_classes(self, legend: Legend) -> dict[int, int]:
        """For each class of a legend that the source knows by name, the source's class."""
        theirs = {_plain(name): k for k, name in enumerate(self.labels, start=1)}
        shared = {
            k: theirs[_plain(name)]
            for k, name in enumerate(legend.names, start=1)
            if _plain(name) in theirs
        }
        return {0: 0, **shared} if shared else {}

    def account(self, taken: Account) -> str:
        """Say what was taken, of what and under which licence."""
        words = f"{self.path.name} ({self.kind}): {taken}"
        return ". ".join(
            [words, *self.notes, f"Licence of the weights: {self.licence or _UNKNOWN}"]
        )

    def onto(self, card: ModelCard) -> ModelCard:
        """Write on a model's card what it started from, and the licence of that."""
        words = f"{self.path.name}, {self.kind}"
        return replace(card, started_from=words, licence=self.licence or _UNKNOWN)

    @property
    def digest(self) -> str:
        """Sum up the arrays, so that another start is told from this one."""
        digest = hashlib.blake2b(digest_size=16)
        for name in sorted(self.arrays):
            digest.update(name.encode())
            digest.update(self.arrays[name].contiguous().numpy().tobytes())
        return digest.hexdigest()


def read_source(path: Path) -> Source:
    """Read a model of ours, of nnU-Net v2 or of MONAI, or a file of weights; nothing is run.

    Raises
    ------
    ModelError
        If it is none of these, or damaged, or malicious.
    """
    if not path.exists():
        raise ModelError(f"'{path}' does not exist", cure="Check the path.")
    if (path / CARD).is_file():
        return _own(path)
    checkpoint = find_nnunet(path)
    if checkpoint is not None:
        return _nnunet(checkpoint)
    if is_bundle(path):
        return _bundle(path)
    if path.is_dir():
        raise ModelError(
            f"'{path}' is no model that can be started from",
            expected="a model of suffice, a trainer's folder of nnU-Net v2, or a MONAI bundle",
            cure="Give one of these, or a file of weights.",
        )
    weights = read_weights(path)
    if is_nnunet(weights.arrays):
        return _nnunet(path)
    return _named(weights)


def _own(folder: Path) -> Source:
    rung = read_card(folder).rung
    if not (folder / PLAN).is_file() or not (folder / WEIGHTS).is_file():
        raise ModelError(
            f"'{folder}' has no network that can be started from",
            got=f"a model of the kind {rung}",
            cure="Give a model of the kind unet, or of another with a U-Net in it.",
        )
    card, plan, weights, _, _ = read_unet(folder)
    inner = {name.removeprefix("backbone."): array for name, array in weights.items()}
    how = f"{rung} by {card.method}" if card.method else rung
    return Source(
        path=folder,
        kind=f"a {how} of suffice",
        arrays=inner,
        shape=shape_of(inner),
        plan=plan,
        labels=card.legend.names,
        licence=card.licence or "as of the scans that it was trained on",
        from_masks=rung != PRETRAINED,
    )


def _nnunet(checkpoint: Path) -> Source:
    model = read_nnunet(checkpoint)
    plan: Plan | None = None
    labels: tuple[str, ...] = ()
    notes: list[str] = []
    try:
        labels = tuple(name for name, _ in sorted(model.labels.items(), key=lambda item: item[1]))
        plan = plan_of_nnunet(model)
    except ModelError as error:
        # Its network can be started from all the same.
        notes.append(f"Scans are prepared our way: {error}")
    return Source(
        path=checkpoint,
        kind=f"{model.trainer} of nnU-Net v2",
        arrays=model.arrays,
        shape={**shape_of(model.arrays), "strides": model.strides, "blocks": model.blocks},
        plan=plan,
        labels=labels,
        licence=model.licence,
        notes=tuple(notes),
    )


def _bundle(folder: Path) -> Source:
    bundle = read_bundle(folder)
    source = _named(read_weights(bundle.weights))
    return Source(
        path=folder,
        kind=f"{source.kind} of the MONAI bundle {bundle.name}",
        arrays=source.arrays,
        shape=source.shape,
        spacing_mm=bundle.spacing_mm,
        intensity=bundle.intensity,
        labels=bundle.labels[1:],
        licence=bundle.licence,
    )


def _named(weights: Weights) -> Source:
    """Tell by its names what a file of weights is of."""
    arrays = weights.arrays
    plan = plan_from_toml(weights.facts["plan"]) if "plan" in weights.facts else None
    if is_dynunet(arrays):
        kind, ours = "a DynUNet", ours_of_dynunet(arrays)
    elif is_monai_unet(arrays):
        kind, ours = "a UNet of MONAI, its encoder", ours_of_monai_unet(arrays)
    elif resnet_prefix(arrays) is not None:
        if resnet_blocks(arrays) is None:
            raise ModelError(
                f"'{weights.path}' is a ResNet with bottlenecks, which our U-Net has none of",
                cure="Give a ResNet-18 or ResNet-34.",
            )
        kind, ours = "a ResNet", ours_of_resnet(arrays)
    else:
        kind, ours = "arrays", _inside(arrays)
    shape = shape_of(ours)
    if not shape:
        raise ModelError(
            f"'{weights.path}' is of a network that is not known here",
            got=", ".join(list(arrays)[:2]),
            expected="a U-Net of suffice, nnU-Net v2, a DynUNet or UNet of MONAI, or a ResNet-18"
            " or -34",
            cure="Give one of these, or leave --init out.",
        )
    licence = weights.facts.get("licence") or weights.facts.get("license") or ""
    return Source(
        path=weights.path, kind=kind, arrays=ours, shape=shape, plan=plan, licence=licence
    )


def _inside(arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Leave out what a program that wrapped our U-Net put before its names."""
    key = "stem.0.weight"
    wrapped = next((name.removesuffix(key) for name in arrays if name.endswith(key)), "")
    return {n.removeprefix(wrapped): a for n, a in arrays.items() if n.startswith(wrapped)}


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())
