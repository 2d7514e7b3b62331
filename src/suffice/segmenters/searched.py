"""The rungs whose parameters are searched on the labelled cases: all that they share."""

from __future__ import annotations

import io
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

import numpy as np
import numpy.typing as npt

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
from suffice.segmenters.card import ModelCard
from suffice.segmenters.model_folder import naming_damage, read_model, write_model
from suffice.segmenters.parameters import from_json, to_json
from suffice.segmenters.place import mean_place, place_of
from suffice.segmenters.preparing import Orientation
from suffice.segmenters.protocol import Prediction, refuse_unlabelled
from suffice.segmenters.searching import (
    FloatArray,
    Sample,
    Search,
    View,
    read_samples,
    sampled,
)
from suffice.training.machine import threads_on
from suffice.training.resampling import resample_image, resample_labels


class Searched(Protocol):
    """Parameters that say how many channels they are for."""

    @property
    def n_channels(self) -> int:
        """Of the images, those of a colour file counted each."""


P = TypeVar("P", bound=Searched)
Arrays = dict[str, npt.NDArray[Any]]

PARAMETERS, PLACE = "parameters.json", "place"


class SearchedSegmenter(ABC, Generic[P]):
    """A model of few parameters, searched by Dice on at most sixteen of the labelled cases.

    A rung says how parameters are searched and how they segment a view; reading, places, the
    model's folder and the way back to a scan's own grid are here.

    Attributes
    ----------
    parameters_ : frozen dataclass
    legend_ : Legend
    history_ : list of dict
        Rows of ``step, seconds, dice``.
    """

    rung: ClassVar[str]
    library: ClassVar[str] = "scikit-image"
    kind: ClassVar[type]
    most_structures: ClassVar[int]
    most_voxels: ClassVar[Mapping[int, int]]
    array_names: ClassVar[tuple[str, ...]] = ()

    parameters_: P
    legend_: Legend
    history_: list[dict[str, float]]
    card_: ModelCard

    @property
    def channels_(self) -> tuple[Channel, ...]:
        """The channels that the model was trained on, in order."""
        return self.card_.channels

    @classmethod
    def refusal(cls, labelled: Cohort) -> CohortError | None:
        """Refuse cases without masks, and more structures than the rung can tell apart."""
        if len(labelled.legend) > cls.most_structures:
            return CohortError(
                f"The rung '{cls.rung}' cannot tell so many structures apart",
                got=f"{len(labelled.legend)} structures",
                expected=f"at most {cls.most_structures}",
                cure="Take the rung 'unet', or a cohort of fewer structures.",
            )
        return refuse_unlabelled(labelled)

    @abstractmethod
    def _search(self, samples: list[Sample], labelled: Cohort, search: Search) -> tuple[P, Arrays]:
        """Search the parameters, and the arrays that belong to them by name."""

    @abstractmethod
    def _segment(self, view: View) -> tuple[npt.NDArray[np.uint8], FloatArray | None]:
        """Classes of a view, and their probabilities ``(n_classes, *spatial)`` where known."""

    def _read(
        self, labelled: Cohort, seed: int, search: Search, listener: Listener
    ) -> list[Sample]:
        """Read the cases that are searched on."""
        return read_samples(labelled, seed=seed, search=search, listener=listener)

    def fit(
        self,
        labelled: Cohort,
        *,
        budget: Budget,
        seed: int,
        workdir: Path,
        listener: Listener = silent,
    ) -> Self:
        """Search on the labelled cases; ends early where nothing is left to try.

        Parameters
        ----------
        labelled : Cohort
        budget : Budget
        seed : int
            Draws the cases that are read where there are more than sixteen.
        workdir : Path
            Not used: a search that was killed is begun again.
        listener : callable

        Raises
        ------
        CohortError
            As `refusal` says, or where the cases do not fit each other.
        """
        started = time.monotonic()
        refusal = self.refusal(labelled)
        if refusal is not None:
            raise refusal
        search = Search(labelled.legend.names, budget, listener, started=started)
        with threads_on(1):
            samples = self._read(labelled, seed, search, listener)
            _require_alike(samples)
            n_classes = labelled.legend.n_classes
            place = mean_place([place_of(s.classes, n_classes) for s in samples])
            self.parameters_, self._arrays = self._search(samples, labelled, search)
        # A place that could not be tried on other cases is not used.
        self._arrays[PLACE] = place if samples[0].view.place is not None else place[:0]
        self.legend_, self.history_ = labelled.legend, search.history
        self.card_ = ModelCard.of(
            labelled,
            rung=self.rung,
            minutes=budget.minutes,
            seed=seed,
            n_steps=search.n_tried,
            library=self.library,
        )
        listener(Progress("search", 1.0))
        return self

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
            Without effect: there is no network whose errors mirroring evens out.
        keep_probabilities : bool
            Return probabilities too; of rungs that only decide they are 0 and 1.

        Raises
        ------
        ModelError
            If the segmenter is not fitted or the image does not fit it.
        """
        self._require_fit(image)
        with threads_on(1):
            view = self.view_of(image)
            classes, shares = self._segment(view)
            objects = self._split(view, classes)
            shape = Orientation.of(image.grid).reorder(image.grid.shape)
            full = tuple(int(n) for n in shape)
            probabilities = None
            if shares is not None and full != view.shape:
                shares = resample_image(shares, full)
                classes = shares.argmax(axis=0).astype(np.uint8)
            elif shares is None:
                classes = resample_labels(classes, full, self.legend_.n_classes)
            objects = None if objects is None else sampled(objects, full)
        if keep_probabilities:
            if shares is None:
                shares = np.stack([classes == k for k in range(self.legend_.n_classes)])
            probabilities = self._back(image, shares.astype(np.float16))
        labels = self.legend_.from_classes(self._back(image, classes))
        listener(Progress("predict", 1.0))
        return Prediction(
            LabelMap(labels, image.grid, self.legend_),
            probabilities,
            None if objects is None else self._back(image, np.where(classes, objects, 0)),
        )

    def _split(self, view: View, classes: npt.NDArray[np.uint8]) -> npt.NDArray[np.int32] | None:
        """Number the objects of all structures, in rungs that tell them apart."""
        return None

    def view_of(self, image: Image) -> View:
        """Look at an image as the rung does, with the places that it has learned."""
        view = View.of(image, self.most_voxels[image.grid.ndim])
        place = self._arrays[PLACE]
        return view.placed(place if len(place) else None)

    @staticmethod
    def _back(image: Image, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.ascontiguousarray(Orientation.of(image.grid).from_canonical(array))

    def _require_fit(self, image: Image) -> None:
        self._require_fitted()
        place = self._arrays[PLACE]
        known = (self.parameters_.n_channels, place.ndim - 1)
        got = (image.n_channels, image.grid.ndim)
        if got != known:
            raise ModelError(
                "The image does not fit the model",
                got=f"{got[0]} channels on {got[1]} axes",
                expected=f"{known[0]} on {known[1]}",
                cure="Give scans like those that the model was trained on.",
            )

    def _require_fitted(self) -> None:
        if not hasattr(self, "parameters_"):
            raise ModelError("The segmenter is not trained", cure="Call fit, or load a model.")

    def save(self, folder: Path, *, overwrite: bool = False) -> None:
        """Write ``parameters.json``, arrays as ``.npy``, ``model.toml`` and ``history.csv``."""
        self._require_fitted()
        files = {PARAMETERS: to_json(self.parameters_)}
        files |= {f"{name}.npy": _npy(array) for name, array in sorted(self._arrays.items())}
        write_model(folder, self.card_, files, self.history_, overwrite=overwrite)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a model that `save` wrote.

        Raises
        ------
        ModelError
            If a file is missing or damaged.
        """
        names = {name: f"{name}.npy" for name in (PLACE, *cls.array_names)}
        card, files, history = read_model(folder, (PARAMETERS, *names.values()))
        segmenter = cls()
        with naming_damage(folder / PARAMETERS):
            segmenter.parameters_ = from_json(cls.kind, files[PARAMETERS])
        segmenter._arrays = {}
        for name, file in names.items():
            with naming_damage(folder / file):
                segmenter._arrays[name] = np.load(io.BytesIO(files[file]), allow_pickle=False)
        segmenter.legend_, segmenter.history_, segmenter.card_ = card.legend, history, card
        return segmenter


def _npy(array: npt.NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()


def _require_alike(samples: list[Sample]) -> None:
    """Refuse cases of other channels or axes than the first."""
    first = samples[0].view.array
    for sample in samples[1:]:
        array = sample.view.array
        if (array.ndim, len(array)) != (first.ndim, len(first)):
            raise CohortError(
                f"Case '{sample.name}' is unlike the others",
                got=f"{len(array)} channels on {array.ndim - 1} axes",
                expected=f"{len(first)} on {first.ndim - 1}",
                cure="Leave it out of cases.csv, or convert it.",
            )
