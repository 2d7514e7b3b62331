"""A page for each subject over its visits, and one that leads to them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from suffice import __version__
from suffice.files import write_text
from suffice.report.breathing import breathing_section
from suffice.report.environment import environment
from suffice.report.panel import Panel
from suffice.report.tracking_figure import trend_figure
from suffice.report.words import MISSING, count, interval, listed, number
from suffice.tracking import COHORT, FATES, Repeatability, Slope

SUBJECTS = "subjects"
_MAX_LESIONS = 200
_UNITS = {"mm2": "mm²", "px": "pixels"}


@dataclass(frozen=True, slots=True)
class VisitPicture:
    """The mask of one visit, ready to show."""

    case: str
    heading: str
    note: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, kw_only=True)
class TrackContent:
    """What the pages show; see `suffice.workflows.tracked.Tracking`."""

    name: str
    track: pd.DataFrame
    slopes: Sequence[Slope]
    lesions: pd.DataFrame
    repeatability: Mapping[str, Repeatability]
    unit: str
    notes: Sequence[str]
    pairs: pd.DataFrame | None
    spirometry: Mapping[str, Any] | None


Pictures = Callable[[str], tuple[Sequence[VisitPicture], Sequence[str]]]


def write_track_pages(folder: Path, content: TrackContent, pictures: Pictures) -> Path:
    """Write ``index.html`` and ``subjects/NAME.html``; each asks nothing of the network.

    Parameters
    ----------
    folder : Path
    content : TrackContent
    pictures : callable
        Draws the masks of a subject's visits, and says which could not be drawn.

    Returns
    -------
    Path
        The index.
    """
    links: dict[str, str] = {}
    for subject, part in content.track.groupby("subject", sort=False):
        links[str(subject)] = f"{SUBJECTS}/{_file_name(str(subject), links)}"
        page = _subject_page(content, str(subject), part, pictures)
        write_text(folder / links[str(subject)], page)
    index = folder / "index.html"
    write_text(index, _index_page(content, links))
    return index


def slope_sentence(one: Slope | Mapping[str, Any], unit: str) -> str:
    """Say how fast a structure changes, or why that is not known."""
    told = one if isinstance(one, Mapping) else asdict(one)
    who = "" if told["subject"] != COHORT else f" in {count(int(told['n_subjects']), 'subject')}"
    slope, low, high = (told[name] for name in ("slope", "low", "high"))
    if slope is None or not np.isfinite(slope):
        return f"{told['label']}: not known, {told['note']}."
    words = _UNITS.get(unit, unit)
    decimals = _decimals(slope)
    bounds = ""
    if low is not None and np.isfinite(low):
        bounds = f" (95 % {interval(low, high, decimals)})"
    note = f"; {told['note']}" if told["note"] else ""
    sign = "+" if slope > 0 else ""
    return (
        f"{told['label']}: {sign}{number(slope, decimals)} {words} a year{bounds}{who}, by"
        f" {told['method']}{note}."
    )


def _decimals(value: float) -> int:
    """Three digits that count."""
    if not np.isfinite(value) or value == 0:
        return 1
    return int(np.clip(2 - np.floor(np.log10(abs(value))), 0, 4))


def _file_name(subject: str, taken: Mapping[str, str]) -> str:
    stem = re.sub(r"[^\w.-]", "_", subject).lstrip(".") or "subject"
    names = {Path(link).name for link in taken.values()}
    name = f"{stem}.html"
    number_of = 2
    while name in names:
        name, number_of = f"{stem}-{number_of}.html", number_of + 1
    return name


def _subject_page(
    content: TrackContent, subject: str, part: pd.DataFrame, pictures: Pictures
) -> str:
    tests = None
    if content.pairs is not None and "fvc_l" in content.pairs:
        tests = content.pairs[content.pairs["subject"] == subject]
    visits, problems = pictures(subject)
    lesions = content.lesions[content.lesions["subject"] == subject]
    slopes = [s for s in content.slopes if s.subject == subject]
    return (
        environment()
        .get_template("track_subject.html")
        .render(
            version=__version__,
            title=f"{subject} over time",
            heading=subject,
            summary=_verdict_words(part),
            figure=Markup(trend_figure(part, content.unit, tests)),
            caption=_caption(part),
            unit=_UNITS.get(content.unit, content.unit),
            rows=_rows(part),
            slopes=[slope_sentence(s, content.unit) for s in slopes],
            lesions=_lesion_rows(lesions.head(_MAX_LESIONS)),
            n_hidden_lesions=len(lesions) - _MAX_LESIONS,
            lesion_words=_fates(lesions["fate"]),
            visits=visits,
            problems=problems,
        )
    )


def _caption(part: pd.DataFrame) -> str:
    if part["low"].notna().any():
        return "Bars: 95 % interval of each size; where it is unknown, what is noise."
    if part["noise"].notna().any():
        return "Bars: within them a size may differ though nothing has changed."
    return "How far a size may differ though nothing has changed is not known here."


def _verdict_words(part: pd.DataFrame) -> str:
    last = part.groupby("label", sort=False).last()
    told = []
    for label, row in last.iterrows():
        if row["verdict"]:
            percent = float(row["change_percent"])
            since = f" ({_signed(percent)} % since the first visit)" if np.isfinite(percent) else ""
            told.append(f"{label}: {row['verdict']}{since}")
    return "; ".join(told) if told else "One visit"


def _signed(value: float, decimals: int = 1) -> str:
    return f"+{number(value, decimals)}" if value > 0 else number(value, decimals)


def _rows(part: pd.DataFrame) -> list[dict[str, Any]]:
    rows = []
    seen = None
    for row in part.to_dict("records"):
        decimals = _decimals(float(row["value"]))
        rows.append(
            {
                "label": row["label"] if row["label"] != seen else "",
                "is_first": seen is not None and row["label"] != seen,
                "visit": row["date"] or row["visit"] or row["case"],
                "source": row["source"],
                "value": number(float(row["value"]), decimals),
                "interval": interval(float(row["low"]), float(row["high"]), decimals),
                "change": _signed(float(row["change"]), decimals),
                "percent": _signed(float(row["change_percent"])),
                "noise": number(float(row["noise"]), decimals),
                "verdict": row["verdict"],
                "previous": row["since_previous_verdict"],
            }
        )
        seen = row["label"]
    return rows


def _lesion_rows(lesions: pd.DataFrame) -> list[dict[str, Any]]:
    rows = []
    for row in lesions.to_dict("records"):
        place = [float(row[name]) for name in ("x_mm", "y_mm", "z_mm")]
        before = row["date_before"] or row["case_before"]
        rows.append(
            {
                "visits": f"{before} to {row['date_after'] or row['case_after']}",
                "label": row["label"],
                "number": row["lesion"],
                "fate": row["fate"],
                "before": number(float(row["before"]), 3),
                "after": number(float(row["after"]), 3),
                "percent": _signed(float(row["change_percent"]), 0),
                "place": ", ".join(number(p, 0) for p in place if np.isfinite(p)),
            }
        )
    return rows


def _fates(fates: pd.Series) -> str:
    counts = fates.value_counts()
    told = [f"{int(counts[fate])} {fate}" for fate in FATES if fate in counts]
    return listed(told) or MISSING


def _index_page(content: TrackContent, links: Mapping[str, str]) -> str:
    labels = [str(x) for x in dict.fromkeys(content.track["label"])]
    n_several = int((content.track.groupby("subject")["case"].nunique() > 1).sum())
    section = None
    if content.pairs is not None and content.spirometry is not None:
        section = breathing_section(content.pairs, content.spirometry)
    cohort = [s for s in content.slopes if s.subject == COHORT] or list(content.slopes)
    return (
        environment()
        .get_template("track_index.html")
        .render(
            version=__version__,
            title=f"{content.name} over time",
            name=content.name,
            heading=f"{count(n_several, 'subject')} with several visits",
            summary=_index_summary(content.track),
            notes=list(content.notes),
            unit=_UNITS.get(content.unit, content.unit),
            repeatability=[_repeatability_row(r) for r in content.repeatability.values()],
            slopes=[slope_sentence(s, content.unit) for s in cohort],
            labels=labels,
            has_lesions=len(content.lesions) > 0,
            subjects=[
                _subject_row(content, subject, link, labels) for subject, link in links.items()
            ],
            breathing=section,
        )
    )


def _index_summary(track: pd.DataFrame) -> str:
    told = []
    last = track[track["verdict"] != ""].groupby(["label", "subject"], sort=False).last()
    for label, part in last.groupby("label", sort=False):
        counts = part["verdict"].value_counts()
        told.append(f"{label}: " + listed([f"{int(n)} {verdict}" for verdict, n in counts.items()]))
    return "; ".join(told)


def _repeatability_row(one: Repeatability) -> dict[str, str]:
    decimals = _decimals(one.amount)
    amount = number(one.amount, decimals)
    if np.isfinite(one.amount_low):
        amount += f" ({interval(one.amount_low, one.amount_high, decimals)})"
    percent = number(one.percent, 1)
    if np.isfinite(one.percent_low):
        percent += f" ({interval(one.percent_low, one.percent_high, 1)})"
    judged = "percent" if one.in_percent else "amount"
    if one.kind in ("unknown", "intervals"):
        judged = "the interval of each size" if one.kind == "intervals" else "nothing"
    return {
        "label": one.label,
        "kind": one.kind,
        "amount": amount,
        "percent": percent,
        "groups": str(one.n_groups or MISSING),
        "judged": judged,
    }


def _subject_row(
    content: TrackContent, subject: str, link: str, labels: Sequence[str]
) -> dict[str, Any]:
    mine = content.track[content.track["subject"] == subject]
    cells = []
    for label in labels:
        part = mine[mine["label"] == label]
        verdict = "" if part.empty else str(part["verdict"].iloc[-1])
        percent = np.nan if part.empty else float(part["change_percent"].iloc[-1])
        share = f"{_signed(percent)} %, " if np.isfinite(percent) else ""
        cells.append(f"{share}{verdict}" if verdict else MISSING)
    lesions = content.lesions[content.lesions["subject"] == subject]
    return {
        "subject": subject,
        "link": link,
        "n_visits": mine["case"].nunique(),
        "cells": cells,
        "lesions": _fates(lesions["fate"]),
    }
