"""The autoencoder rung: what a network of healthy images cannot redraw is marked."""

from __future__ import annotations

import time
import tomllib
from dataclasses import asdict, replace
from typing import ClassVar, Self

from suffice.core import Cohort, CohortError
from suffice.files import toml
from suffice.nets import VAE, AnomalyLogits, AnomalyRule
from suffice.segmenters.anomalies import residual_maps, search_rule
from suffice.segmenters.fitting import Fitting
from suffice.segmenters.protocol import refuse_unlabelled
from suffice.segmenters.unet import UNetSegmenter
from suffice.training.healthy import HealthyImages
from suffice.training.machine import Machine
from suffice.training.objective import Objective
from suffice.training.plan import Plan

RULE = "anomaly.toml"


class VAESegmenter(UNetSegmenter):
    """A variational autoencoder that never sees what was drawn, and marks what it cannot redraw.

    It learns from every image outside of what was drawn there: whole images where a mask is
    empty, the surroundings of the structure elsewhere. The masks then serve once more, to search
    the side, the averaging and the threshold of the residual.

    Attributes
    ----------
    rule_ : AnomalyRule
    """

    rung: ClassVar[str] = "vae"
    objective: ClassVar[Objective] = HealthyImages()
    kept_back: ClassVar[float] = 0.1
    own_names: ClassVar[tuple[str, ...]] = (RULE,)
    _network: VAE
    rule_: AnomalyRule

    @classmethod
    def refusal(cls, labelled: Cohort) -> CohortError | None:
        """Refuse cohorts with several structures, which are no anomaly."""
        if labelled.legend.n_classes == 2:
            return refuse_unlabelled(labelled)
        return CohortError(
            "An autoencoder tells what is unlike the rest, not which structure it is",
            got=", ".join(label.name for label in labelled.legend),
            expected="one structure, as a tumour or a nodule",
            cure="Leave one label in cohort.toml, or train a 'unet'.",
        )

    def _adapted(self, plan: Plan) -> Plan:
        # Patches from everywhere; changes that scanners do not make would be redrawn for nothing.
        return replace(plan, foreground=0.0, augmentation="light")

    def _fit(self, fitting: Fitting, machine: Machine) -> Self:
        super()._fit(fitting, machine)
        until = time.monotonic() + self.kept_back * fitting.budget.seconds
        cases = fitting.store.read(fitting.labelled.names)
        maps = residual_maps(
            self._network, cases, self.plan_, machine, fitting.seed, fitting.listener
        )
        self.rule_ = search_rule(maps, until=until)
        return self

    def _predictor(self) -> AnomalyLogits:
        return AnomalyLogits(self._network, self.rule_)

    def _own_files(self) -> dict[str, bytes]:
        lines = [f"{key} = {toml(value)}\n" for key, value in asdict(self.rule_).items()]
        return {RULE: "".join(lines).encode()}

    def _take_own(self, files: dict[str, bytes]) -> None:
        self.rule_ = AnomalyRule(**tomllib.loads(files[RULE].decode()))
