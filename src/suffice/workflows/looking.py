"""What a model makes of scans that may be labelled: facts and features of every unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from suffice.core import Case, Cohort, Image, Listener, Progress, StorageError, SufficeError, silent
from suffice.io import LeftOut
from suffice.segmenters import Prediction, Segmenter
from suffice.segmenters.appearance import appearance_map
from suffice.segmenters.bottleneck import bottleneck_map
from suffice.selecting import Candidates, Facts, Unit, UnitKind, boxes_of, facts_of, pooled
from suffice.workflows.scans import read_as_trained, require_channels, scan_of_case

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """Candidates, the unit that each of them is, and scans that cannot be read."""

    candidates: Candidates
    units: tuple[Unit, ...]
    failed: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutting:
    """How scans are divided into units, see `suffice.selecting.boxes_of`."""

    unit: UnitKind = "case"
    axis: int | None = None
    side: int | None = None

    def units_of(self, case: Case, image: Image) -> list[Unit]:
        """Divide a scan; slices lie across the axis with the largest spacing, else the last."""
        shape = image.grid.shape
        spacing = np.asarray(image.grid.unit_spacing)
        widest = np.flatnonzero(spacing > 0.99 * spacing.max())[-1]
        axis = int(widest) if self.axis is None else self.axis
        boxes = boxes_of(self.unit, shape, slice_axis=axis, side=self.side)
        return [Unit(case.name, case.subject, box, i) for i, box in enumerate(boxes)]


def look_at(
    segmenter: Segmenter,
    pool: Cohort,
    labelled: Cohort,
    *,
    cutting: Cutting | None = None,
    listener: Listener = silent,
) -> Looked:
    """Predict every scan of a pool and sum up each unit; masks are never looked at.

    Parameters
    ----------
    segmenter : Segmenter
        Trained.
    pool, labelled : Cohort
        What may be labelled, and what is.
    cutting : Cutting, optional
        By default whole scans.
    listener : callable

    Raises
    ------
    SufficeError
        If the cohort's channels are not the model's. A scan that cannot be read stops no other.
    """
    cutting = cutting or Cutting()
    units: list[Unit] = []
    facts: list[Facts] = []
    features: list[FloatArray] = []
    known: list[FloatArray] = []
    failed: list[LeftOut] = []
    todo = [(True, case) for case in _by_name(pool)]
    todo += [(False, case) for case in _by_name(labelled)]
    for number, (is_new, case) in enumerate(todo):
        listener(Progress("look", number / len(todo), note=case.name))
        scan = scan_of_case(pool, case)
        require_channels(scan, segmenter.channels_)
        try:
            image = read_as_trained(scan, segmenter.channels_)
            parts = cutting.units_of(case, image)
            seen = _features(segmenter, image, parts)
            if not is_new:
                known += seen
                continue
            facts += _facts(segmenter, image, parts, is_part=cutting.unit != "case")
            units += parts
            features += seen
        except StorageError:
            raise
        except SufficeError as error:
            failed.append(LeftOut(scan.path, str(error)))
    listener(Progress("look", 1.0))
    candidates = Candidates.of(
        [(unit.name, unit.subject) for unit in units],
        facts,
        features,
        known=known,
        known_subjects=[case.subject for case in labelled.cases],
        structures=segmenter.legend_.names,
    )
    return Looked(candidates=candidates, units=tuple(units), failed=tuple(failed))


def _by_name(cohort: Cohort) -> Sequence[Case]:
    return sorted(cohort.cases, key=lambda case: case.name)


def _features(segmenter: Segmenter, image: Image, units: Sequence[Unit]) -> list[FloatArray]:
    seen = bottleneck_map(segmenter, image)
    if seen is None:
        seen = appearance_map(image)
    return [pooled(seen, unit.box, image.grid.shape) for unit in units]


def _facts(
    segmenter: Segmenter, image: Image, units: Sequence[Unit], *, is_part: bool
) -> list[Facts]:
    shares = probabilities_of(segmenter.predict(image, keep_probabilities=True))
    return [facts_of(shares[(slice(None), *unit.box)], is_part=is_part) for unit in units]


def probabilities_of(prediction: Prediction) -> npt.NDArray[np.float16]:
    """Take the probabilities; of a model that gives none, its mask as such."""
    if prediction.probabilities is not None:
        return prediction.probabilities
    labels = prediction.labels
    classes = labels.legend.to_classes(labels.array)
    every = np.arange(labels.legend.n_classes).reshape(-1, *(1,) * classes.ndim)
    return np.asarray(classes[None] == every, dtype=np.float16)
