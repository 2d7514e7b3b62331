"""The scores of one case: the panel, instances, calibration, and the human ceiling beside them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from suffice.core import Case, Cohort, LabelMap, SufficeError, UsageError
from suffice.io import LeftOut, read_image, read_mask
from suffice.metrics import INSTANCE_METRICS, WHOLE_CASE, Panel, Score, score_case
from suffice.metrics.calibration import CalibrationCounts
from suffice.metrics.instance_scores import score_instances
from suffice.metrics.instance_values import instances_in
from suffice.metrics.near import near_structures
from suffice.raters import CeilingRow, ceiling
from suffice.workflows.agreeing import drawn_by, read_masks
from suffice.workflows.objects import Objects, ObjectSource, read_objects
from suffice.workflows.predicting import PROBABILITIES, find_beside
from suffice.workflows.references import Pair, References

BAND = 10.0
"""How far from the drawn structures probabilities are scored, in mm (pixels where unknown)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is scored besides the panel.

    Parameters
    ----------
    panel : Panel
    instances : bool
        Whether objects are matched and scored: those of maps of instances, else connected
        components.
    ceiling : bool
        Whether each rater is held against the consensus of the others, where there are several.
    """

    panel: Panel
    instances: bool = False
    ceiling: bool = True

    @property
    def objects(self) -> bool:
        """Whether any metric regards single objects."""
        return self.instances or self.panel.needs("instances")


@dataclass(frozen=True, slots=True)
class CaseScores:
    """Scores of one case against each rater asked for, and what its raters reach.

    ``labelled`` is the part of the voxels that a rater labelled, where that is not all.
    """

    by_rater: dict[str, list[Score]] = field(default_factory=dict)
    objects: tuple[ObjectSource, ...] = ()
    ceiling: tuple[CeilingRow, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    labelled: dict[str, float] = field(default_factory=dict)


def score_pair(known: References, wanted: Wanted, pair: Pair) -> CaseScores:
    """Score a prediction; what is wrong with it is returned, so that the others go on."""
    try:
        predicted = read_mask(pair.predicted, known.legend.whole)
        by_rater, sources, labelled = {}, [], {}
        for rater, reference in known.read(pair.case).items():
            reference.grid.require_match(predicted.grid, "the reference", f"'{pair.predicted}'")
            objects = Objects()
            if reference.unlabelled is not None:
                labelled[rater] = 1.0 - float(reference.unlabelled.mean())
            elif wanted.objects:
                objects = read_objects(known, pair, rater, reference.grid)
                sources.append(objects.source(pair.case.name, rater))
            by_rater[rater] = _score(wanted, predicted, reference, objects)
            by_rater[rater] += _calibration(known, pair, reference)
    except UsageError:
        raise
    except SufficeError as error:
        return CaseScores(left_out=(LeftOut(pair.predicted, str(error)),))
    drawn = drawn_by(pair.case, known.people)
    if not wanted.ceiling or known.cohort is None or len(drawn.masks) < 2:
        return CaseScores(by_rater, tuple(sources), labelled=labelled)
    rows, left_out = _ceiling(known.cohort, known, wanted, drawn)
    return CaseScores(by_rater, tuple(sources), rows, tuple(left_out), labelled)


def _score(
    wanted: Wanted, predicted: LabelMap, reference: LabelMap, objects: Objects
) -> list[Score]:
    rows = score_case(
        predicted.array,
        reference.array,
        reference.grid,
        reference.legend,
        panel=wanted.panel,
        predicted_instances=objects.predicted,
        reference_instances=objects.drawn,
        unlabelled=reference.unlabelled,
    )
    metrics = [name for name in INSTANCE_METRICS if name not in wanted.panel.names]
    if wanted.instances and metrics and reference.unlabelled is None:
        for label in reference.legend:
            one = instances_in(predicted.array == label.value, objects.predicted)
            other = instances_in(reference.array == label.value, objects.drawn)
            rows += score_instances(one, other, reference.grid, label=label.name, metrics=metrics)
    return rows


def _calibration(known: References, pair: Pair, reference: LabelMap) -> list[Score]:
    """Score the probabilities that `predict` kept beside the mask, in a band about structures."""
    path = find_beside(pair.predicted, PROBABILITIES)
    if path is None:
        return []
    image = read_image(path)
    reference.grid.require_match(image.grid, "the reference", f"'{path}'")
    classes = known.legend.to_classes(reference.drawn)
    band = near_structures(classes, reference.grid.unit_spacing, BAND)
    if reference.unlabelled is not None:
        band &= ~reference.unlabelled
    counts = CalibrationCounts.of(image.array.astype(np.float32), classes, within=band)
    values = {
        "brier": counts.brier(),
        "ece": counts.expected_error(),
        "nll": counts.negative_log_likelihood(),
    }
    return [Score(WHOLE_CASE, name, v) for name, v in values.items() if np.isfinite(v)]


def _ceiling(
    cohort: Cohort, known: References, wanted: Wanted, case: Case
) -> tuple[tuple[CeilingRow, ...], list[LeftOut]]:
    masks, grid, left_out = read_masks(cohort, case)
    if grid is None or len(masks) < 2:
        return (), left_out
    rows = ceiling(
        masks,
        grid,
        known.legend,
        case=case.name,
        subject=case.subject,
        nsd_tolerance_mm=wanted.panel.nsd_tolerance_mm,
    )
    return rows, left_out
