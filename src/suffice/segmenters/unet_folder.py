"""What a network keeps in its model folder: ``plan.toml`` and ``weights.safetensors``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from safetensors.torch import load, save
from torch import Tensor

from suffice.core import ModelError
from suffice.segmenters.card import ModelCard
from suffice.segmenters.model_folder import naming_damage, read_model, write_model
from suffice.training.plan import Plan, plan_from_toml, plan_to_toml

PLAN, WEIGHTS = "plan.toml", "weights.safetensors"
_NOTHING: Mapping[str, bytes] = MappingProxyType({})


def write_unet(
    folder: Path,
    card: ModelCard,
    plan: Plan,
    weights: dict[str, Tensor],
    history: list[dict[str, float]],
    *,
    own: Mapping[str, bytes] = _NOTHING,
    overwrite: bool,
) -> None:
    """Write the model folder of a network whole or not at all; ``own`` is what its kind adds."""
    files = {
        PLAN: plan_to_toml(plan).encode(),
        # Not through safetensors' own writer, which tells a full disk by an error of its own.
        WEIGHTS: save({name: tensor.contiguous() for name, tensor in weights.items()}),
        **own,
    }
    write_model(folder, card, files, history, overwrite=overwrite)


def read_unet(
    folder: Path, own: Sequence[str] = ()
) -> tuple[ModelCard, Plan, dict[str, Tensor], list[dict[str, float]], dict[str, bytes]]:
    """Read the model folder of a network: card, plan, weights, history and its own files.

    Raises
    ------
    ModelError
        If a file is missing or damaged.
    """
    card, files, history = read_model(folder, (PLAN, WEIGHTS, *own))
    with naming_damage(folder / PLAN):
        plan = plan_from_toml(files[PLAN].decode())
    try:
        weights = load(files[WEIGHTS])
    except Exception as error:  # safetensors has one error type of its own for all damage
        raise ModelError(
            f"The weights of '{folder}' cannot be read", cure="Copy the folder again."
        ) from error
    return card, plan, weights, history, {name: files[name] for name in own}
