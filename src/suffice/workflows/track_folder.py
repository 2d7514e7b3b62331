"""Write what the visits of subjects say: tables, a summary, and pages with the masks."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from pathlib import Path

import pandas as pd

from suffice.core import Listener, Progress, SufficeError
from suffice.files import write_text, writing_folder
from suffice.io import read_case_image
from suffice.io.left_out import LEFT_OUT_CSV, write_left_out
from suffice.report.overlay import mask_panels
from suffice.report.provenance import relative
from suffice.report.tracking import TrackContent, VisitPicture, write_track_pages
from suffice.tracking.sizes import PREDICTED
from suffice.workflows.tracked import Tracking, summary_of
from suffice.workflows.visits import Visits

TRACK_CSV, SLOPES_CSV, LESIONS_CSV = "track.csv", "slopes.csv", "lesions.csv"
SPIROMETRY_CSV, AGREEMENT_JSON, INDEX = "spirometry.csv", "agreement.json", "index.html"


def write_track(
    found: Tracking, visits: Visits, out: Path, *, overwrite: bool, listener: Listener
) -> None:
    """Write the tables, the summary and a page for each subject.

    Parameters
    ----------
    found : Tracking
    visits : Visits
        What it was found in: its masks are drawn on the pages.
    out : Path
    overwrite : bool
        Whether ``out`` may be replaced.
    listener : callable
    """
    summary, breathing = summary_of(found), found.breathing
    with writing_folder(out, overwrite=overwrite) as folder:
        found.track.to_csv(folder / TRACK_CSV, index=False, float_format="%.6g")
        slopes = pd.DataFrame([asdict(one) for one in found.slopes])
        slopes.to_csv(folder / SLOPES_CSV, index=False, float_format="%.6g")
        if len(found.lesions):
            found.lesions.to_csv(folder / LESIONS_CSV, index=False, float_format="%.6g")
        if breathing is not None:
            breathing.pairs.to_csv(folder / SPIROMETRY_CSV, index=False, float_format="%.6g")
        text = json.dumps(summary, indent=2, ensure_ascii=False, allow_nan=False)
        write_text(folder / AGREEMENT_JSON, text)
        if found.left_out:
            write_left_out(folder / LEFT_OUT_CSV, found.left_out)
        content = TrackContent(
            name=visits.name,
            track=found.track,
            slopes=found.slopes,
            lesions=found.lesions,
            repeatability=found.repeatability,
            unit=found.unit,
            notes=found.notes,
            pairs=None if breathing is None else breathing.pairs,
            spirometry=summary["spirometry"],
        )
        write_track_pages(folder, content, partial(_pictures, found, visits, listener))


def _pictures(
    found: Tracking, visits: Visits, listener: Listener, subject: str
) -> tuple[list[VisitPicture], list[str]]:
    """Draw the mask of every visit of a subject; what cannot be drawn is told."""
    cohort = visits.cohort
    pictures: list[VisitPicture] = []
    problems: list[str] = []
    if cohort is None:
        return pictures, problems
    subjects = list(dict.fromkeys(found.track["subject"]))
    listener(Progress("pages", subjects.index(subject) / len(subjects)))
    known = {case.name: case for case in cohort.cases}
    mine = found.track[found.track["subject"] == subject].drop_duplicates("case")
    for row in mine.to_dict("records"):
        if row["case"] not in known:
            continue
        case = known[row["case"]]
        try:
            mask = visits.read_mask(case, str(row["source"]))
            image = read_case_image(cohort, case)
            image.grid.require_match(mask.grid, f"The scan of case '{case.name}'", "its mask")
            panels, note = mask_panels(
                image, mask.array, cohort.legend.names, is_drawn=row["source"] != PREDICTED
            )
        except SufficeError as error:
            problems.append(f"Case {case.name}: {relative(str(error), cohort.root)}")
            continue
        heading = " · ".join(
            x for x in (row["visit"] and f"visit {row['visit']}", row["date"]) if x
        )
        pictures.append(VisitPicture(case.name, heading or case.name, note, panels))
    return pictures, problems
