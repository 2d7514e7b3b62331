"""A trained model on disk: card, plan, weights and history, and nothing that runs code."""

from __future__ import annotations

import contextlib
import csv
import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from safetensors.torch import load_file, save
from torch import Tensor

from suffice.core import Channel, Cohort, Label, Legend, ModelError
from suffice.files import require_free, writing_folder
from suffice.training.plan import Plan, plan_from_toml, plan_to_toml

CARD, PLAN, WEIGHTS, HISTORY = "model.toml", "plan.toml", "weights.safetensors", "history.csv"
HISTORY_COLUMNS = ("step", "seconds", "learning_rate", "loss", "dice")


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """What a model is and how it came to be.

    Parameters
    ----------
    rung : str
        The kind of model, e.g. ``"unet"``.
    legend : Legend
    channels : tuple of Channel
    n_cases, n_subjects : int
        That it was trained on.
    minutes : float
    seed, n_steps : int
    versions : dict
        Of suffice and torch.
    """

    rung: str
    legend: Legend
    channels: tuple[Channel, ...]
    n_cases: int
    n_subjects: int
    minutes: float
    seed: int
    n_steps: int
    versions: dict[str, str]

    @classmethod
    def of(cls, cohort: Cohort, *, rung: str, minutes: float, seed: int, n_steps: int) -> ModelCard:
        """Describe a model trained on a cohort with the libraries at hand."""
        return cls(
            rung=rung,
            legend=cohort.legend,
            channels=cohort.channels,
            n_cases=len(cohort),
            n_subjects=len(cohort.subjects),
            minutes=minutes,
            seed=seed,
            n_steps=n_steps,
            versions={name: version(name) for name in ("suffice", "torch")},
        )


def write_model(
    folder: Path,
    card: ModelCard,
    plan: Plan,
    weights: dict[str, Tensor],
    history: list[dict[str, float]],
    *,
    overwrite: bool,
) -> None:
    """Write a model folder whole or not at all; a folder that is no model is never replaced."""
    require_free(folder, overwrite=overwrite, mark=CARD)
    with writing_folder(folder, overwrite=overwrite) as partial:
        (partial / CARD).write_text(_card_to_toml(card), encoding="utf-8")
        (partial / PLAN).write_text(plan_to_toml(plan), encoding="utf-8")
        # Not through safetensors' own writer, which tells a full disk by an error of its own.
        (partial / WEIGHTS).write_bytes(save({k: v.contiguous() for k, v in weights.items()}))
        with (partial / HISTORY).open("w", newline="", encoding="utf-8") as handle:
            writer = csv.DictWriter(handle, HISTORY_COLUMNS)
            writer.writeheader()
            writer.writerows(history)


def read_card(folder: Path) -> ModelCard:
    """Read the card of a model folder.

    Raises
    ------
    ModelError
        If the folder is no model, or its card is damaged.
    """
    path = folder / CARD
    if not path.is_file():
        raise ModelError(
            f"'{folder}' is not a model", cure="Give a folder that 'suffice train' wrote."
        )
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        return ModelCard(
            rung=table["rung"],
            legend=Legend(tuple(Label(**entry) for entry in table["label"])),
            channels=tuple(Channel(**entry) for entry in table["channel"]),
            n_cases=table["n_cases"],
            n_subjects=table["n_subjects"],
            minutes=table["minutes"],
            seed=table["seed"],
            n_steps=table["n_steps"],
            versions=table["versions"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"'{path}' cannot be read", got=error, cure="Take the model folder's own copy back."
        ) from error


def read_model(
    folder: Path,
) -> tuple[ModelCard, Plan, dict[str, Tensor], list[dict[str, float]]]:
    """Read a model folder.

    Raises
    ------
    ModelError
        If a file is missing or damaged.
    """
    card = read_card(folder)
    missing = [name for name in (PLAN, WEIGHTS, HISTORY) if not (folder / name).is_file()]
    if missing:
        raise ModelError(
            f"The model '{folder}' is incomplete",
            got=f"no {', '.join(missing)}",
            cure="Copy the whole folder, or train it again.",
        )
    with _whole(folder / PLAN):
        plan = plan_from_toml((folder / PLAN).read_text(encoding="utf-8"))
    try:
        weights = load_file(folder / WEIGHTS)
    except Exception as error:  # safetensors has one error type of its own for all damage
        raise ModelError(
            f"The weights of '{folder}' cannot be read", cure="Copy the folder again."
        ) from error
    with _whole(folder / HISTORY), (folder / HISTORY).open(newline="", encoding="utf-8") as handle:
        rows = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(handle)]
    return card, plan, weights, rows


@contextlib.contextmanager
def _whole(path: Path) -> Iterator[None]:
    try:
        yield
    except (TypeError, ValueError) as error:
        raise ModelError(
            f"'{path}' cannot be read", cure="Take the model folder's own copy back."
        ) from error


def _card_to_toml(card: ModelCard) -> str:
    lines = [
        f"rung = {_toml(card.rung)}",
        f"n_cases = {card.n_cases}",
        f"n_subjects = {card.n_subjects}",
        f"minutes = {float(card.minutes)!r}",
        f"seed = {card.seed}",
        f"n_steps = {card.n_steps}",
    ]
    for channel in card.channels:
        lines += ["", "[[channel]]"]
        lines += [f"{key} = {_toml(getattr(channel, key))}" for key in ("name", "modality", "unit")]
    for label in card.legend:
        lines += ["", "[[label]]", f"value = {label.value}"]
        lines += [f"{key} = {_toml(getattr(label, key))}" for key in ("name", "colour")]
        if label.code:
            lines.append(f"code = {_toml(label.code)}")
    lines += ["", "[versions]"]
    lines += [f"{name} = {_toml(number)}" for name, number in sorted(card.versions.items())]
    return "\n".join(lines) + "\n"


def _toml(text: str) -> str:
    # A JSON string is a valid TOML basic string, but for the escapes of emoji and a bare DEL.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
