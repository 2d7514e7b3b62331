"""What a MONAI bundle says of its model, read from its tables alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suffice.core import ModelError

METADATA = "configs/metadata.json"
MODEL = "models/model.pt"
_LICENCES = ("LICENSE", "LICENSE.txt", "docs/LICENSE", "docs/data_license.txt")


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A bundle of the MONAI model zoo.

    Parameters
    ----------
    weights : Path
        ``models/model.pt``.
    labels : tuple of str
        Its classes in order, the background first; empty where it does not say.
    spacing_mm : tuple of float
        That it resamples to, or empty.
    intensity : tuple of (low, high, mean, sd) or None
        That it normalises by, where it scales a fixed range.
    licence, name : str
    """

    weights: Path
    labels: tuple[str, ...]
    spacing_mm: tuple[float, ...]
    intensity: tuple[float, float, float, float] | None
    licence: str
    name: str


def is_bundle(path: Path) -> bool:
    """Whether a path is a bundle's folder."""
    return (path / METADATA).is_file()


def read_bundle(folder: Path) -> Bundle:
    """Read the tables of a bundle; nothing that its configuration names is made.

    Raises
    ------
    ModelError
        If its weights are missing, or a table is damaged.
    """
    weights = folder / MODEL
    if not weights.is_file():
        raise ModelError(
            f"The bundle '{folder}' has no {MODEL}",
            cure="Download it whole; a model.ts is a program and is not used.",
        )
    try:
        facts = json.loads((folder / METADATA).read_text(encoding="utf-8"))
        outputs = facts.get("network_data_format", {}).get("outputs", {})
        classes: dict[str, Any] = next(
            (o["channel_def"] for o in outputs.values() if "channel_def" in o), {}
        )
        labels = tuple(str(classes[key]) for key in sorted(classes, key=int))
        steps = list(_transforms(folder))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(
            f"The tables of the bundle '{folder}' cannot be read",
            got=f"{type(error).__name__}: {error}",
            cure="Download it again.",
        ) from error
    return Bundle(
        weights=weights,
        labels=labels,
        spacing_mm=_spacing(steps),
        intensity=_intensity(steps),
        licence=str(facts.get("license") or _first_line(folder)),
        name=str(facts.get("name") or folder.name),
    )


def _transforms(folder: Path) -> Iterator[dict[str, Any]]:
    """Give the steps of its preprocessing; YAML, which it may be in, is not read."""
    for name in ("inference.json", "train.json", "evaluate.json"):
        path = folder / "configs" / name
        if not path.is_file():
            continue
        found = _find_steps(json.loads(path.read_text(encoding="utf-8")))
        if found:
            yield from found
            return


def _find_steps(item: Any, depth: int = 0) -> list[dict[str, Any]]:
    if depth > 12:
        return []
    values = item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
    found = [item] if isinstance(item, dict) and "_target_" in item else []
    for value in values:
        found += _find_steps(value, depth + 1)
    return found


def _spacing(steps: list[dict[str, Any]]) -> tuple[float, ...]:
    for step in steps:
        spacing = step.get("pixdim")
        if str(step["_target_"]).endswith("Spacingd") and isinstance(spacing, list):
            numbers = [s for s in spacing if isinstance(s, int | float) and s > 0]
            if len(numbers) == len(spacing):
                return tuple(float(s) for s in numbers)
    return ()


def _intensity(steps: list[dict[str, Any]]) -> tuple[float, float, float, float] | None:
    for step in steps:
        keys = ("a_min", "a_max", "b_min", "b_max")
        numbers = [step.get(key) for key in keys]
        if not str(step["_target_"]).endswith("ScaleIntensityRanged"):
            continue
        if all(isinstance(n, int | float) for n in numbers):
            low, high, first, last = (float(n) for n in numbers if n is not None)
            if high > low and last > first:
                sd = (high - low) / (last - first)
                return low, high, low - first * sd, sd
    return None


def _first_line(folder: Path) -> str:
    for name in _LICENCES:
        if (folder / name).is_file():
            text = (folder / name).read_text(encoding="utf-8", errors="replace")
            lines = [line.strip() for line in text.splitlines() if line.strip()]
            return ", ".join(lines[:2])[:120]
    return ""
