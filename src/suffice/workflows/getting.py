"""Public checkpoints: fetch one by its name, and make a model of ours of one of nnU-Net's."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from suffice.core import Listener, UsageError, silent
from suffice.files import require_free, write_text
from suffice.segmenters.card import CARD
from suffice.segmenters.converting import segmenter_of_nnunet
from suffice.weights.catalogue import Checkpoint, checkpoint_named, require_accepted
from suffice.weights.fetching import fetch
from suffice.weights.unpacking import unpack

LICENCE = "licence.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Got:
    """A checkpoint that is here now.

    Parameters
    ----------
    path : Path
        The file, or the folder that it was unpacked into: what ``--init`` takes.
    sha256, licence : str
    notes : tuple of str
        What a person should know: a hash that nobody stated.
    """

    path: Path
    sha256: str
    licence: str
    notes: tuple[str, ...] = ()


def get(
    name: str,
    out: Path,
    *,
    accept: str = "",
    known: tuple[Checkpoint, ...] | None = None,
    listener: Listener = silent,
) -> Got:
    """Fetch a checkpoint of the catalogue into ``out/NAME``, and unpack it if it is an archive.

    Parameters
    ----------
    name : str
    out : Path
    accept : str
        The licence that a person has read and accepts.
    known : tuple of Checkpoint, optional
        In the place of the catalogue.
    listener : callable

    Raises
    ------
    UsageError
        If the name is unknown, the licence not accepted, or it is to be had on its page alone.
    ModelError
        If it cannot be fetched, or is not what was published.
    """
    checkpoint = checkpoint_named(name, known)
    if checkpoint.use == "page":
        raise UsageError(
            f"'{name}' is not used by suffice and not fetched", cure=f"See {checkpoint.address}."
        )
    require_accepted(checkpoint, accept)
    folder = Path(out) / name
    fetched = fetch(
        checkpoint.address,
        folder / checkpoint.file_name,
        sha256=checkpoint.sha256,
        listener=listener,
    )
    path = fetched.path
    if path.suffix == ".zip":
        path = folder / "model"
        if not path.is_dir():
            unpack(fetched.path, path)
    facts = {"name": name, "licence": checkpoint.licence, "address": checkpoint.address}
    write_text(folder / LICENCE, json.dumps({**facts, "sha256": fetched.sha256}, indent=1))
    notes = []
    if not fetched.is_known:
        notes.append(
            f"its publisher states no hash: {fetched.sha256} is kept, and later downloads are"
            " compared with it"
        )
    return Got(path=path, sha256=fetched.sha256, licence=checkpoint.licence, notes=tuple(notes))


def convert(source: Path, out: Path, *, overwrite: bool = False) -> Path:
    """Make a model folder of a trained model of nnU-Net v2; nothing in it is run.

    Raises
    ------
    ModelError
        If it is none, or its network or preparation is not nnU-Net's default.
    """
    require_free(out, overwrite=overwrite, mark=CARD)
    segmenter_of_nnunet(Path(source)).save(out, overwrite=overwrite)
    return out
