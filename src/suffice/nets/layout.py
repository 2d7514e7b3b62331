"""Channels-last memory, in which convolutions run several times as fast on CPUs."""

from __future__ import annotations

from typing import Any, TypeVar

import torch
from torch import nn

LAYOUT = {2: torch.channels_last, 3: torch.channels_last_3d}

M = TypeVar("M", bound=nn.Module)


def channels_last(module: M, ndim: int) -> M:
    """Lay a module's weights out channels-last, in place."""
    untyped: Any = module
    untyped.to(memory_format=LAYOUT[ndim])
    return module
