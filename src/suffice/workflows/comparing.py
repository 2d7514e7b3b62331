"""Compare methods by tables of their scores, and plan the test set that tells them apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from suffice.core import UsageError
from suffice.files import require_free, writing_folder
from suffice.metrics import bootstrap_interval
from suffice.report.comparison import (
    detection_sentence,
    difference_sentence,
    ranking_sentence,
    width_sentence,
)
from suffice.report.comparison_figure import write_comparison_figure
from suffice.study import (
    MEAN,
    Paired,
    RankBy,
    Ranking,
    StudyFolder,
    compare_scores,
    expected_width,
    pair_scores,
    rank_methods,
    read_scores,
    subjects_for_difference,
    subjects_for_width,
    write_scores,
)
from suffice.study.comparing import paired_differences
from suffice.study.pairing import by_subject
from suffice.study.scores import mean_over_raters

DIFFERENCES_CSV = "differences.csv"
ALPHA = 0.05
_MOST_RESAMPLED = 5000


@dataclass(frozen=True)
class MethodComparison:
    """What the scores say of the methods.

    Parameters
    ----------
    scores : DataFrame
        A row for each label, metric and method: mean, interval and its ``width`` over the cases
        that all methods share; with a wanted width the number of subjects that it takes
        (``n_for_width`` with bounds) and, to check, the ``width_resampled`` that the BCa interval
        of so many subjects like these has.
    differences : DataFrame
        See `suffice.study.compare_scores`; empty for one method.
    rankings : tuple of Ranking
        One for each label and metric; none for one method.
    unpaired : DataFrame
        What could not be paired, with the reason.
    sentences : tuple of str
        The same in words.
    paired : tuple of Paired
    """

    scores: pd.DataFrame
    differences: pd.DataFrame
    rankings: tuple[Ranking, ...]
    unpaired: pd.DataFrame
    sentences: tuple[str, ...]
    paired: tuple[Paired, ...]

    @property
    def family(self) -> str:
        """What Holm's correction covers."""
        n = len(self.differences)
        return f"p after Holm's correction over the {n} comparisons above" if n > 1 else ""

    @property
    def ranks(self) -> pd.DataFrame:
        """A row for each label, metric and method, the best first."""
        tables = [ranking.table() for ranking in self.rankings]
        return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def compare(
    tables: Sequence[Path | str],
    out: Path | str | None = None,
    *,
    names: Sequence[str] = (),
    metrics: Sequence[str] = ("dice",),
    labels: Sequence[str] = (MEAN,),
    rank_by: RankBy | None = None,
    width: float | None = None,
    detect: float | None = None,
    level: float = 0.95,
    seed: int = 0,
    overwrite: bool = False,
) -> MethodComparison:
    """Compare methods that were scored on the same cases.

    Parameters
    ----------
    tables : sequence of Path
        Each a ``scores.csv``, or the folder of an evaluation or a study. Every rung of a table is
        a method. One method alone is not compared, but its test set can be planned. Of a table
        against several raters each case counts with the mean over them.
    out : Path, optional
        Folder for ``scores.csv``, ``differences.csv``, ``ranking.csv``, ``unpaired.csv`` and
        ``comparison.png``.
    names : sequence of str
        One for each table; by default the folder's or the file's.
    metrics, labels : sequence of str
        What to compare; the family that Holm's correction covers is all of them, of every two
        methods. The label ``mean`` averages the labels of each case first.
    rank_by : {"mean", "median", "rank"}, optional
        See `suffice.study.rank_methods`.
    width : float, optional
        Wanted width of the interval of a mean.
    detect : float, optional
        Difference of means that is to be shown with a power of 0.8.
    level : float
        Coverage of the intervals.
    seed : int
        Of all draws.
    overwrite : bool
        Whether ``out`` may be replaced.

    Raises
    ------
    SufficeError
        If a table cannot be read, nothing can be paired or ``out`` cannot be written.
    """
    out = None if out is None else Path(out)
    if out is not None:
        require_free(out, overwrite=overwrite, mark=DIFFERENCES_CSV)
    methods = _read_methods([Path(table) for table in tables], names)
    paired, unpaired = pair_scores(methods, metrics=metrics, labels=labels)
    scores = _score_table(paired, width, level, seed)
    differences = compare_scores(paired, level=level, seed=seed)
    if detect is not None:
        differences = _with_detection(differences, paired, detect)
    is_comparison = len(methods) > 1
    rankings = tuple(rank_methods(p, by=rank_by, seed=seed) for p in paired if is_comparison)
    sentences = _sentences(scores, differences, rankings, width, detect)
    comparison = MethodComparison(scores, differences, rankings, unpaired, sentences, paired)
    if out is not None:
        _write(comparison, out, overwrite=overwrite)
    return comparison


def _read_methods(tables: Sequence[Path], names: Sequence[str]) -> dict[str, pd.DataFrame]:
    if names and len(names) != len(tables):
        raise UsageError(
            "Each table needs one name", got=f"{len(names)} names", expected=len(tables)
        )
    methods: dict[str, pd.DataFrame] = {}
    for i, place in enumerate(tables):
        scores = mean_over_raters(
            read_scores(StudyFolder(place).scores if place.is_dir() else place)
        )
        name = names[i] if names else _name_of(place)
        for method, part in _by_rung(scores, name, is_only=len(tables) == 1).items():
            if method in methods:
                raise UsageError(
                    f"Two methods are called '{method}'", cure="Tell them apart with --names A,B."
                )
            methods[method] = part
    if not methods:
        raise UsageError("The tables hold no score", got=", ".join(map(str, tables)) or "no table")
    return methods


def _name_of(place: Path) -> str:
    path = place.resolve()
    return (
        path.parent.name if path.name == "scores.csv" else path.stem if path.suffix else path.name
    )


def _by_rung(scores: pd.DataFrame, name: str, *, is_only: bool) -> dict[str, pd.DataFrame]:
    rungs = list(scores["rung"].unique()) if "rung" in scores.columns else []
    if len(rungs) < 2:
        return {name: scores} if len(scores) else {}
    return {
        (rung if is_only else f"{name} {rung}"): scores[scores["rung"] == rung] for rung in rungs
    }


def _score_table(
    paired: Sequence[Paired], width: float | None, level: float, seed: int
) -> pd.DataFrame:
    return pd.DataFrame(
        [_score_row(one, j, width, level, seed) for one in paired for j in range(len(one.methods))]
    )


def _score_row(
    paired: Paired, j: int, width: float | None, level: float, seed: int
) -> dict[str, object]:
    values = paired.values[:, j]
    defined = np.isfinite(values)
    known = [subject for subject, is_so in zip(paired.subjects, defined, strict=True) if is_so]
    interval = bootstrap_interval(values[defined], known, level=level, seed=seed)
    row: dict[str, object] = {
        "method": paired.methods[j],
        "label": paired.label,
        "metric": paired.metric,
        "mean": interval.mean,
        "low": interval.low,
        "high": interval.high,
        "level": level,
        "width": interval.width,
        "n_subjects": interval.n_subjects,
        "n_cases": interval.n_cases,
        "n_undefined": int((~defined).sum()),
        "note": interval.reason,
    }
    if width is not None:
        means = by_subject(values[defined], known)
        size = subjects_for_width(means, width, level=level)
        row |= {
            "n_for_width": size.n,
            "n_for_width_low": size.low,
            "n_for_width_high": size.high,
            "width_resampled": expected_width(means, size.n, level=level, seed=seed)
            if size.n <= _MOST_RESAMPLED
            else np.nan,
        }
    return row


def _with_detection(
    differences: pd.DataFrame, paired: Sequence[Paired], detect: float
) -> pd.DataFrame:
    """Add the subjects that a difference takes; the level is shared among the comparisons."""
    of = {(one.label, one.metric): one for one in paired}
    sizes = []
    for row in differences.to_dict("records"):
        one = of[row["label"], row["metric"]]
        gaps = paired_differences(one, one.methods.index(row["a"]), one.methods.index(row["b"]))
        alpha = ALPHA / len(differences)
        sizes.append(subjects_for_difference(gaps[np.isfinite(gaps)], detect, alpha=alpha))
    return differences.assign(
        n_for_difference=[size.n for size in sizes],
        n_for_difference_low=[size.low for size in sizes],
        n_for_difference_high=[size.high for size in sizes],
    )


def _sentences(
    scores: pd.DataFrame,
    differences: pd.DataFrame,
    rankings: Sequence[Ranking],
    width: float | None,
    detect: float | None,
) -> tuple[str, ...]:
    rows: list[Any] = differences.to_dict("records")
    of_methods: list[Any] = scores.to_dict("records")
    told = [difference_sentence(row, alpha=ALPHA) for row in rows]
    if len(rankings) and len(rankings[0].methods) > 2:
        told += [ranking_sentence(ranking) for ranking in rankings]
    if width is not None:
        told += [width_sentence(row, width) for row in of_methods]
    if detect is not None:
        told += [detection_sentence(row, detect) for row in rows]
    return tuple(told)


def _write(comparison: MethodComparison, out: Path, *, overwrite: bool) -> None:
    with writing_folder(out, overwrite=overwrite) as folder:
        write_scores(folder / "scores.csv", comparison.scores)
        write_scores(folder / DIFFERENCES_CSV, comparison.differences)
        if len(comparison.unpaired):
            write_scores(folder / "unpaired.csv", comparison.unpaired)
        if comparison.rankings:
            write_scores(folder / "ranking.csv", comparison.ranks)
            write_comparison_figure(
                folder / "comparison.png",
                comparison.paired,
                comparison.differences,
                comparison.rankings,
            )
