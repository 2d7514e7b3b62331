"""Scores of several methods side by side: which cases they share, and which they do not."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from suffice.core import UsageError
from suffice.metrics.catalogue import METRICS, Better, split_unit
from suffice.study.scores import MEAN, with_case_means

FloatArray = npt.NDArray[np.float64]

# What becomes of a structure, as rates, and of probabilities; the catalogue has what masks give.
OUTCOMES: dict[str, Better] = {"missed": "lower", "false": "lower", "absent": "higher"}
CALIBRATION: dict[str, Better] = {"brier": "lower", "ece": "lower", "nll": "lower"}

UNPAIRED_COLUMNS = ("method", "case", "label", "metric", "reason")


def better_values(metric: str) -> Better:
    """Which values of ``metric`` are better: ``higher``, ``lower`` or ``near 0``.

    Raises
    ------
    UsageError
        If the metric is not known.

    Examples
    --------
    >>> better_values("dice"), better_values("hd95_mm"), better_values("volume_error_ml")
    ('higher', 'lower', 'near 0')
    """
    stem = split_unit(metric)[0].replace("area", "volume")
    if stem in METRICS:
        return METRICS[stem].better
    others = OUTCOMES | CALIBRATION
    if metric in others:
        return others[metric]
    raise UsageError(
        f"Nothing is known of the metric '{metric}'",
        expected=f"{', '.join([*METRICS, *others])}, perhaps with a unit as in hd95_mm",
    )


@dataclass(frozen=True, slots=True)
class Paired:
    """One metric of one structure, by every method on the same cases.

    Parameters
    ----------
    label, metric : str
    methods : tuple of str
        Their names, two or more.
    cases, subjects : tuple of str
        One of each for a row of ``values``.
    values : float array of shape (n_cases, n_methods)
        As scored; absolute where nearer 0 is better. Infinite towards the worse for a missed or
        a false structure that leaves no distance, and towards the better where a method rightly
        found nothing while another did not.
    """

    label: str
    metric: str
    methods: tuple[str, ...]
    cases: tuple[str, ...]
    subjects: tuple[str, ...]
    values: FloatArray

    @property
    def sign(self) -> int:
        """What turns values into worth: 1 where higher is better, -1 elsewhere."""
        return 1 if better_values(self.metric) == "higher" else -1


def pair_scores(
    methods: Mapping[str, pd.DataFrame],
    *,
    metrics: Sequence[str] = ("dice",),
    labels: Sequence[str] = (MEAN,),
) -> tuple[tuple[Paired, ...], pd.DataFrame]:
    """Put the scores of several methods side by side, case by case.

    Parameters
    ----------
    methods : dict of str to DataFrame
        A table of scores, of one rung, for each method.
    metrics, labels : sequence of str
        What to pair. The label ``mean`` averages the labels of each case first.

    Returns
    -------
    tuple of Paired
        One for each label and metric.
    DataFrame
        Columns ``method, case, label, metric, reason``: what is in no pair, and why.

    Raises
    ------
    UsageError
        If a metric or label is unknown, a case has several values or subjects, or no case is
        shared.
    """
    tables = {name: with_case_means(table) for name, table in methods.items()}
    subjects = _subjects(tables)
    scored = {name: set(table["case"]) for name, table in tables.items()}
    shared = [case for case in subjects if all(case in cases for cases in scored.values())]
    rows = [
        (
            name,
            case,
            "",
            "",
            f"not scored by {_listed([n for n in scored if case not in scored[n]])}",
        )
        for name, cases in scored.items()
        for case in subjects
        if case in cases and case not in set(shared)
    ]
    if not shared:
        raise UsageError(
            "The tables share no case, so nothing can be paired",
            got="; ".join(f"'{n}' has {len(c)}" for n, c in scored.items()),
            cure="Compare methods that were scored on the same cases.",
        )
    paired = []
    for label in labels:
        for metric in metrics:
            one, left = _pair(tables, label, metric, shared, subjects)
            paired.append(one)
            rows += left
    return tuple(paired), pd.DataFrame(rows, columns=list(UNPAIRED_COLUMNS))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _subjects(tables: Mapping[str, pd.DataFrame]) -> dict[str, str]:
    """The subject of each case, in the order of the tables."""
    subjects: dict[str, str] = {}
    for name, table in tables.items():
        for case, subject in table[["case", "subject"]].drop_duplicates().itertuples(index=False):
            if subjects.setdefault(case, subject) != subject:
                raise UsageError(
                    f"Case '{case}' belongs to two subjects",
                    got=f"'{subjects[case]}', and '{subject}' in '{name}'",
                    cure="Score all methods against the same cohort.",
                )
    return subjects


def _pair(
    tables: Mapping[str, pd.DataFrame],
    label: str,
    metric: str,
    shared: list[str],
    subjects: Mapping[str, str],
) -> tuple[Paired, list[tuple[str, str, str, str, str]]]:
    better = better_values(metric)
    best = np.inf if better == "higher" else -np.inf
    columns = []
    for name, scores in tables.items():
        of_label = scores[scores["label"] == label]
        values = _by_case(of_label, metric, name).reindex(shared)
        if values.isna().all():
            raise UsageError(
                f"'{name}' has no value of {metric} for '{label}' on the cases shared",
                got=", ".join(sorted(set(of_label["metric"]))) or "no such label",
                expected=f"one of the labels {', '.join(dict.fromkeys(scores['label']))}",
            )
        absent = _by_case(of_label, "absent", name).reindex(shared) == 1
        sizes = values.abs() if better == "near 0" else values
        columns.append(sizes.mask(values.isna() & absent, best).to_numpy(dtype=np.float64))
    table = np.stack(columns, axis=1)
    known = ~np.isnan(table)
    # Where every method rightly found nothing there is nothing to compare, and nothing to tell.
    whole = known.all(1) & ~(table == best).all(1)
    names = tuple(tables)
    left = []
    for case, has in zip(shared, known.tolist(), strict=True):
        if any(has) and not all(has):
            by = _listed([name for name, is_so in zip(names, has, strict=True) if not is_so])
            having = itertools.compress(names, has)
            left += [(name, case, label, metric, f"no value by {by}") for name in having]
    cases = tuple(itertools.compress(shared, whole))
    belongs = tuple(subjects[case] for case in cases)
    return Paired(label, metric, names, cases, belongs, table[whole]), left


def _by_case(table: pd.DataFrame, metric: str, name: str) -> pd.Series[float]:
    values = table[table["metric"] == metric].set_index("case")["value"]
    if values.index.has_duplicates:
        case = values.index[values.index.duplicated()][0]
        raise UsageError(
            f"'{name}' scores case '{case}' more than once by {metric}",
            cure="Give a table with one row for each case, label and metric.",
        )
    return values


def by_subject(values: FloatArray, subjects: Sequence[str]) -> FloatArray:
    """Average the cases of each subject; what is infinite outweighs what is not.

    Parameters
    ----------
    values : float array of shape (n_cases, ...)
        Infinite ones of both signs cancel each other out, one against one.
    subjects : sequence of str
        The subject of each case.

    Returns
    -------
    float array of shape (n_subjects, ...)
        Subjects sorted by name.

    Examples
    --------
    >>> by_subject(np.array([1.0, 3.0, -np.inf, 5.0]), ["a", "a", "b", "b"]).tolist()
    [2.0, -inf]
    """
    names, who = np.unique(np.asarray(subjects, dtype=str), return_inverse=True)
    finite = np.isfinite(values)
    shape = (len(names), *values.shape[1:])
    total, n_finite, n_infinite = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    np.add.at(total, who, np.where(finite, values, 0.0))
    np.add.at(n_finite, who, finite)
    np.add.at(n_infinite, who, np.where(finite, 0.0, np.sign(values)))
    mean = total / np.maximum(n_finite, 1)
    return np.where(n_infinite == 0, mean, np.copysign(np.inf, n_infinite))
