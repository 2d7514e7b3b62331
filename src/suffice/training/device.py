"""The device that training runs on: Lightning Fabric, or one device by hand where it is absent."""

from __future__ import annotations

import importlib.util
import logging
import warnings
from contextlib import AbstractContextManager
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from suffice.training.machine import Machine


class Device(Protocol):
    """What the loop asks of a device; Fabric offers it under the same names."""

    @property
    def device(self) -> torch.device:
        """Where tensors lie."""

    def setup(self, module: nn.Module, optimizer: Optimizer) -> tuple[nn.Module, Optimizer]:
        """Move and wrap a network and its optimiser."""

    def autocast(self) -> AbstractContextManager[object]:
        """Compute in the plan's precision inside."""

    def backward(self, loss: Tensor) -> None:
        """Back-propagate."""

    def clip_gradients(
        self, module: nn.Module, optimizer: Optimizer, *, max_norm: float, error_if_nonfinite: bool
    ) -> Tensor:
        """Shorten the gradient to ``max_norm`` and return its length before.

        Half precision's gradients are scaled up, so that only the device knows their length.
        """


def make_device(machine: Machine, precision: str, *, together: bool = False) -> Device:
    """Return Fabric for the machine's accelerator.

    A bare GPU machine may have torch alone; `PlainDevice` then serves one device in fp32 or bf16.

    Parameters
    ----------
    machine : Machine
    precision : str
    together : bool
        Whether this process is one of those that train on all devices of the machine, see
        `suffice.training.together`; it then joins the others here.
    """
    if importlib.util.find_spec("lightning_fabric") is not None:
        from lightning_fabric import Fabric

        # Fabric wraps more than the protocol names, under wider signatures.
        fabric: Any = Fabric(
            accelerator=machine.accelerator,
            devices=machine.n_devices if together else 1,
            strategy="ddp" if together else "auto",
            precision=cast(Any, precision),
        )
        if together:
            # Each process would say that it is there.
            logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
            logging.getLogger("lightning.fabric").setLevel(logging.WARNING)
            fabric.launch()
            # Of gradients in the layout that convolutions are fast in; they are copied once more.
            warnings.filterwarnings("ignore", message="Grad strides do not match")
        return cast(Device, fabric)
    return PlainDevice(machine.accelerator, precision)


def unwrapped(module: nn.Module) -> Any:
    """Return the network inside what `Device.setup` made of it."""
    return getattr(module, "module", module)


class PlainDevice:
    """One device without Fabric."""

    def __init__(self, accelerator: str, precision: str) -> None:
        self.device = torch.device(accelerator)
        # Without a gradient scaler fp16 would underflow, so half precision means bf16 here.
        self.dtype = None if precision == "32-true" else torch.bfloat16

    def setup(self, module: nn.Module, optimizer: Optimizer) -> tuple[nn.Module, Optimizer]:
        """Move the network; its optimiser follows, as parameters are moved in place."""
        return module.to(self.device), optimizer

    def autocast(self) -> AbstractContextManager[object]:
        """Compute in half precision inside where the plan says so."""
        return torch.autocast(self.device.type, dtype=self.dtype, enabled=self.dtype is not None)

    def backward(self, loss: Tensor) -> None:
        """Back-propagate."""
        torch.autograd.backward(loss)

    def clip_gradients(
        self, module: nn.Module, optimizer: Optimizer, *, max_norm: float, error_if_nonfinite: bool
    ) -> Tensor:
        """Shorten the gradient to ``max_norm`` and return its length before."""
        return nn.utils.clip_grad_norm_(
            module.parameters(), max_norm, error_if_nonfinite=error_if_nonfinite
        )
