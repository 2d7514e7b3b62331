"""Put the report together: one HTML file that asks nothing of the network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from suffice import __version__
from suffice.files import require_free, write_text
from suffice.report.breathing import BreathingSection, breathing_section
from suffice.report.environment import environment
from suffice.report.folder import Study, read_study
from suffice.report.gallery import make_gallery
from suffice.report.headline import make_headline
from suffice.report.ladder import ladder_figure, ladder_rows, ladder_sentences
from suffice.report.next_steps import count_segmented, next_steps
from suffice.report.plots import dice_figure, history_figure, learned_columns
from suffice.report.provenance import provenance_rows, relative
from suffice.report.quality import quality_level, quality_rows, quality_sentences
from suffice.report.raters import rater_labels, rater_rows
from suffice.report.scoring import (
    OUTCOMES,
    case_rows,
    count_folds,
    dice_by_case,
    level_words,
    no_mean_rows,
    outcome_rows,
    score_rows,
    validation_sentences,
)
from suffice.report.tracking import slope_sentence
from suffice.report.volumes import measure_tables
from suffice.report.words import duration, percent
from suffice.study import StudyFolder

_MAX_LEFT_OUT = 500


def write_report(study: Path, *, overwrite: bool = True) -> Path:
    """Write ``report.html`` into a study folder.

    The page reads the study's tables and shows them; it computes no score. A part that the
    folder lacks is named in its section, with the way to get it.

    Parameters
    ----------
    study : Path
        A study folder.
    overwrite : bool
        Whether an existing report may be replaced.

    Returns
    -------
    Path
        The report.

    Raises
    ------
    UsageError
        If ``study`` is not a study folder.
    FileFormatError
        If one of its tables is damaged.
    StorageError
        If a report is there and may not be replaced, or the folder cannot be written.
    """
    folder = Path(study)
    place = StudyFolder(folder).report
    require_free(place, overwrite=overwrite)
    content = _content(read_study(folder))
    write_text(place, environment().get_template("report.html").render(content))
    return place


def _content(study: Study) -> dict[str, Any]:
    """Gather what the template shows."""
    config = study.config or {}
    dice = dice_by_case(study)
    histories = [h for h in study.histories if h.rung == study.rung and learned_columns([h])]
    return {
        "version": __version__,
        "title": _title(study),
        "made": str(config.get("created", config.get("date", ""))),
        "rung": study.rung or "",
        "headline": make_headline(study),
        "level": level_words(study),
        "facts": _facts(study),
        "validation": validation_sentences(study),
        "gallery": None if dice is None else make_gallery(study, dice),
        "score_rows": score_rows(study),
        "rater_labels": rater_labels(study),
        "rater_rows": rater_rows(study),
        "outcome_names": list(OUTCOMES.values()),
        "outcomes": outcome_rows(study),
        "no_mean_rows": no_mean_rows(study),
        "case_labels": [] if dice is None else [str(label) for label in dice.columns],
        "case_rows": [] if dice is None else case_rows(dice),
        "dice_figure": None if dice is None else Markup(_dice_figure(study, dice)),
        "history_figure": Markup(history_figure(histories)) if histories else None,
        "n_folds": count_folds(study),
        "ladder_figure": Markup(_ladder_figure(study)) if len(ladder_rows(study)) > 1 else None,
        "ladder_rows": ladder_rows(study),
        "ladder_sentences": ladder_sentences(study),
        "quality_rows": quality_rows(study),
        "quality_level": percent(quality_level(study)),
        "quality_sentences": quality_sentences(study),
        "n_estimates": 0 if study.estimates is None else len(study.estimates),
        "measures": [] if study.measures is None else measure_tables(study.measures),
        "breathing": _breathing(study),
        "time_sentences": _over_time(study),
        "next_steps": next_steps(study, dice),
        "left_out": _left_out(study),
        "provenance": provenance_rows(config, study.folder),
    }


def _breathing(study: Study) -> BreathingSection | None:
    """Lay out lung volume against spirometry, where the study was tracked with a table of it."""
    told = (study.tracked or {}).get("spirometry")
    if told is None or study.breathing is None:
        return None
    return breathing_section(study.breathing, told)


def _over_time(study: Study) -> list[str]:
    told = study.tracked or {}
    return [slope_sentence(one, str(told["unit"])) for one in told.get("slopes", [])]


def _title(study: Study) -> str:
    config = study.config or {}
    name = config.get("name")
    return str(name) if name else study.folder.resolve().name


def _facts(study: Study) -> list[tuple[str, str]]:
    """Return the few numbers that stand beside the headline."""
    facts = []
    if study.splits is not None:
        part = study.splits["part"]
        n_train = int((part == "train").sum())
        n_segmented = count_segmented(study)
        for n_cases, words in ((n_train, "scans learned from"), (n_segmented, "scans segmented")):
            if n_cases:
                facts.append((str(n_cases), words))
    final = [h for h in study.histories if h.is_final and h.rung == study.rung]
    if final:
        facts.append((duration(float(final[0].table["seconds"].max()) / 60), "of training"))
    return facts


def _dice_figure(study: Study, dice: pd.DataFrame) -> str:
    table = study.of_rung(study.summary)
    intervals = {}
    if table is not None:
        for _, row in table[table["metric"] == "dice"].iterrows():
            place = (float(row["mean"]), float(row["low"]), float(row["high"]))
            intervals[str(row["label"])] = place
    return dice_figure(dice, intervals)


def _ladder_figure(study: Study) -> str:
    return "" if study.ladder is None else ladder_figure(study.ladder)


def _left_out(study: Study) -> dict[str, Any] | None:
    """Return what was left out: how often for each reason, and the files."""
    if study.left_out is None:
        return None
    rows = [
        (relative(str(row["path"]), study.folder), relative(str(row["reason"]), study.folder))
        for _, row in study.left_out.iterrows()
    ]
    return {"rows": rows[:_MAX_LEFT_OUT], "n": len(rows), "n_hidden": len(rows) - _MAX_LEFT_OUT}
