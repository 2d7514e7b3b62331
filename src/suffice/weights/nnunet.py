"""A trained model of nnU-Net v2: its arrays in our names, its architecture and plans as values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from suffice.core import ModelError
from suffice.weights.files import read_weights
from suffice.weights.nnunet_names import is_nnunet, ours_of_nnunet

PLANS, DATASET = "plans.json", "dataset.json"
CHECKPOINTS = ("checkpoint_final.pth", "checkpoint_best.pth")
_CURE = "Give the folder of a trainer, with plans.json, dataset.json and fold_0 in it."
_LEAKY = ("torch.nn.LeakyReLU", "torch.nn.modules.activation.LeakyReLU")


@dataclass(frozen=True, eq=False, kw_only=True)
class NnUNetModel:
    """What a folder of results of nnU-Net v2 says.

    Parameters
    ----------
    path : Path
        The checkpoint.
    arrays : mapping of str to tensor
        By the names of `suffice.nets.NnUNet`.
    configuration, dataset, plans : mapping
        The configuration with what it inherits, ``dataset.json`` and ``plans.json``.
    encoder : {"residual", "plain"}
    widths, strides, kernels, blocks, decoder_convs
        Of the network, the finest resolution first.
    mirror_axes : tuple of int
        Axes of the network that were mirrored in training.
    trainer : str
    """

    path: Path
    arrays: Mapping[str, Tensor]
    configuration: Mapping[str, Any]
    dataset: Mapping[str, Any]
    plans: Mapping[str, Any]
    encoder: str
    widths: tuple[int, ...]
    strides: tuple[tuple[int, ...], ...]
    kernels: tuple[tuple[int, ...], ...]
    blocks: tuple[int, ...]
    decoder_convs: tuple[int, ...]
    mirror_axes: tuple[int, ...]
    trainer: str

    @property
    def ndim(self) -> int:
        """Axes of the network."""
        return len(self.kernels[0])

    @property
    def labels(self) -> dict[str, int]:
        """Value of each structure, background and the value to ignore left out."""
        labels = dict(self.dataset["labels"])
        if any(isinstance(value, list) and len(value) > 1 for value in labels.values()):
            raise ModelError(
                f"'{self.path}' was trained on regions that overlap, whose classes are no labels",
                cure="Start another training from it with --init: all but its last layer is taken.",
            )
        whole = {n: v[0] if isinstance(v, list) else int(v) for n, v in labels.items()}
        return {n: v for n, v in whole.items() if v != 0 and n != "ignore"}

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the channels, in order."""
        names = self.dataset.get("channel_names") or self.dataset.get("modality") or {}
        return tuple(str(names[key]) for key in sorted(names, key=int))

    @property
    def licence(self) -> str:
        """What its data set says of its licence."""
        return str(self.dataset.get("licence") or self.dataset.get("license") or "")


def find_nnunet(path: Path) -> Path | None:
    """Return the checkpoint of nnU-Net that a path means, or ``None`` where it means none."""
    if path.is_file():
        is_named = path.name.startswith("checkpoint_") and path.suffix == ".pth"
        return path if is_named else None
    if not path.is_dir():
        return None
    if not (path / PLANS).is_file() and not (path.parent / PLANS).is_file():
        # An archive of a model holds the trainer's folder in that of its data set.
        below = sorted({p.parent for depth in ("*", "*/*") for p in path.glob(f"{depth}/{PLANS}")})
        trainers = [folder for folder in below if list(folder.glob("fold_*"))]
        if len(trainers) > 1:
            raise ModelError(
                f"'{path}' holds several models of nnU-Net",
                got=", ".join(folder.name for folder in trainers),
                cure="Give one of their folders.",
            )
        if not trainers:
            return None
        path = trainers[0]
    folds = [path] if path.name.startswith("fold_") else sorted(path.glob("fold_*"))
    # A model of all cases before one of a fold.
    for fold in sorted(folds, key=lambda folder: (folder.name != "fold_all", folder.name)):
        for name in CHECKPOINTS:
            if (fold / name).is_file():
                return fold / name
    raise ModelError(f"'{path}' holds no checkpoint of nnU-Net", got="no fold_*", cure=_CURE)


def read_nnunet(checkpoint: Path) -> NnUNetModel:
    """Read a checkpoint of nnU-Net v2 with the plans beside it, or those that it holds itself.

    Raises
    ------
    ModelError
        If it is none, malicious, or of a network that ours cannot stand for.
    """
    weights = read_weights(checkpoint)
    root = weights.root if isinstance(weights.root, dict) else {}
    if not is_nnunet(weights.arrays):
        raise ModelError(
            f"'{checkpoint}' is no U-Net of nnU-Net v2", got=root.get("trainer_name"), cure=_CURE
        )
    started = root.get("init_args")
    started = started if isinstance(started, dict) else {}
    plans = _table(checkpoint, PLANS, started.get("plans"))
    dataset = _table(checkpoint, DATASET, started.get("dataset_json"))
    name = str(started.get("configuration") or checkpoint.parent.parent.name.rpartition("__")[2])
    try:
        configuration = _configuration(plans, name)
        shape = _architecture(configuration)
        mirrored = root.get("inference_allowed_mirroring_axes") or ()
        model = NnUNetModel(
            path=checkpoint,
            arrays=ours_of_nnunet(weights.arrays),
            configuration=configuration,
            dataset=dataset,
            plans=plans,
            mirror_axes=tuple(int(axis) for axis in mirrored),
            trainer=f"{root.get('trainer_name', 'nnU-Net')} {name}",
            **shape,
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ModelError(
            f"The plans of '{checkpoint}' cannot be followed",
            got=f"{type(error).__name__}: {error}",
            cure="Take the model's own plans.json and dataset.json.",
        ) from error
    return model


def _table(checkpoint: Path, name: str, held: Any) -> dict[str, Any]:
    for folder in (checkpoint.parent, checkpoint.parent.parent):
        if (folder / name).is_file():
            try:
                held = json.loads((folder / name).read_text(encoding="utf-8"))
            except ValueError as error:
                raise ModelError(f"'{folder / name}' is damaged", got=error, cure=_CURE) from error
            break
    if not isinstance(held, dict):
        raise ModelError(f"'{checkpoint}' comes without its {name}", cure=_CURE)
    return held


def _configuration(plans: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a configuration with what it inherits from others."""
    known = plans["configurations"]
    if name not in known:
        raise ModelError(
            "The plans know no such configuration", got=name or "no name", expected=", ".join(known)
        )
    chain = [known[name]]
    while "inherits_from" in chain[-1]:
        if len(chain) > len(known):
            raise ValueError("configurations inherit from each other")
        chain.append(known[chain[-1]["inherits_from"]])
    merged: dict[str, Any] = {}
    for table in reversed(chain):
        merged.update(table)
    return merged


def _architecture(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """Read the shape of the network, of plans before and since nnU-Net 2.3."""
    described = configuration.get("architecture")
    if described is None:
        n_levels = len(configuration["n_conv_per_stage_encoder"])
        base, most = configuration["UNet_base_num_features"], configuration["unet_max_num_features"]
        return _shape(
            configuration["UNet_class_name"],
            [min(base * 2**level, most) for level in range(n_levels)],
            configuration["pool_op_kernel_sizes"],
            configuration["conv_kernel_sizes"],
            configuration["n_conv_per_stage_encoder"],
            configuration["n_conv_per_stage_decoder"],
        )
    given = described["arch_kwargs"]
    doubts = {
        "norm_op": "InstanceNorm" in str(given["norm_op"]),
        "norm_op_kwargs": given["norm_op_kwargs"] == {"eps": 1e-05, "affine": True},
        "nonlin": given["nonlin"] in _LEAKY,
        "nonlin_kwargs": set(given.get("nonlin_kwargs") or ()) <= {"inplace"},
        "nonlin_first": not given.get("nonlin_first", False),
        "stem_channels": given.get("stem_channels") is None,
        "block": "Bottleneck" not in str(given.get("block")),
    }
    for key, is_ours in doubts.items():
        if not is_ours:
            raise ModelError(
                f"The network has another {key} than nnU-Net's own",
                got=given.get(key),
                cure="Only its default U-Nets, plain and with residual encoders, can be taken.",
            )
    blocks = given.get("n_blocks_per_stage", given.get("n_conv_per_stage"))
    return _shape(
        described["network_class_name"].rpartition(".")[2],
        given["features_per_stage"],
        given["strides"],
        given["kernel_sizes"],
        blocks,
        given["n_conv_per_stage_decoder"],
    )


def _shape(
    kind: str,
    widths: Sequence[int],
    strides: Sequence[Sequence[int]],
    kernels: Sequence[Sequence[int]],
    blocks: Sequence[int],
    decoder_convs: Sequence[int],
) -> dict[str, Any]:
    encoders = {"PlainConvUNet": "plain", "ResidualEncoderUNet": "residual"}
    if kind not in encoders:
        raise ModelError(
            "The network is none that ours can stand for", got=kind, expected=", ".join(encoders)
        )
    if max(strides[0]) > 1:
        raise ModelError("The network is strided at full resolution", got=strides[0])
    return {
        "encoder": encoders[kind],
        "widths": tuple(int(n) for n in widths),
        "strides": tuple(tuple(int(n) for n in stride) for stride in strides[1:]),
        "kernels": tuple(tuple(int(n) for n in kernel) for kernel in kernels),
        "blocks": tuple(int(n) for n in blocks),
        # Theirs are counted from the coarsest.
        "decoder_convs": tuple(int(n) for n in reversed(decoder_convs)),
    }
