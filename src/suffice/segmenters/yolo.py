"""The YOLO rung: single objects of pictures, found and outlined in one go."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load, save

from suffice.core import (
    Budget,
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
from suffice.nets import channels_last
from suffice.nets.yolo import Yolo
from suffice.segmenters.card import ModelCard
from suffice.segmenters.model_folder import naming_damage, read_model, write_model
from suffice.segmenters.protocol import Prediction, refuse_unlabelled
from suffice.segmenters.yolo_preparing import (
    fill_store,
    network_picture,
    plan_objects,
    refuse_volumes,
)
from suffice.segmenters.yolo_scores import choose_score
from suffice.segmenters.yolo_weights import PublishedWeights
from suffice.training.instances import (
    InstancePlan,
    InstanceStore,
    plan_from_toml,
    plan_to_toml,
    train_instances,
)
from suffice.training.instances.inference import FoundObjects, find_objects
from suffice.training.machine import Machine, detect_machine, threads_on
from suffice.training.memory import naming_full_memory

PLAN, WEIGHTS = "yolo.toml", "weights.safetensors"
LEAST_TRAINING = 0.5
# Of the budget, what the choice of a score may take.
_KEPT_BACK = 0.04
_TRAIN_CURE = "Close other programs that hold memory and start again: it goes on where it was."
_PREDICT_CURE = "Close other programs that hold memory, or cut the picture."


@dataclass(frozen=True, eq=False)
class PredictedInstances:
    """The objects of one picture.

    Parameters
    ----------
    instances : int32 array of shape (Y, X)
        Object ``i`` has the number ``i + 1``, 0 is none.
    scores : float array of shape (n,)
        How sure the model is of each, 0 to 1, the surest first.
    values : int array of shape (n,)
        Label value of the structure that each object is of.
    """

    instances: npt.NDArray[np.int32]
    scores: npt.NDArray[np.float64]
    values: npt.NDArray[np.int64]


class YoloSegmenter:
    """One-stage instance segmentation of the YOLOv8 family, for pictures.

    Parameters
    ----------
    size : {"n", "s", "m", "l", "x"}
        Of the network. Published weights bring their own.
    init : Path, optional
        A checkpoint such as ``yolov8n-seg.pt`` to start from. Nothing in it is run.

    Attributes
    ----------
    plan_ : InstancePlan
    legend_ : Legend
    history_ : list of dict
        Rows of ``step, seconds, learning_rate, loss, classes, box, distances, mask, dice``; the
        last has the ``least_score`` that was chosen and the ``quality`` it reached.
    notes_ : tuple of str
        What a person should know of the training: what it started from, what objects were.
    """

    rung: ClassVar[str] = "yolo"

    plan_: InstancePlan
    legend_: Legend
    history_: list[dict[str, float]]
    card_: ModelCard
    notes_: tuple[str, ...] = ()

    def __init__(self, *, size: str = "n", init: Path | None = None) -> None:
        self.size = size
        self.init = init

    @property
    def channels_(self) -> tuple[Channel, ...]:
        """The channels that the model was trained on, in order."""
        return self.card_.channels

    @classmethod
    def refusal(cls, labelled: Cohort) -> CohortError | None:
        """Refuse volumes, and what every kind of model refuses."""
        return refuse_unlabelled(labelled) or refuse_volumes(labelled)

    def fit(
        self,
        labelled: Cohort,
        *,
        budget: Budget,
        seed: int,
        workdir: Path,
        listener: Listener = silent,
    ) -> Self:
        """Train on every labelled picture of the cohort.

        Where the cohort has no maps of instances, connected components are the objects, and the
        listener is told so.

        Raises
        ------
        CohortError
            If the cohort is empty, has a case without a mask, or volumes.
        ModelError
            If the weights to start from cannot be used.
        UsageError
            If ``workdir`` belongs to another training.
        OutOfMemoryError
            If the memory of the machine or its GPU does not suffice.
        """
        refusal = self.refusal(labelled)
        if refusal is not None:
            raise refusal
        with naming_full_memory("training", cure=_TRAIN_CURE):
            machine = detect_machine()
            with threads_on(machine.n_cores):
                return self._fit(labelled, budget, seed, workdir, machine, listener)

    def _fit(
        self,
        labelled: Cohort,
        budget: Budget,
        seed: int,
        workdir: Path,
        machine: Machine,
        listener: Listener,
    ) -> Self:
        started = time.monotonic()
        weights = None if self.init is None else PublishedWeights.read(self.init)
        plan = plan_objects(
            labelled, workdir, budget=budget, seed=seed, size=self.size, weights=weights
        )
        store = InstanceStore(workdir / "store")
        n_joined = fill_store(store, labelled, plan, listener)
        spent = time.monotonic() - started
        account: list[str] = []

        def start(network: Yolo) -> None:
            if weights is not None:
                account.append(weights.put_into(network))
                listener(Progress("init", 1.0, note=account[-1]))

        cases = store.read(labelled.names)
        trained = train_instances(
            plan,
            cases,
            seconds=max((1 - _KEPT_BACK) * budget.seconds - spent, LEAST_TRAINING * budget.seconds),
            seed=seed,
            machine=machine,
            checkpoint=workdir / "checkpoint.pt",
            start=start,
            listener=listener,
        )
        self._network = trained.network
        chosen = choose_score(
            self._network,
            cases,
            device=torch.device(machine.accelerator),
            seconds=_KEPT_BACK * budget.seconds,
            listener=listener,
        )
        self.plan_ = replace(plan, started_from="".join(account), least_score=chosen.least_score)
        account.append(chosen.account)
        joined = f"{n_joined} of {len(labelled)} cases have no map of instances: connected "
        joined += "components were taken for objects, which run together where they touch"
        self.notes_ = (*account, joined) if n_joined else tuple(account)
        self.legend_, self.history_ = labelled.legend, chosen.added_to(trained.history)
        self.card_ = ModelCard.of(
            labelled, rung=self.rung, minutes=budget.minutes, seed=seed, n_steps=trained.n_steps
        )
        return self

    def predict(
        self,
        image: Image,
        *,
        mirror: bool = False,
        keep_probabilities: bool = False,
        listener: Listener = silent,
    ) -> Prediction:
        """Segment a picture on its own grid: what structure the objects in each pixel are of.

        Parameters
        ----------
        image : Image
        mirror : bool
            Has no effect: objects are found once, and those of mirrored pictures would be others.
        keep_probabilities : bool
            Of each structure, the largest probability of an object in the pixel.

        Raises
        ------
        ModelError
            If the segmenter is not fitted or the image does not fit it.
        """
        found = self._find(image, None, listener)
        owners = np.concatenate([[0], found.classes + 1])
        classes = owners[found.instances].astype(np.uint8)
        labels = LabelMap(self.legend_.from_classes(classes), image.grid, self.legend_)
        if not keep_probabilities:
            return Prediction(labels, instances=found.instances)
        background = 1 - found.shares.max(0, keepdims=True)
        shares = np.concatenate([background, found.shares])
        shares /= shares.sum(0, keepdims=True)
        return Prediction(labels, shares.astype(np.float16), found.instances)

    def predict_instances(
        self, image: Image, *, least_score: float | None = None, listener: Listener = silent
    ) -> PredictedInstances:
        """Find the single objects of a picture.

        Parameters
        ----------
        image : Image
        least_score : float, optional
            Objects that the model is less sure of are left out. By default what was chosen on the
            training cases; lower it for curves of precision against recall.
        """
        found = self._find(image, least_score, listener)
        values = np.asarray(self.legend_.values)[found.classes]
        return PredictedInstances(found.instances, found.scores, values)

    def _find(self, image: Image, least_score: float | None, listener: Listener) -> FoundObjects:
        self._require_fitted()
        least_score = self.plan_.least_score if least_score is None else least_score
        picture = network_picture(image, self.plan_)
        with naming_full_memory("this picture", cure=_PREDICT_CURE):
            machine = detect_machine()
            device = torch.device(machine.accelerator)
            with threads_on(machine.n_cores):
                return find_objects(
                    self._network.to(device).eval(),
                    picture,
                    shape_out=(image.grid.shape[0], image.grid.shape[1]),
                    least_score=least_score,
                    device=device,
                    listener=listener,
                )

    def _require_fitted(self) -> None:
        if not hasattr(self, "_network"):
            raise ModelError("The segmenter is not trained", cure="Call fit, or load a model.")

    def save(self, folder: Path, *, overwrite: bool = False) -> None:
        """Write ``yolo.toml``, ``model.toml``, ``weights.safetensors`` and ``history.csv``."""
        self._require_fitted()
        weights = {
            name: tensor.detach().cpu().contiguous()
            for name, tensor in self._network.state_dict().items()
        }
        files = {PLAN: plan_to_toml(self.plan_).encode(), WEIGHTS: save(weights)}
        write_model(folder, self.card_, files, self.history_, overwrite=overwrite)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a model that `save` wrote.

        Raises
        ------
        ModelError
            If a file is missing or damaged, or the weights do not fit the plan.
        """
        card, files, history = read_model(folder, (PLAN, WEIGHTS))
        with naming_damage(folder / PLAN):
            plan = plan_from_toml(files[PLAN].decode())
        network = channels_last(Yolo(plan.shape), 2)
        try:
            network.load_state_dict(load(files[WEIGHTS]))
        except Exception as error:  # safetensors has one error type of its own for all damage
            raise ModelError(
                f"The weights in '{folder}' are damaged or do not fit its plan",
                cure="Take the model folder's own copy back.",
            ) from error
        segmenter = cls(size=plan.size)
        segmenter._network = network.eval()
        segmenter.plan_, segmenter.legend_ = plan, card.legend
        segmenter.history_, segmenter.card_ = history, card
        return segmenter
