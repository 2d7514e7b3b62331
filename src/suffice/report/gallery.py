"""Find the files of the picked cases and draw them; what fails is said, not raised."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from suffice.core import Cohort, CohortError, FileFormatError, SufficeError
from suffice.io import read_cohort
from suffice.report.folder import Study
from suffice.report.overlay import Overlay, case_overlay
from suffice.report.pick import Pick, pick_cases
from suffice.report.provenance import relative
from suffice.study import StudyFolder


@dataclass(frozen=True, slots=True)
class Gallery:
    """The overlays that could be drawn, and why others could not."""

    overlays: tuple[Overlay, ...]
    problems: tuple[str, ...]

    @property
    def is_flat(self) -> bool:
        """Whether every case is a single picture."""
        return all(len(overlay.panels) == 1 for overlay in self.overlays)

    @property
    def is_oblique(self) -> bool:
        """Whether a scan lies oblique to the body's axes."""
        return any(overlay.is_oblique for overlay in self.overlays)


def make_gallery(study: Study, dice: pd.DataFrame) -> Gallery:
    """Draw the best, the median and the worst case of ``dice``."""
    try:
        cohort = _cohort(study)
    except SufficeError as error:
        return Gallery((), (relative(str(error), study.folder),))
    overlays, problems = [], []
    for pick in pick_cases(dice):
        try:
            overlays.append(_overlay(study, cohort, pick))
        except SufficeError as error:
            problems.append(f"Case {pick.case}: {relative(str(error), study.folder)}")
    return Gallery(tuple(overlays), tuple(problems))


def _cohort(study: Study) -> Cohort:
    path = (study.config or {}).get("cohort")
    if not isinstance(path, str):
        raise CohortError(
            "study.toml does not name the cohort that the scans are read from",
            cure='Add the line: cohort = "PATH"',
        )
    return read_cohort(study.folder / path)


def _overlay(study: Study, cohort: Cohort, pick: Pick) -> Overlay:
    (case,) = cohort.subset([pick.case]).cases
    masks = StudyFolder(study.folder).validation(study.rung or "")
    return case_overlay(pick, case, cohort, _prediction_of(masks, pick.case))


def _prediction_of(folder: Path, case: str) -> Path:
    """Find the mask of ``case``: its name and one of the suffixes of masks."""
    found = [
        path
        for suffix in (".nii.gz", ".nii", ".nrrd", ".mha", ".png", ".tif", ".tiff")
        if (path := folder / f"{case}{suffix}").is_file()
    ]
    if not found:
        raise FileFormatError(
            f"validation/{folder.name}/ has no mask named {case}",
            cure="Run the study again with the same command; it adds what is missing.",
        )
    return found[0]
