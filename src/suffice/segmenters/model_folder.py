"""A trained model on disk: its card, what its kind has learned, its history; nothing runs code."""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from suffice.core import ModelError
from suffice.files import require_free, writing_folder
from suffice.segmenters.card import CARD, ModelCard, card_to_toml, read_card

HISTORY = "history.csv"
HISTORY_COLUMNS = ("step", "seconds", "learning_rate", "loss", "dice")


def write_model(
    folder: Path,
    card: ModelCard,
    files: Mapping[str, bytes],
    history: Sequence[Mapping[str, float]],
    *,
    overwrite: bool,
) -> None:
    """Write a model folder whole or not at all; a folder that is no model is never replaced.

    Parameters
    ----------
    folder : Path
    card : ModelCard
    files : mapping of str to bytes
        What the model's kind keeps, by the name of the file.
    history : sequence of mapping
        Rows of ``history.csv``; a kind without a learning rate leaves its columns out.
    overwrite : bool
    """
    require_free(folder, overwrite=overwrite, mark=CARD)
    with writing_folder(folder, overwrite=overwrite) as partial:
        (partial / CARD).write_text(card_to_toml(card), encoding="utf-8")
        for name, content in files.items():
            (partial / name).write_bytes(content)
        with (partial / HISTORY).open("w", newline="", encoding="utf-8") as handle:
            columns = list(history[0]) if history else list(HISTORY_COLUMNS)
            writer = csv.DictWriter(handle, columns)
            writer.writeheader()
            writer.writerows({k: _written(v) for k, v in row.items()} for row in history)


def _written(number: float) -> float:
    """Leave out the point of a whole number, so that what was read is written as it was."""
    return int(number) if float(number).is_integer() else number


def read_model(
    folder: Path, names: Sequence[str]
) -> tuple[ModelCard, dict[str, bytes], list[dict[str, float]]]:
    """Read a model folder: its card, the files named and its history.

    Raises
    ------
    ModelError
        If a file is missing, or the card or the history is damaged.
    """
    card = read_card(folder)
    missing = [name for name in (*names, HISTORY) if not (folder / name).is_file()]
    if missing:
        raise ModelError(
            f"The model '{folder}' is incomplete",
            got=f"no {', '.join(missing)}",
            cure="Copy the whole folder, or train it again.",
        )
    files = {name: (folder / name).read_bytes() for name in names}
    path = folder / HISTORY
    with naming_damage(path), path.open(newline="", encoding="utf-8") as handle:
        rows = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(handle)]
    return card, files, rows


@contextlib.contextmanager
def naming_damage(path: Path) -> Iterator[None]:
    """Name the file of a model that what is read in this block comes from, if it is damaged.

    Raises
    ------
    ModelError
        In place of the errors that reading damaged text, tables and arrays gives.
    """
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"'{path}' cannot be read", cure="Take the model folder's own copy back."
        ) from error
