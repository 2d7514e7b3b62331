"""What a model is and how it came to be: ``model.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from suffice.core import Channel, Cohort, Label, Legend, ModelError
from suffice.files import toml

CARD = "model.toml"


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
        Steps of a training, or candidates that a search compared.
    versions : dict
        Of suffice and the library that does the work.
    started_from, licence : str
        Trained weights that it goes back to, and the licence that binds them, where known.
    method : str
        How it learned, where its kind has several ways.
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
    started_from: str = ""
    licence: str = ""
    method: str = ""

    @classmethod
    def of(
        cls,
        cohort: Cohort,
        *,
        rung: str,
        minutes: float,
        seed: int,
        n_steps: int,
        library: str = "torch",
    ) -> ModelCard:
        """Describe a model trained on a cohort with the libraries at hand."""
        return cls(
            rung=rung,
            legend=cohort.legend.whole,
            channels=cohort.channels,
            n_cases=len(cohort),
            n_subjects=len(cohort.subjects),
            minutes=minutes,
            seed=seed,
            n_steps=n_steps,
            versions={name: version(name) for name in ("suffice", library)},
        )


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
            started_from=table.get("started_from", ""),
            licence=table.get("licence", ""),
            method=table.get("method", ""),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"'{path}' cannot be read", got=error, cure="Take the model folder's own copy back."
        ) from error


def card_to_toml(card: ModelCard) -> str:
    """Write a card as text, always in the same order."""
    lines = [
        f"rung = {toml(card.rung)}",
        f"n_cases = {card.n_cases}",
        f"n_subjects = {card.n_subjects}",
        f"minutes = {float(card.minutes)!r}",
        f"seed = {card.seed}",
        f"n_steps = {card.n_steps}",
    ]
    for key in ("method", "started_from", "licence"):
        if getattr(card, key):
            lines.append(f"{key} = {toml(getattr(card, key))}")
    for channel in card.channels:
        lines += ["", "[[channel]]"]
        lines += [f"{key} = {toml(getattr(channel, key))}" for key in ("name", "modality", "unit")]
    for label in card.legend:
        lines += ["", "[[label]]", f"value = {label.value}"]
        lines += [f"{key} = {toml(getattr(label, key))}" for key in ("name", "colour")]
        if label.code:
            lines.append(f"code = {toml(label.code)}")
    lines += ["", "[versions]"]
    lines += [f"{name} = {toml(number)}" for name, number in sorted(card.versions.items())]
    return "\n".join(lines) + "\n"
