"""Arrays by name from a file of weights, whatever wrote it; nothing in a file is ever run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import safe_open
from torch import Tensor

from suffice.core import ModelError
from suffice.nets.torch_archive import read_archive

SAFETENSORS = ".safetensors"
_OTHERS = {
    ".onnx": "an ONNX graph",
    ".h5": "a Keras file",
    ".keras": "a Keras file",
    ".pb": "a TensorFlow graph",
    ".npz": "arrays of numpy",
    ".engine": "a TensorRT engine",
}


@dataclass(frozen=True, eq=False)
class Weights:
    """The arrays of a file.

    Parameters
    ----------
    path : Path
    arrays : mapping of str to tensor
        Floating ones in single precision.
    root : object
        What else a checkpoint of torch holds, as plain values.
    facts : mapping of str to str
        What the header of a safetensors file says.
    """

    path: Path
    arrays: Mapping[str, Tensor]
    root: Any = None
    facts: Mapping[str, str] = field(default_factory=dict)


def read_weights(path: Path) -> Weights:
    """Read safetensors, or what ``torch.save`` wrote in either of its formats.

    Raises
    ------
    ModelError
        If the file is of another kind, a program, damaged, or names what no checkpoint needs.
    """
    if path.suffix.lower() in _OTHERS:
        raise ModelError(
            f"'{path}' is {_OTHERS[path.suffix.lower()]}",
            expected="safetensors, or a checkpoint of torch",
            cure="Export the weights with torch.save(model.state_dict(), ...).",
        )
    if path.suffix.lower() != SAFETENSORS:
        archive = read_archive(path)
        return Weights(path, archive.arrays, archive.root)
    if not path.is_file():
        raise ModelError(f"'{path}' does not exist", cure="Check the path.")
    try:
        with safe_open(path, framework="pt") as opened:
            arrays = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
            facts = dict(opened.metadata() or {})
    except Exception as error:  # safetensors has one error type of its own for all damage
        raise ModelError(
            f"'{path}' cannot be read as safetensors", cure="Copy or download it again."
        ) from error
    single = {n: a.float() if a.is_floating_point() else a for n, a in arrays.items()}
    return Weights(path, single, facts=facts)
