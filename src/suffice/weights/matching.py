"""Put weights into a network by name and shape, with an account of what was taken."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from suffice.core import ModelError
from suffice.weights.adapting import Rules, reshaped

# With less than this of a network's parameters, the source is another network.
LEAST_SHARE = 0.05
# What programs wrap a network in stands before the names of its arrays.
_DEEPEST_PREFIX = 3
# A network around a U-Net holds it under this name.
INNER = "backbone."


@dataclass(frozen=True)
class Account:
    """What of a source was put into a network.

    Parameters
    ----------
    taken : tuple of str
        Arrays of the network that are the source's as they were.
    adapted : dict of str to str
        Those that are the source's in another shape, and what was done.
    new : tuple of str
        Those that the source does not have.
    left : tuple of str
        Arrays of the source that the network does not have.
    share : float
        Of the network's parameters that come from the source.
    share_left : float
        Of the source's numbers that were not used.
    """

    taken: tuple[str, ...]
    adapted: Mapping[str, str]
    new: tuple[str, ...]
    left: tuple[str, ...]
    share: float
    share_left: float

    def __str__(self) -> str:
        n = len(self.taken) + len(self.adapted)
        words = f"{n} of {n + len(self.new)} arrays taken"
        words += f" ({100 * self.share:.1f} % of the network's parameters)"
        if self.adapted:
            kinds = {
                done: sum(d == done for d in self.adapted.values())
                for done in dict.fromkeys(self.adapted.values())
            }
            words += ", of them adapted: " + "; ".join(f"{n} {done}" for done, n in kinds.items())
        if self.new:
            words += f". New: {_some(self.new)}"
        if self.left:
            words += f". Left of the file: {len(self.left)} arrays"
            words += f" ({100 * self.share_left:.1f} % of its numbers), {_some(self.left)}"
        return words


def _some(names: Iterable[str], n: int = 4) -> str:
    """Name layers, the first few."""
    layers = list(dict.fromkeys(name.rsplit(".", 1)[0] for name in names))
    rest = f" and {len(layers) - n} more layers" if len(layers) > n else ""
    return ", ".join(layers[:n]) + rest


@torch.no_grad()
def take(network: nn.Module, arrays: Mapping[str, Tensor], rules: Rules | None = None) -> Account:
    """Put every array into a network that has one of its name, and of its shape or one near it.

    Parameters
    ----------
    network : nn.Module
        Changed in place; what the source does not have stays as it is.
    arrays : mapping of str to tensor
        By the network's names, or these behind a prefix such as ``module.``.
    rules : Rules, optional

    Raises
    ------
    ModelError
        If hardly anything fits: the source is another network.
    """
    rules = rules or Rules()
    own = network.state_dict()
    prefix = _prefix(own, arrays)
    modules = dict(network.named_modules())
    first = next((name for name, array in own.items() if array.ndim > 2), "")
    taken: list[str] = []
    adapted: dict[str, str] = {}
    used: set[str] = set()
    for name, target in own.items():
        key = prefix + name.removeprefix(INNER)
        source = arrays.get(key)
        if source is None:
            continue
        module = modules.get(name.rpartition(".")[0])
        done: str | None
        if "heads" in name.split("."):
            done = _take_rows(target, source, rules)
        elif source.shape == target.shape:
            target.copy_(source)
            done = ""
        else:
            is_transposed = isinstance(module, nn.ConvTranspose2d | nn.ConvTranspose3d)
            fitted = reshaped(
                source, target.shape, rules, is_input=name == first, is_transposed=is_transposed
            )
            done = None
            if fitted is not None:
                target.copy_(fitted[0])
                done = fitted[1]
        if done is None:
            continue
        used.add(key)
        if done:
            adapted[name] = done
        else:
            taken.append(name)
    return _account(own, arrays, taken, adapted, used)


def _account(
    own: Mapping[str, Tensor],
    arrays: Mapping[str, Tensor],
    taken: list[str],
    adapted: dict[str, str],
    used: set[str],
) -> Account:
    got = {*taken, *adapted}
    share = sum(own[name].numel() for name in got) / sum(a.numel() for a in own.values())
    left = tuple(name for name in arrays if name not in used)
    n_left = sum(arrays[name].numel() for name in left)
    if share < LEAST_SHARE:
        raise ModelError(
            "The weights are of another network",
            got=f"{100 * share:.1f} % of the parameters by name and shape",
            expected=f"names such as {', '.join(itertools.islice(own, 2))}",
            cure="Give a model of suffice, nnU-Net v2 or a MONAI bundle, or leave --init out.",
        )
    return Account(
        taken=tuple(taken),
        adapted=adapted,
        new=tuple(name for name in own if name not in got),
        left=left,
        share=share,
        share_left=n_left / max(1, sum(math.prod(a.shape) for a in arrays.values())),
    )


def _take_rows(target: Tensor, source: Tensor, rules: Rules) -> str | None:
    """Copy the rows of the classes that both know."""
    if source.ndim < target.ndim:
        source = source.reshape(*source.shape, *(1,) * (target.ndim - source.ndim))
    elif source.ndim > target.ndim:
        source = source.flatten(target.ndim - 1)[..., :1].reshape(*source.shape[: target.ndim])
    if source.shape[1:] != target.shape[1:]:
        return None
    rows = rules.classes
    if rows is None:
        if source.shape != target.shape:
            return None
        rows = {k: k for k in range(len(target))}
    if not rows:
        return None
    for mine, theirs in rows.items():
        target[mine] = source[theirs]
    is_whole = len(rows) == len(target) and all(a == b for a, b in rows.items())
    return "" if is_whole else f"rows of {len(rows)} of {len(target)} classes"


def _prefix(own: Mapping[str, Tensor], arrays: Mapping[str, Tensor]) -> str:
    """Find what stands before the network's names in a file."""
    candidates = {""}
    for name in arrays:
        parts = name.split(".")
        for n in range(1, min(_DEEPEST_PREFIX, len(parts) - 1) + 1):
            candidates.add(".".join(parts[:n]) + ".")
    inner = [name.removeprefix(INNER) for name in own]
    return max(sorted(candidates), key=lambda p: sum(p + name in arrays for name in inner))
