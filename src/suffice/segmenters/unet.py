"""The U-Net rung: plan from the cohort, train within the minutes, predict on any grid."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt
from torch import nn

from suffice.core import (
    Budget,
    Case,
    Channel,
    Cohort,
    CohortError,
    Image,
    LabelMap,
    Legend,
    Listener,
    ModelError,
    Progress,
    silent,
)
from suffice.io import read_case_image, read_case_mask
from suffice.segmenters.card import ModelCard
from suffice.segmenters.fitting import Fitting
from suffice.segmenters.framing import prepare_like_others, prepare_mask
from suffice.segmenters.model_folder import naming_damage
from suffice.segmenters.on_grid import run_on_grid
from suffice.segmenters.planning import plan_for
from suffice.segmenters.protocol import Prediction, refuse_unlabelled
from suffice.segmenters.starting import Source, read_source
from suffice.segmenters.starting_plan import plan_from_source, start_from
from suffice.segmenters.unet_folder import read_unet, write_unet
from suffice.segmenters.work_folder import claim, keep_plan
from suffice.training.loop import train
from suffice.training.machine import Machine, detect_machine, threads_on
from suffice.training.memory import naming_full_memory
from suffice.training.objective import Objective
from suffice.training.partly_labelled import PartlyLabelled
from suffice.training.plan import Plan
from suffice.training.store import Store
from suffice.training.together import require_devices
from suffice.training.tuning import Tuned, Tuning

# Reading and calibrating may eat into the budget, but never more than this part of it.
LEAST_TRAINING = 0.5
_TRAIN_CURE = (
    "Close other programs that hold memory and start again: the training goes on where it was. Or"
    " lower batch_size in '{}/plan.toml' first."
)
PREDICT_CURE = "Close other programs that hold memory, or predict without probabilities."


class UNetSegmenter:
    """A U-Net with a residual encoder that plans itself from cohort, machine and minutes.

    Parameters
    ----------
    plan : Plan, optional
        A plan to follow instead; its minutes and speed are not looked at.
    init : Path, optional
        Trained weights to start from, see `suffice.segmenters.starting`. Nothing in them is run.
    tuning : Tuning, optional
        How they are changed; by default all of them freely.
    consistency : bool
        Whether voxels that nobody labelled teach, too, see `PartlyLabelled`.
    devices : int
        GPUs, or processes that share the cores where there is none, that train together.

    Attributes
    ----------
    plan_ : Plan
    legend_ : Legend
    history_ : list of dict
        Rows of ``step, seconds, learning_rate, loss, dice`` of the training.
    notes_ : tuple of str
        What a person should know of the training: what it started from.
    """

    rung: ClassVar[str] = "unet"
    encoder: ClassVar[str] = "residual"
    objective: ClassVar[Objective] = PartlyLabelled()
    # What of the time for training a kind keeps for what it does afterwards.
    kept_back: ClassVar[float] = 0.0
    own_names: ClassVar[tuple[str, ...]] = ()

    _network: nn.Module
    plan_: Plan
    legend_: Legend
    history_: list[dict[str, float]]
    card_: ModelCard
    notes_: tuple[str, ...] = ()
    _source: Source | None = None

    @property
    def channels_(self) -> tuple[Channel, ...]:
        """The channels that the model was trained on, in order."""
        return self.card_.channels

    @property
    def network_(self) -> nn.Module:
        """The trained network."""
        self._require_fitted()
        return self._network

    def __init__(
        self,
        *,
        plan: Plan | None = None,
        init: Path | None = None,
        tuning: Tuning | None = None,
        consistency: bool = True,
        devices: int = 1,
    ) -> None:
        self.plan, self.init, self.tuning, self.consistency = plan, init, tuning, consistency
        self.devices = devices

    @classmethod
    def refusal(cls, labelled: Cohort) -> CohortError | None:
        """Refuse what every kind of model refuses; voxels that nobody labelled are left out."""
        return refuse_unlabelled(labelled, partly=True)

    def fit(
        self,
        labelled: Cohort,
        *,
        budget: Budget,
        seed: int,
        workdir: Path,
        listener: Listener = silent,
    ) -> Self:
        """Train on every labelled case of the cohort.

        Parameters
        ----------
        labelled : Cohort
            Cases without a mask are refused: they would be learned as background.
        budget : Budget
            Reading, planning and training together.
        seed : int
        workdir : Path
            Holds the preprocessed cases and the checkpoint; a fit that was killed goes on from
            it when called with the same arguments.
        listener : callable

        Raises
        ------
        CohortError
            If the cohort is empty or has a case without a mask.
        UsageError
            If ``workdir`` belongs to another training.
        OutOfMemoryError
            If the memory of the machine or its GPU does not suffice.
        """
        with naming_full_memory("training", cure=_TRAIN_CURE.format(workdir)):
            machine = replace(detect_machine(), n_devices=self.devices)
            require_devices(machine)
            with threads_on(machine.n_cores):
                fitting = Fitting(
                    labelled=labelled,
                    budget=budget,
                    seed=seed,
                    workdir=workdir,
                    listener=listener,
                )
                return self._fit(fitting, machine)

    def _fit(self, fitting: Fitting, machine: Machine) -> Self:
        started = time.monotonic()
        labelled = fitting.labelled
        refusal = self.refusal(labelled)
        if refusal is not None:
            raise refusal
        if self.init is not None:
            self._source = read_source(self.init)
        plan, train_seconds = self._prepare(fitting, machine, started)
        start = start_from(self._source, labelled.legend, self.tuning)
        trained = train(
            plan,
            fitting.store.read(labelled.names),
            seconds=(1 - self.kept_back) * train_seconds,
            seed=fitting.seed,
            machine=machine,
            checkpoint=fitting.workdir / "checkpoint.pt",
            objective=self._learned(plan, fitting.store, fitting.workdir),
            start=start,
            listener=fitting.listener,
        )
        self._network = trained.network
        self.plan_, self.legend_, self.history_ = plan, labelled.legend.whole, trained.history
        self.card_ = ModelCard.of(
            labelled,
            rung=self.rung,
            minutes=fitting.budget.minutes,
            seed=fitting.seed,
            n_steps=trained.n_steps,
        )
        if self._source is not None and isinstance(start, Tuned):
            account = self._source.account(start.account_)
            self.notes_ = (account, *self.notes_)
            self.card_ = self._source.onto(self.card_)
            fitting.listener(Progress("init", 1.0, note=account))
        return self

    def _prepare(self, fitting: Fitting, machine: Machine, started: float) -> tuple[Plan, float]:
        """Plan and fill the store, or find both as an earlier start left them."""
        budget, store = fitting.budget, fitting.store
        plan = claim(
            fitting.workdir,
            self._seen(fitting.labelled),
            rung=self._kind() + self._origin(),
            budget=budget,
            seed=fitting.seed,
            plan=self.plan,
        )
        given = (store.settings() or {}).get("train_seconds")
        if plan is not None and isinstance(given, int | float):
            # What a disk has lost of the store since is prepared again.
            self._fill(fitting, plan)
            return plan, float(given)
        if plan is None:
            plan = self.plan or plan_for(
                fitting.labelled,
                budget=budget,
                machine=machine,
                seed=fitting.seed,
                started=started,
                encoder=self.encoder,
                listener=fitting.listener,
            )
            if self._source is not None and self.plan is None:
                left = max(budget.seconds - (time.monotonic() - started), budget.seconds / 2)
                plan, notes = plan_from_source(
                    plan, self._source, machine=machine, train_seconds=left
                )
                self.notes_ = (*self.notes_, *notes)
            plan = plan if self.plan else self._adapted(plan)
            keep_plan(fitting.workdir, plan)
        self._fill(fitting, plan)
        spent = time.monotonic() - started
        train_seconds = max(budget.seconds - spent, LEAST_TRAINING * budget.seconds)
        store.close({"train_seconds": train_seconds})
        return plan, train_seconds

    def _kind(self) -> str:
        """Say what is trained, in the words of a work folder's owner."""
        kind = self.rung if self.consistency else f"{self.rung} without consistency"
        return kind if self.devices == 1 else f"{kind} on {self.devices} devices"

    def _origin(self) -> str:
        """Tell a training from given weights from one without, and from one of other ways."""
        return "" if self._source is None else f" from {self._source.digest} by {self.tuning}"

    def _seen(self, labelled: Cohort) -> Cohort:
        """Return all cases that a training looks at."""
        return labelled

    def _learned(self, plan: Plan, store: Store, workdir: Path) -> Objective:
        """Return what is learned."""
        switched_off = isinstance(self.objective, PartlyLabelled) and not self.consistency
        return PartlyLabelled(consistency=0.0) if switched_off else self.objective

    def _adapted(self, plan: Plan) -> Plan:
        """Change what a plan of the U-Net must differ in for this kind."""
        return plan

    def _fill(self, fitting: Fitting, plan: Plan) -> None:
        labelled, store = fitting.labelled, fitting.store
        for i, case in enumerate(labelled.cases):
            if store.has(case.name):
                continue
            fitting.listener(Progress("prepare", i / len(labelled), note=case.name))
            image = read_case_image(labelled, case)
            masks = [prepare_mask(mask, image, plan) for mask in self._masks(labelled, case)]
            prepared = prepare_like_others(image, plan, f"Case '{case.name}'")
            # Seeded by case, so that a store filled in two starts equals one filled in one.
            rng = np.random.default_rng([fitting.seed, i])
            raters = masks if len(masks) > 1 else ()
            unlabelled = None if labelled.legend.ignore is None else plan.n_classes
            store.add(case.name, prepared, masks[0], rng, raters=raters, unlabelled=unlabelled)

    def _masks(self, labelled: Cohort, case: Case) -> list[LabelMap]:
        """Read what of a case is learned from: the first rater's mask."""
        return [read_case_mask(labelled, case)]

    def predict(
        self,
        image: Image,
        *,
        mirror: bool = False,
        keep_probabilities: bool = False,
        listener: Listener = silent,
    ) -> Prediction:
        """Segment an image on its own grid.

        Parameters
        ----------
        image : Image
            Of the channels and number of axes that the model was trained on.
        mirror : bool
            Average over the mirrored images as well, where mirroring was trained.
        keep_probabilities : bool
            Return the probabilities too; they take ``2 K`` bytes a voxel.

        Raises
        ------
        ModelError
            If the segmenter is not fitted or the image does not fit it.
        OutOfMemoryError
            If the memory of the machine or its GPU does not suffice.
        """
        self._require_fitted()
        with naming_full_memory("this scan", cure=PREDICT_CURE):
            machine = detect_machine()
            with threads_on(machine.n_cores):
                out = run_on_grid(
                    self._predictor(),
                    image,
                    self.plan_,
                    machine=machine,
                    n_classes=self.plan_.n_classes,
                    probabilities=keep_probabilities,
                    mirror=mirror,
                    listener=listener,
                )
        if not keep_probabilities:
            return Prediction(self._labels(out, image))
        return Prediction(self._labels(out.argmax(0).astype(np.uint8), image), out)

    def _labels(self, classes: npt.NDArray[np.uint8], image: Image) -> LabelMap:
        return LabelMap(self.legend_.from_classes(classes), image.grid, self.legend_)

    def _predictor(self) -> nn.Module:
        """Return what gives the logits of an image."""
        return self._network

    def _require_fitted(self) -> None:
        if not hasattr(self, "_network"):
            raise ModelError("The segmenter is not trained", cure="Call fit, or load a model.")

    def save(self, folder: Path, *, overwrite: bool = False) -> None:
        """Write ``plan.toml``, ``model.toml``, ``weights.safetensors`` and ``history.csv``."""
        self._require_fitted()
        weights = {name: t.detach().cpu() for name, t in self._network.state_dict().items()}
        parts = (self.card_, self.plan_, weights, self.history_)
        write_unet(folder, *parts, own=self._own_files(), overwrite=overwrite)

    def _own_files(self) -> dict[str, bytes]:
        """Return what this kind keeps beside plan and weights; `_take_own` is its inverse."""
        return {}

    def _take_own(self, files: dict[str, bytes]) -> None:
        """Take over what `_own_files` gave."""

    @classmethod
    def of_parts(
        cls,
        card: ModelCard,
        plan: Plan,
        network: nn.Module,
        history: Sequence[dict[str, float]] = (),
    ) -> Self:
        """Put a trained segmenter together."""
        segmenter = cls()
        segmenter._network = network.eval()
        segmenter.plan_, segmenter.legend_ = plan, card.legend
        segmenter.history_, segmenter.card_ = [*history], card
        return segmenter

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a model that `save` wrote.

        Raises
        ------
        ModelError
            If a file is missing or damaged, or the weights do not fit the plan.
        """
        card, plan, weights, history, own = read_unet(folder, cls.own_names)
        try:
            network = cls.objective.build(plan)
            network.load_state_dict(weights)
        except (RuntimeError, KeyError, ValueError, TypeError) as error:
            raise ModelError(
                f"The weights in '{folder}' do not fit its plan",
                cure="Take the model folder's own copy back.",
            ) from error
        segmenter = cls.of_parts(card, plan, network, history)
        with naming_damage(folder / ", ".join(cls.own_names)):
            segmenter._take_own(own)
        return segmenter
