"""Follow subjects over their visits: real change, slopes, single lesions, and spirometry."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from suffice.core import Listener, Progress, SufficeError, UsageError, silent
from suffice.files import require_free, write_text, writing_folder
from suffice.io import LeftOut, read_case_image
from suffice.io.left_out import LEFT_OUT_CSV, write_left_out
from suffice.report.overlay import mask_panels
from suffice.report.provenance import relative
from suffice.report.tracking import TrackContent, VisitPicture, write_track_pages
from suffice.spirometry import (
    MAX_GAP_DAYS,
    Agreement,
    Reference,
    agreement_of,
    cautions_on,
    interpret_spirometry,
    pair_by_date,
    read_spirometry,
)
from suffice.tracking import (
    LEAST_CHANGE_PERCENT,
    Motion,
    Repeatability,
    Sizes,
    Slope,
    changes_of,
    estimate_repeatability,
    given_repeatability,
    one_source,
    sizes_of,
    slopes_of,
)
from suffice.tracking.sizes import PREDICTED
from suffice.workflows.lesions import LESION_COLUMNS, follow_lesions, lesion_labels
from suffice.workflows.visits import Visits, gather_visits

TRACK_CSV, SLOPES_CSV, LESIONS_CSV = "track.csv", "slopes.csv", "lesions.csv"
SPIROMETRY_CSV, AGREEMENT_JSON, INDEX = "spirometry.csv", "agreement.json", "index.html"
BREATHS = ("inspiration", "expiration", "unknown")
_LUNG = re.compile(r"\blungs?\b", re.IGNORECASE)
_NO_LUNG = re.compile(r"nodule|lesion|tumou?r|cancer|metast", re.IGNORECASE)


@dataclass(frozen=True)
class Breathing:
    """Lung volume on scans against spirometry.

    Parameters
    ----------
    pairs : DataFrame
        A row a scan with a test: ``lungs_l`` of the scan, and the test with its predicted values.
    unpaired : DataFrame
        ``case, subject, reason``.
    agreement : dict of str to Agreement
        ``fvc``: litres on the scan minus FVC; ``fev1`` the same; ``fvc_change``: the change from
        a subject's first to its last pair, of both.
    cautions, notes : tuple of str
    """

    pairs: pd.DataFrame
    unpaired: pd.DataFrame
    agreement: Mapping[str, Agreement]
    cautions: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Tracking:
    """What the visits of a cohort say.

    Parameters
    ----------
    track : DataFrame
        A row a case and structure, see `suffice.tracking.changes_of`.
    slopes : tuple of Slope
    lesions : DataFrame
        A row a lesion and two following visits.
    repeatability : dict of str to Repeatability
        By structure.
    unit : str
        Of all sizes.
    breathing : Breathing or None
    notes : tuple of str
    left_out : tuple of LeftOut
    index : Path or None
        The page, where it was written.
    """

    track: pd.DataFrame
    slopes: tuple[Slope, ...]
    lesions: pd.DataFrame
    repeatability: Mapping[str, Repeatability]
    unit: str
    breathing: Breathing | None
    notes: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    index: Path | None = None


def track(
    source: Path | str,
    out: Path | str | None = None,
    *,
    spirometry: Path | str | None = None,
    reference: Reference = "gli2022",
    max_gap_days: float = MAX_GAP_DAYS,
    breath: str = "unknown",
    lungs: Sequence[str] = (),
    repeatability: str | None = None,
    retest_days: float = 0.0,
    masks: str | None = None,
    lesions: Sequence[str] | None = None,
    motion: Motion = "rigid",
    least_change_percent: float = LEAST_CHANGE_PERCENT,
    overwrite: bool = False,
    listener: Listener = silent,
) -> Tracking:
    """Follow the subjects of a cohort, a study or a table of measurements over their visits.

    Parameters
    ----------
    source : Path
        A cohort, a study of `suffice run`, or a ``measures.csv``.
    out : Path, optional
        Folder for the tables and a page for each subject.
    spirometry : Path, optional
        Table of tests, see `suffice.read_spirometry`.
    reference : {"gli2022", "gli2012"}
        See `suffice.interpret_spirometry`.
    max_gap_days : float
        A test further off than this belongs to no scan.
    breath : {"inspiration", "expiration", "unknown"}
        At what breath the scans were taken.
    lungs : sequence of str
        Structures that make up the lungs; by default those with ``lung`` in their names.
    repeatability : str, optional
        The coefficient, e.g. ``12`` (ml) or ``5%``; by default estimated from repeats.
    retest_days : float
        Scans of one subject that lie no further apart are repeats.
    masks : str, optional
        Whose masks are followed: ``drawn``, ``predicted``, a rater. By default those of most of
        a subject's visits.
    lesions : sequence of str, optional
        Structures whose pieces are followed singly; by default those named like lesions.
    motion : {"rigid", "none"}
        How scans on different grids are registered.
    least_change_percent : float
        A lesion that changes by less is unchanged.
    overwrite : bool
        Whether ``out`` may be replaced.
    listener : callable

    Returns
    -------
    Tracking

    Raises
    ------
    SufficeError
        If something cannot be read, or ``out`` is taken.
    """
    if out is not None:
        require_free(Path(out), overwrite=overwrite, mark=TRACK_CSV)
    tests = None if spirometry is None else read_spirometry(spirometry)
    visits = gather_visits(Path(source), listener=listener)
    sizes = sizes_of(visits.measures)
    known = _repeatability(sizes, repeatability, retest_days)
    followed = one_source(sizes, masks)
    wanted = lesion_labels(followed, visits, lesions)
    fates, problems = follow_lesions(
        visits,
        followed,
        wanted,
        motion=motion,
        least_change_percent=least_change_percent,
        listener=listener,
    )
    breathing = None
    if tests is not None:
        scans = _with_breath(lung_volumes(followed, lungs), visits.measures)
        told = _interpreted(tests.tests, reference)
        breathing = _compare(scans, told, tests.notes, max_gap_days, breath)
    found = Tracking(
        track=changes_of(followed, known),
        slopes=tuple(slopes_of(followed, known)),
        lesions=pd.DataFrame(fates, columns=list(LESION_COLUMNS)),
        repeatability=known,
        unit=followed.unit,
        breathing=breathing,
        notes=(*followed.notes, *problems),
        left_out=visits.left_out,
        index=None if out is None else Path(out) / INDEX,
    )
    if out is not None:
        _write(found, visits, Path(out), overwrite=overwrite, listener=listener)
    return found


def _repeatability(sizes: Sizes, given: str | None, retest_days: float) -> dict[str, Repeatability]:
    if given is not None:
        labels = dict.fromkeys(str(label) for label in sizes.table["label"])
        return {label: given_repeatability(given, label) for label in labels}
    return {one.label: one for one in estimate_repeatability(sizes, retest_days=retest_days)}


def lung_volumes(sizes: Sizes, lungs: Sequence[str] = ()) -> pd.DataFrame:
    """Add up the structures of the lungs, in litres: a row a scan.

    Raises
    ------
    UsageError
        If there is no such structure, or sizes are no volumes.
    """
    table = sizes.table
    labels = list(dict.fromkeys(str(label) for label in table["label"]))
    wanted = list(lungs) or [x for x in labels if _LUNG.search(x) and not _NO_LUNG.search(x)]
    unknown = [name for name in wanted if name not in labels]
    if unknown or not wanted or sizes.unit != "ml":
        raise UsageError(
            "No volume of the lungs to set against spirometry"
            if not unknown
            else f"There is no structure '{unknown[0]}'",
            got=", ".join(labels) if sizes.unit == "ml" else f"sizes in {sizes.unit}",
            cure="Name the structures that make up the lungs with --lungs.",
        )
    mine = table[table["label"].isin(wanted)]
    whole = mine.groupby("case", sort=False).agg(
        subject=("subject", "first"),
        visit=("visit", "first"),
        date=("date", "first"),
        years=("years", "first"),
        lungs_l=("value", "sum"),
    )
    return whole.assign(lungs_l=whole["lungs_l"] / 1000.0).reset_index()


def _with_breath(scans: pd.DataFrame, measures: pd.DataFrame) -> pd.DataFrame:
    """Add at what breath each scan was taken, where the measurements say so."""
    if "breath" not in measures:
        return scans
    words = measures.drop_duplicates("case").set_index("case")["breath"].fillna("").astype(str)
    known = words.str.strip().str.lower()
    odd = sorted(set(known) - {"", *BREATHS})
    if odd:
        raise UsageError(
            "The measurements hold a breath that is none",
            got=f"'{odd[0]}'",
            expected=", ".join(BREATHS),
            cure="Mend the column, or empty the cell.",
        )
    return scans.assign(breath=scans["case"].map(known).fillna(""))


def _interpreted(tests: pd.DataFrame, reference: Reference) -> pd.DataFrame:
    """Add predicted values where the table tells sex, age and height."""
    if not {"sex", "age_years", "height_cm"} <= set(tests.columns):
        return tests.assign(reason="sex, age or height is not in the table")
    return interpret_spirometry(tests, reference)


def _compare(
    scans: pd.DataFrame,
    tests: pd.DataFrame,
    notes: tuple[str, ...],
    max_gap_days: float,
    breath: str,
) -> Breathing:
    pairs = pair_by_date(scans, tests, max_gap_days=max_gap_days)
    found: dict[str, Agreement] = {}
    for name in ("fvc", "fev1"):
        column = f"{name}_l"
        if column in pairs.table and pairs.table[column].notna().any():
            mine = pairs.table[pairs.table[column].notna()]
            found[name] = agreement_of(
                mine["lungs_l"].astype(float),
                mine[column].astype(float),
                [str(s) for s in mine["subject"]],
            )
    if "fvc_l" in pairs.table:
        ends = _ends(pairs.table[pairs.table["fvc_l"].notna()])
        if len(ends):
            found["fvc_change"] = agreement_of(
                ends["lungs_l"], ends["fvc_l"], list(ends["subject"])
            )
    return Breathing(
        pairs.table, pairs.unpaired, found, cautions_on(pairs.table, breath=breath), notes
    )


def _ends(pairs: pd.DataFrame) -> pd.DataFrame:
    """Change from a subject's first to its last pair."""
    rows = []
    for subject, mine in pairs.groupby("subject", sort=False):
        if len(mine) > 1 and mine["test_date"].nunique() > 1:
            first, last = mine.iloc[0], mine.iloc[-1]
            gains = {n: float(last[n]) - float(first[n]) for n in ("lungs_l", "fvc_l")}
            rows.append({"subject": str(subject), **gains})
    return pd.DataFrame(rows, columns=["subject", "lungs_l", "fvc_l"])


def _write(
    found: Tracking, visits: Visits, out: Path, *, overwrite: bool, listener: Listener
) -> None:
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


def summary_of(found: Tracking) -> dict[str, Any]:
    """What ``agreement.json`` says: repeatability, slopes of the cohort, agreement, cautions."""
    breathing = found.breathing
    told = {
        "unit": found.unit,
        "repeatability": {k: asdict(v) for k, v in found.repeatability.items()},
        "slopes": [asdict(s) for s in found.slopes if s.n_subjects != 1],
        "verdicts": {
            str(label): {str(k): int(n) for k, n in part[part != ""].value_counts().items()}
            for label, part in found.track.groupby("label", sort=False)["verdict"]
        },
        "lesions": {str(k): int(n) for k, n in found.lesions["fate"].value_counts().items()},
        "spirometry": None
        if breathing is None
        else {
            "n_pairs": len(breathing.pairs),
            "unpaired": breathing.unpaired.to_dict("records"),
            "agreement": {k: asdict(v) for k, v in breathing.agreement.items()},
            "cautions": list(breathing.cautions),
            "notes": list(breathing.notes),
        },
        "notes": list(found.notes),
    }
    plain: dict[str, Any] = _plain(told)
    return plain


def _plain(value: Any) -> Any:
    """JSON has no NaN: what is not known is null."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (np.floating, float)):
        return float(value) if np.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value
