"""What a network is asked to be fitted to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from suffice.core import Budget, Cohort, Listener
from suffice.training.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitting:
    """The arguments of a fit, as its steps hand them on.

    Parameters
    ----------
    labelled : Cohort
    budget : Budget
    seed : int
    workdir : Path
        Holds the store of prepared cases, the checkpoint and what a kind of model adds.
    listener : callable
    """

    labelled: Cohort
    budget: Budget
    seed: int
    workdir: Path
    listener: Listener

    @property
    def store(self) -> Store:
        """The prepared cases."""
        return Store(self.workdir / "store")
