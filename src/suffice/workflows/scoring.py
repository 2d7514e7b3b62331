"""The scores of one case: the panel, instances, calibration, and the human ceiling beside them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from suffice.core import Case, Cohort, LabelMap, SufficeError, UsageError
from suffice.io import LeftOut, read_image, read_mask
from suffice.metrics import INSTANCE_METRICS, WHOLE_CASE, Panel, Score, score_case
from suffice.metrics.calibration import CalibrationCounts
from suffice.metrics.instance_scores import score_instances
from suffice.metrics.instances import components
from suffice.metrics.near import near_structures
from suffice.raters import CeilingRow, ceiling
from suffice.workflows.agreeing import drawn_by, read_masks
from suffice.workflows.predicting import PROBABILITIES
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
        Whether connected components are matched and scored as instances.
    ceiling : bool
        Whether each rater is held against the consensus of the others, where there are several.
    """

    panel: Panel
    instances: bool = False
    ceiling: bool = True


@dataclass(frozen=True, slots=True)
class CaseScores:
    """Scores of one case against each rater asked for, and what its raters reach."""

    by_rater: dict[str, list[Score]] = field(default_factory=dict)
    ceiling: tuple[CeilingRow, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


def score_pair(known: References, wanted: Wanted, pair: Pair) -> CaseScores:
    """Score a prediction; what is wrong with it is returned, so that the others go on."""
    try:
        predicted = read_mask(pair.predicted, known.legend)
        by_rater = {
            rater: _score(known, wanted, pair, predicted, reference)
            for rater, reference in known.read(pair.case).items()
        }
    except UsageError:
        raise
    except SufficeError as error:
        return CaseScores(left_out=(LeftOut(pair.predicted, str(error)),))
    drawn = drawn_by(pair.case, known.people)
    if not wanted.ceiling or known.cohort is None or len(drawn.masks) < 2:
        return CaseScores(by_rater)
    rows, left_out = _ceiling(known.cohort, known, wanted, drawn)
    return CaseScores(by_rater, rows, tuple(left_out))


def _score(
    known: References, wanted: Wanted, pair: Pair, predicted: LabelMap, reference: LabelMap
) -> list[Score]:
    reference.grid.require_match(predicted.grid, "the reference", f"'{pair.predicted}'")
    rows = score_case(
        predicted.array, reference.array, reference.grid, known.legend, panel=wanted.panel
    )
    metrics = [name for name in INSTANCE_METRICS if name not in wanted.panel.names]
    if wanted.instances and metrics:
        for label in known.legend:
            one, other = (components(m.array == label.value) for m in (predicted, reference))
            rows += score_instances(one, other, reference.grid, label=label.name, metrics=metrics)
    return rows + _calibration(known, pair, reference)


def _calibration(known: References, pair: Pair, reference: LabelMap) -> list[Score]:
    """Score the probabilities that `predict` kept beside the mask, in a band about structures."""
    folder = pair.predicted.parent / PROBABILITIES
    found = [folder / f"{pair.case.name}{suffix}" for suffix in (".nii.gz", ".tif")]
    path = next((path for path in found if path.is_file()), None)
    if path is None:
        return []
    image = read_image(path)
    reference.grid.require_match(image.grid, "the reference", f"'{path}'")
    classes = known.legend.to_classes(reference.array)
    band = near_structures(classes, reference.grid.unit_spacing, BAND)
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
