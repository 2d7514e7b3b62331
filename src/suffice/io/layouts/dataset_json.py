"""What the ``dataset.json`` of the Decathlon and of nnU-Net says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from suffice.core import Channel, CohortError, Modality, Unit

DATASET_JSON = "dataset.json"
_MR = ("mr", "t1", "t2", "flair", "pd", "dwi", "adc", "dce", "swi", "bold")


def read_dataset_json(source: Path) -> dict[str, Any]:
    """Read ``dataset.json``.

    Raises
    ------
    CohortError
        If it is missing or no JSON object.
    """
    path = source / DATASET_JSON
    if not path.is_file():
        raise CohortError(f"'{source}' has no {DATASET_JSON}", cure="Choose another layout.")
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise CohortError(f"'{path}' is not JSON", got=error, cure="Mend the file.") from error
    if not isinstance(content, dict):
        raise CohortError(f"'{path}' is not a JSON object", got=type(content).__name__)
    return content


def peek(source: Path) -> dict[str, Any]:
    """Read ``dataset.json``, or give an empty dict where that cannot be."""
    try:
        return read_dataset_json(source)
    except CohortError:
        return {}


def labels_of(content: Mapping[str, Any]) -> tuple[dict[int, str], list[str]]:
    """Give ``{value: name}`` of the structures, and notes about what has no value.

    Examples
    --------
    >>> labels_of({"labels": {"0": "background", "1": "kidney"}})
    ({1: 'kidney'}, [])
    >>> labels_of({"labels": {"background": 0, "whole": [1, 2], "core": 2}})[0]
    {2: 'core'}
    """
    labels: dict[int, str] = {}
    notes = []
    table = content.get("labels")
    for key, item in (table if isinstance(table, dict) else {}).items():
        value, name = (key, item) if str(key).isdecimal() else (item, key)
        if name == "ignore":
            notes.append(f"Voxels of the label 'ignore' ({value}) are taken as unlabelled")
        elif isinstance(value, list):
            notes.append(f"The region '{name}' of labels {value} is not taken: draw it from them")
        elif str(value).isdecimal() and int(value) > 0:
            labels[int(value)] = str(name)
    return dict(sorted(labels.items())), notes


def ignore_of(content: Mapping[str, Any]) -> int | None:
    """Give the value of unlabelled voxels, which nnU-Net calls ``ignore``.

    Examples
    --------
    >>> ignore_of({"labels": {"background": 0, "kidney": 1, "ignore": 2}})
    2
    """
    table = content.get("labels")
    value = table.get("ignore") if isinstance(table, dict) else None
    return int(str(value)) if str(value).isdecimal() else None


def channels_of(content: Mapping[str, Any]) -> list[Channel]:
    """Give the channels in the order of their numbers, with the modality that the names tell."""
    table = content.get("channel_names") or content.get("modality") or {}
    if not isinstance(table, dict):
        return []
    names = [str(table[key]) for key in sorted(table, key=lambda k: (len(str(k)), str(k)))]
    channels: list[Channel] = []
    for name in names:
        slug = "".join(c if c.isalnum() else "-" for c in name.lower()).strip("-") or "image"
        taken = {channel.name for channel in channels}
        unique = slug if slug not in taken else f"{slug}-{len(channels)}"
        channels.append(Channel(unique, *kind_of(name)))
    return channels


def kind_of(name: str) -> tuple[Modality, Unit]:
    """Guess modality and unit from the name of a channel.

    Examples
    --------
    >>> kind_of("CT"), kind_of("FLAIR"), kind_of("zscore")
    (('CT', 'HU'), ('MR', 'none'), ('OTHER', 'none'))
    """
    low = name.lower().strip()
    if low == "ct" or low.startswith(("ct ", "ct_", "ct-")):
        return "CT", "HU"
    if low.startswith("pet"):
        return "PET", "none"
    return ("MR" if low.startswith(_MR) else "OTHER"), "none"
