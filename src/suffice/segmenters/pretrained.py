"""Weights that know scans and no mask yet, for trainings to start from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar, NoReturn, Self

from suffice.augment import FAMILIES, POLICIES, without
from suffice.core import (
    Cohort,
    CohortError,
    Image,
    Listener,
    ModelError,
    UsageError,
    silent,
)
from suffice.segmenters.fitting import Fitting
from suffice.segmenters.starting import PRETRAINED
from suffice.segmenters.unet import UNetSegmenter
from suffice.segmenters.unlabelled import brighter_part, store_unlabelled
from suffice.training.machine import Machine
from suffice.training.objective import Objective
from suffice.training.plan import Plan
from suffice.training.pretext import Restoration, SparK
from suffice.training.store import Store

METHODS: dict[str, type[SparK] | type[Restoration]] = {
    SparK.name: SparK,
    Restoration.name: Restoration,
}
"""Ways to learn from scans alone, by name."""

POLICY = "light"
# Scans are moved; their intensities stay, as they are what is learned.
OTHER_FAMILIES = tuple(
    name
    for name in FAMILIES
    if without(POLICIES["strong"], name).spatial == POLICIES["strong"].spatial
)


class PretrainedUNet(UNetSegmenter):
    """A U-Net that learned to draw scans, and cannot segment.

    What it leaves is a folder that `UNetSegmenter` starts from by ``init``: encoder and decoder of
    the plan that a U-Net would make for the same scans, without a last layer.

    Parameters
    ----------
    method : str
        One of `METHODS`.
    plan : Plan, optional
        Of the training that is to follow. By default one is made for the labelled cases, where
        there are some.

    Raises
    ------
    UsageError
        If there is no such method.
    """

    rung: ClassVar[str] = PRETRAINED

    def __init__(self, *, method: str = SparK.name, plan: Plan | None = None) -> None:
        super().__init__(plan=None if plan is None else _for_scans(plan))
        if method not in METHODS:
            raise UsageError(
                "There is no such way to learn from scans alone",
                got=method,
                expected=", ".join(METHODS),
            )
        self.method = method

    @classmethod
    def refusal(cls, labelled: Cohort) -> CohortError | None:
        """Refuse a cohort without a scan."""
        if len(labelled):
            return None
        return CohortError("There is no scan to learn from", cure="Add scans to the cohort.")

    def _fit(self, fitting: Fitting, machine: Machine) -> Self:
        super()._fit(fitting, machine)
        self.card_ = replace(self.card_, method=self.method)
        return self

    def _kind(self) -> str:
        return f"{self.rung} by {self.method}"

    def _adapted(self, plan: Plan) -> Plan:
        return _for_scans(plan)

    def _learned(self, plan: Plan, store: Store, workdir: Path) -> Objective:
        return METHODS[self.method]()

    def _fill(self, fitting: Fitting, plan: Plan) -> None:
        store_unlabelled(
            fitting.store, fitting.labelled, plan, mark=brighter_part, listener=fitting.listener
        )

    def predict(
        self,
        image: Image,
        *,
        mirror: bool = False,
        keep_probabilities: bool = False,
        listener: Listener = silent,
    ) -> NoReturn:
        """Refuse: it knows no structure."""
        raise refusal_to_segment("These weights")

    @classmethod
    def load(cls, folder: Path) -> NoReturn:
        """Refuse: there is nothing that it could do but be started from."""
        raise refusal_to_segment(f"'{folder}'")


def refusal_to_segment(name: str) -> ModelError:
    """Say what pretrained weights are for."""
    return ModelError(
        f"{name} learned from scans without masks and cannot segment",
        cure="Train from it with some labelled cases: 'suffice train COHORT --init PRETRAINED'.",
    )


def _for_scans(plan: Plan) -> Plan:
    """Plan the same network for scans alone: two classes stand for where patches lie."""
    return replace(
        plan,
        n_classes=2,
        augmentation=POLICY,
        augmentation_without=OTHER_FAMILIES,
        mixing=(),
        mixing_probabilities=(),
    )
