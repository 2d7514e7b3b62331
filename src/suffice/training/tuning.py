"""How weights that are trained already are changed: what stands still, what moves, and how far."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from suffice.core import UsageError

if TYPE_CHECKING:
    # Reading files needs libraries that a bare machine with a store lacks.
    from suffice.weights import Account

_PLACE = re.compile(r"(?:^|\.)(stem|encoder|lifts|decoder|heads)(?:\.(\d+))?(?:\.|$)")


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """How to go on from trained weights; what the source did not have always learns freely.

    Parameters
    ----------
    rate : float
        Learning rate of what was taken, as a part of that of the rest.
    frozen : float
        Part of the time in which the encoder, where it was taken, stands still.
    gradual : bool
        Whether it thaws stage by stage over this time, the deepest first.
    decay : float
        What the rate is multiplied by for each stage further from the output.
    l2_sp : float
        Pull towards the weights that were taken, in place of that towards zero.
    rank : int
        Convolutions that were taken change by a product of two matrices of this rank alone; 0
        lets them change freely.

    References
    ----------
    Howard and Ruder 2018, https://doi.org/10.18653/v1/P18-1031 (gradual thawing, rates by layer)
    Li, Grandvalet and Davoine 2018, https://arxiv.org/abs/1802.01483 (L2-SP)
    Hu et al. 2021, https://arxiv.org/abs/2106.09685 (low-rank adapters)

    Examples
    --------
    >>> tuning_named(["gradual", "l2-sp"])
    Tuning(rate=1.0, frozen=0.5, gradual=True, decay=1.0, l2_sp=0.1, rank=0)
    """

    rate: float = 1.0
    frozen: float = 0.0
    gradual: bool = False
    decay: float = 1.0
    l2_sp: float = 0.0
    rank: int = 0

    def __post_init__(self) -> None:
        good = {
            "rate": (0 < self.rate < math.inf, "a positive number"),
            "frozen": (0 <= self.frozen <= 1, "0 to 1"),
            "decay": (0 < self.decay <= 1, "above 0, to 1"),
            "l2_sp": (0 <= self.l2_sp < math.inf, "0 or more"),
            "rank": (self.rank >= 0, "0 or more"),
        }
        for key, (is_good, expected) in good.items():
            if not is_good:
                raise UsageError(
                    f"The tuning's {key} cannot be followed",
                    got=getattr(self, key),
                    expected=expected,
                )


TUNINGS = {
    "all": Tuning(),
    "slow": Tuning(rate=0.1),
    "frozen": Tuning(frozen=1.0),
    "gradual": Tuning(frozen=0.5, gradual=True),
    "layerwise": Tuning(decay=0.8),
    "l2-sp": Tuning(l2_sp=0.1),
    "low-rank": Tuning(rank=8),
}


def tuning_named(names: Sequence[str]) -> Tuning:
    """Put strategies together by their names.

    Raises
    ------
    UsageError
        If a name is unknown.
    """
    tuning = Tuning()
    for name in names:
        if name not in TUNINGS:
            raise UsageError(
                "There is no such way of tuning", got=name, expected=", ".join(TUNINGS)
            )
        changes = {
            field.name: getattr(TUNINGS[name], field.name)
            for field in fields(Tuning)
            if getattr(TUNINGS[name], field.name) != field.default
        }
        tuning = replace(tuning, **changes)
    return tuning


class Scratch:
    """A training that starts from random weights."""

    def prepare(self, network: nn.Module) -> None:
        """Change a network before the first step, or before a checkpoint is read into it."""

    def groups(self, network: nn.Module) -> Iterable[Any]:
        """Give the optimiser's groups of parameters; ``part`` is a group's part of the rate."""
        return network.parameters()

    def before_step(self, fraction: float) -> None:
        """Do what is due when ``fraction`` of the time is over."""

    def after_step(self, rate: float) -> None:
        """Do what follows a step at this learning rate."""

    def finish(self, network: nn.Module) -> None:
        """Leave a trained network as one that was trained from random weights."""


class Tuned(Scratch):
    """A training that starts from trained weights.

    Parameters
    ----------
    put : callable
        Puts the weights into a network.
    tuning : Tuning

    Attributes
    ----------
    account_ : Account
        What was taken.
    """

    account_: Account

    def __init__(self, put: Callable[[nn.Module], Account], tuning: Tuning) -> None:
        self.put, self.tuning = put, tuning
        self._thaw: dict[int, list[nn.Parameter]] = {}
        self._origins: list[tuple[nn.Parameter, Tensor]] = []
        self._taken: set[int] = set()

    def prepare(self, network: nn.Module) -> None:
        """Put the weights in, and mark what of them stands still or is held by a pull."""
        self.account_ = self.put(network)
        own = dict(network.named_parameters())
        names = [name for name in (*self.account_.taken, *self.account_.adapted) if name in own]
        n_levels = 1 + max((_place(name)[1] for name in own), default=0)
        self._taken = {id(own[name]) for name in names}
        if self.tuning.l2_sp > 0:
            self._origins = [(own[name], own[name].detach().clone()) for name in names]
        if self.tuning.rank > 0:
            _add_adapters(network, names, self.tuning.rank)
        # What an adapter changes never moves itself.
        free = [name for name in names if own[name].requires_grad]
        for name in free if self.tuning.frozen > 0 else []:
            part, level = _place(name)
            if part in ("stem", "encoder"):
                # The stem thaws last, after the finest stage.
                depth = n_levels - 1 - level + (part == "stem")
                self._thaw.setdefault(depth, []).append(own[name])

    def groups(self, network: nn.Module) -> Iterable[Any]:
        """Group parameters by their part of the rate and by what they are pulled to."""
        own = dict(network.named_parameters())
        n_levels = 1 + max((_place(name)[1] for name in own), default=0)
        groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
        for name, parameter in own.items():
            is_taken = id(parameter) in self._taken
            if not parameter.requires_grad:
                continue
            far = self.tuning.decay ** _distance(name, n_levels)
            part = self.tuning.rate * far if is_taken else 1.0
            groups.setdefault((part, is_taken), []).append(parameter)
        pulled = {"weight_decay": 0.0} if self.tuning.l2_sp > 0 else {}
        return [
            {"params": members, "part": part, **(pulled if is_taken else {})}
            for (part, is_taken), members in groups.items()
        ]

    def before_step(self, fraction: float) -> None:
        """Freeze what is to stand still by now, and thaw what is to move."""
        n_stages = 1 + max(self._thaw, default=0)
        for depth, members in self._thaw.items():
            share = (depth + 1) / n_stages if self.tuning.gradual else 1.0
            # To the end, where the whole time is asked for.
            is_frozen = fraction < self.tuning.frozen * share or self.tuning.frozen * share >= 1
            for parameter in members:
                parameter.requires_grad_(not is_frozen)

    @torch.no_grad()
    def after_step(self, rate: float) -> None:
        """Pull towards what was taken."""
        for i, (parameter, origin) in enumerate(self._origins):
            if origin.device != parameter.device:
                origin = origin.to(parameter.device)
                self._origins[i] = (parameter, origin)
            if parameter.requires_grad:
                parameter.lerp_(origin, min(1.0, rate * self.tuning.l2_sp))

    def finish(self, network: nn.Module) -> None:
        """Add the adapters to the weights that they change."""
        for module in network.modules():
            if parametrize.is_parametrized(module, "weight"):
                parametrize.remove_parametrizations(module, "weight")
        for parameter in network.parameters():
            parameter.requires_grad_(True)


class LowRank(nn.Module):
    """A change of a convolution's weights: nothing at first, of a low rank ever after."""

    def __init__(self, shape: torch.Size, rank: int) -> None:
        super().__init__()
        n_out, n_in = shape[0], shape[1:].numel()
        rank = min(rank, n_out, n_in)
        self.down = nn.Parameter(torch.empty(rank, n_in))
        self.up = nn.Parameter(torch.zeros(n_out, rank))
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))

    def forward(self, weight: Tensor) -> Tensor:
        """Add the change to a weight."""
        return weight + (self.up @ self.down).view(weight.shape)


def _add_adapters(network: nn.Module, names: Sequence[str], rank: int) -> None:
    """Freeze each convolution that was taken and lay a change of low rank beside it."""
    modules = dict(network.named_modules())
    for name in names:
        place, _, kind = name.rpartition(".")
        module = modules[place]
        weight = cast("Tensor", getattr(module, "weight", None))
        if kind != "weight" or weight.ndim < 3 or _place(name)[0] == "heads":
            continue
        weight.requires_grad_(False)
        change = LowRank(weight.shape, rank).to(weight.device)
        parametrize.register_parametrization(module, "weight", change)


def _place(name: str) -> tuple[str, int]:
    """Part of the U-Net that a parameter belongs to, and its resolution, the finest being 0."""
    match = _PLACE.search(name)
    return ("heads", 0) if match is None else (match[1], int(match[2] or 0))


def _distance(name: str, n_levels: int) -> int:
    """Stages between a parameter and the finest output."""
    part, level = _place(name)
    if part == "encoder":
        return 2 * (n_levels - 1) - level
    return 2 * n_levels - 1 if part == "stem" else level
