"""Tables of how far raters agree, with intervals over subjects."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from suffice.core import UsageError
from suffice.metrics import bootstrap_interval
from suffice.raters import (
    CeilingRow,
    PairAgreement,
    StructureAgreement,
    adjudicate,
    fleiss_kappa,
    icc_2_1,
    krippendorff_alpha,
)

AGREEMENT_COLUMNS = ("case", "subject", "label", "rater_a", "rater_b", "metric", "value")
CEILING_COLUMNS = ("case", "subject", "label", "rater", "metric", "value")
AGREEMENT_SUMMARY_COLUMNS = (
    *("label", "of", "who", "metric", "mean", "low", "high", "level", "n_subjects", "n_cases"),
    *("n_undefined", "pooled", "n_values"),
)
UNDEFINED_COLUMNS = ("case", "subject", "label", "raters", "metric", "reason")
_COEFFICIENTS = {"fleiss_kappa": fleiss_kappa, "krippendorff_alpha": krippendorff_alpha}
# How often the bootstrap of the ICC is drawn.
_N_RESAMPLES = 500
# Raters with fewer of the cases than this say nothing of a correlation over cases.
_MOST = 0.5

Row = dict[str, object]


def agreement_table(pairs: Iterable[PairAgreement]) -> pd.DataFrame:
    """Make the tidy table of every pair of raters.

    Returns
    -------
    DataFrame
        Columns `AGREEMENT_COLUMNS`. Where neither rater drew the structure, one row, ``absent``
        1. Else ``one_sided`` says whether one of the two drew it alone; then ``dice`` and ``nsd``
        are 0 and distances infinite. ``dice_both`` is the Dice where both drew it.
    """
    rows: list[Row] = []
    for pair in pairs:
        who = {"case": pair.case, "subject": pair.subject, "label": pair.label}
        who |= {"rater_a": pair.rater_a, "rater_b": pair.rater_b}
        rows += [{**who, "metric": name, "value": value} for name, value in _values(pair).items()]
    return pd.DataFrame(rows, columns=list(AGREEMENT_COLUMNS))


def ceiling_table(rows: Iterable[CeilingRow]) -> pd.DataFrame:
    """Make the tidy table of each rater against the others; metrics as in `agreement_table`."""
    found: list[Row] = []
    for row in rows:
        who = {"case": row.case, "subject": row.subject, "label": row.label, "rater": row.rater}
        found += [{**who, "metric": name, "value": value} for name, value in _values(row).items()]
    return pd.DataFrame(found, columns=list(CEILING_COLUMNS))


def _values(row: PairAgreement | CeilingRow) -> dict[str, float]:
    if row.state == "neither":
        return {"absent": 1.0}
    quantity = "volume" if row.size_unit == "ml" else "area"
    both = {"dice_both": row.dice} if row.state == "both" else {}
    return {
        "one_sided": float(row.state == "one"),
        "dice": row.dice,
        **both,
        "iou": row.iou,
        "nsd": row.nsd,
        f"hd95_{row.length_unit}": row.hd95,
        f"assd_{row.length_unit}": row.assd,
        f"{quantity}_difference_{row.size_unit}": abs(row.size_difference),
    }


def sizes_table(structures: Iterable[StructureAgreement]) -> pd.DataFrame:
    """Make the table of every rater's volume or area: ``case, subject, label, rater, ...``."""
    rows = [
        (s.case, s.subject, s.label, rater, size, s.size_unit)
        for s in structures
        for rater, size in s.sizes
    ]
    columns = ["case", "subject", "label", "rater", "value", "unit"]
    return pd.DataFrame(rows, columns=columns)


def pairings(
    raters: Sequence[str], person_pattern: str | None
) -> Callable[[str, str], str | None] | None:
    """Make a function that says whether two raters' names are of one person or of two.

    Parameters
    ----------
    person_pattern : str or None
        Regular expression with one group, searched in a rater's name: the person.

    Raises
    ------
    UsageError
        If the expression is wrong or finds nobody.
    """
    if person_pattern is None:
        return None
    try:
        compiled = re.compile(person_pattern)
    except re.error as error:
        raise UsageError("--person is no regular expression", got=error) from error
    found = {rater: compiled.search(rater) for rater in raters} if compiled.groups else {}
    person = {rater: match.group(1) for rater, match in found.items() if match}
    if not person:
        raise UsageError(
            f"--person '{person_pattern}' finds nobody in the names of raters",
            got=", ".join(raters[:5]),
            cure="Put the part that names the person in brackets, e.g. '^(Person[0-9]+)_'.",
        )

    def kind(a: str, b: str) -> str | None:
        if a not in person or b not in person:
            return None
        return "one person" if person[a] == person[b] else "two persons"

    return kind


def summarise_agreement(
    table: pd.DataFrame,
    structures: Sequence[StructureAgreement],
    ceiling: pd.DataFrame,
    *,
    seed: int,
    level: float = 0.95,
    kind_of: Callable[[str, str], str | None] | None = None,
) -> pd.DataFrame:
    """Summarise agreement: a row for each structure, group of pairs and metric.

    Parameters
    ----------
    table, ceiling : DataFrame
        Of `agreement_table` and `ceiling_table`.
    structures : sequence of StructureAgreement
    seed : int
    level : float
    kind_of : callable, optional
        See `pairings`.

    Returns
    -------
    DataFrame
        Columns `AGREEMENT_SUMMARY_COLUMNS`. ``of`` is ``pairs`` (every two raters), ``one
        person`` and ``two persons``, ``pair`` (two raters, named in ``who``), ``raters`` (the
        coefficients of all together), ``ceiling`` (each rater against the consensus of the
        others) and ``rater`` (one of them). ``mean`` is over subjects, each with the mean of its
        values, with a bootstrap interval; ``pooled`` is the plain mean over all ``n_values``, or
        the coefficient over all voxels together. ``n_undefined`` counts the values that are in
        no mean, those of `undefined_agreement`; of the ICC, cases that not all raters drew. The
        ceiling averages the raters of each case first, so that its values are those of cases.
    """
    rows: list[Row] = []
    for label, part in table.groupby("label", sort=False):
        rows += _group(str(label), "pairs", "", part, seed, level)
        if kind_of is not None:
            kinds = [kind_of(a, b) for a, b in zip(part["rater_a"], part["rater_b"], strict=True)]
            for kind in ("two persons", "one person"):
                inside = part[[each == kind for each in kinds]]
                rows += _group(str(label), kind, "", inside, seed, level)
        rows += _coefficients(str(label), structures, seed, level)
        mine = ceiling[ceiling["label"] == label]
        rows += _group(str(label), "ceiling", "", mine, seed, level)
        for rater, own in mine.groupby("rater", sort=False):
            rows += _group(str(label), "rater", str(rater), own, seed, level)
        for (a, b), own in part.groupby(["rater_a", "rater_b"], sort=False):
            rows += _group(str(label), "pair", f"{a} - {b}", own, seed, level)
    return pd.DataFrame(rows, columns=list(AGREEMENT_SUMMARY_COLUMNS))


def _group(label: str, of: str, who: str, part: pd.DataFrame, seed: int, level: float) -> list[Row]:
    if of == "ceiling":  # as `evaluate` has it beside a model's score: raters of a case first
        keys = ["case", "subject", "metric"]
        part = part.groupby(keys, sort=False)["value"].mean().reset_index()
    of_one = [c for c in ("case", "rater_a", "rater_b") if c in part.columns]
    n_all = len(part[of_one].drop_duplicates())
    rows = []
    for metric, group in part.groupby("metric", sort=False):
        if metric == "absent":
            continue
        row = _interval_row(group, seed, level)
        if metric != "dice_both":  # which is of those alone who both drew it
            row["n_undefined"] = n_all - row["n_values"]
        rows.append({"label": label, "of": of, "who": who, "metric": str(metric), **row})
    return rows


def _interval_row(group: pd.DataFrame, seed: int, level: float) -> dict[str, Any]:
    values = group["value"].to_numpy(dtype=float)
    defined = np.isfinite(values)
    kept = group[defined]
    found = bootstrap_interval(
        values[defined], kept["subject"].astype(str).tolist(), level=level, seed=seed
    )
    return {
        "mean": found.mean,
        "low": found.low,
        "high": found.high,
        "level": level,
        "n_subjects": found.n_subjects,
        "n_cases": int(kept["case"].nunique()),
        "n_undefined": int((~defined).sum()),
        "pooled": float(values[defined].mean()) if defined.any() else float("nan"),
        "n_values": int(defined.sum()),
    }


def _coefficients(
    label: str, structures: Sequence[StructureAgreement], seed: int, level: float
) -> list[Row]:
    mine = [s for s in structures if s.label == label and len(s.sizes) > 1]
    rows = []
    for name, coefficient in _COEFFICIENTS.items():
        values = [(s.case, s.subject, coefficient(*_tallies([s]))) for s in mine]
        group = pd.DataFrame(values, columns=["case", "subject", "value"])
        row = _interval_row(group, seed, level)
        same = len({len(s.sizes) for s in mine}) == 1
        is_defined = mine and (same or name == "krippendorff_alpha")
        row["pooled"] = coefficient(*_tallies(mine)) if is_defined else float("nan")
        rows.append({"label": label, "of": "raters", "who": "", "metric": name, **row})
    return [*rows, *_icc_rows(label, mine, seed, level)]


def _tallies(
    structures: Sequence[StructureAgreement],
) -> tuple[list[tuple[int, int]], list[int]]:
    """How many raters said no and yes, and of how many voxels."""
    tallies, counts = [], []
    for structure in structures:
        n_raters = len(structure.sizes)
        for n_yes, n_voxels in enumerate(structure.yes_counts):
            if n_voxels:
                tallies.append((n_raters - n_yes, n_yes))
                counts.append(n_voxels)
    return tallies, counts


def _icc_rows(
    label: str, structures: Sequence[StructureAgreement], seed: int, level: float
) -> list[Row]:
    """ICC(2,1) of the sizes over cases; the interval draws subjects, whose cases stay together."""
    sizes = pd.DataFrame([dict(s.sizes) for s in structures])
    sizes = sizes.loc[:, sizes.notna().mean() >= _MOST] if len(sizes) else sizes
    found = icc_2_1(sizes.to_numpy(dtype=float).reshape(len(structures), -1), level=level)
    subjects = np.array([s.subject for s in structures])
    complete = sizes.notna().all(axis=1).to_numpy(dtype=bool) if len(sizes) else np.zeros(0, bool)
    n_subjects = len(set(subjects[complete]))
    low, high = found.low, found.high
    if 1 < n_subjects < found.n_subjects:
        numbers = sizes[complete].to_numpy(dtype=float)
        low, high = _icc_bounds(numbers, subjects[complete], seed, level)
    row = {
        "mean": found.value,
        "low": low,
        "high": high,
        "level": level,
        "n_subjects": n_subjects,
        "n_cases": found.n_subjects,
        "n_undefined": found.n_incomplete,
        "pooled": found.value,
        "n_values": found.n_subjects * found.n_raters,
    }
    unit = structures[0].size_unit if structures else "ml"
    name = "icc_volume" if unit == "ml" else "icc_area"
    return [{"label": label, "of": "raters", "who": "", "metric": name, **row}]


def _icc_bounds(
    numbers: np.ndarray, subjects: np.ndarray, seed: int, level: float
) -> tuple[float, float]:
    names = np.unique(subjects)
    cases_of = [np.flatnonzero(subjects == name) for name in names]
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(_N_RESAMPLES):
        drawn = np.concatenate([cases_of[i] for i in rng.integers(len(names), size=len(names))])
        values.append(icc_2_1(numbers[drawn]).value)
    known = np.asarray(values)[np.isfinite(values)]
    if not known.size:
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def to_adjudicate(
    pairs: Iterable[PairAgreement], structures: Iterable[StructureAgreement]
) -> pd.DataFrame:
    """Rank the cases by how little their raters agree, the worst first.

    Returns
    -------
    DataFrame
        Columns ``case, subject, label, mean_dice, min_dice, worst_pair, n_one_sided, n_pairs,
        reasons``: for each case the structure that its raters agree on least, see
        `suffice.raters.adjudicate`. Cases that all drew alike, or in which nobody drew anything,
        are not there.
    """
    rows = [
        {
            "case": dispute.case,
            "subject": dispute.subject,
            "label": dispute.label,
            "mean_dice": dispute.mean_dice,
            "min_dice": dispute.min_dice,
            "worst_pair": " - ".join(dispute.worst_pair),
            "n_one_sided": dispute.n_one_sided,
            "n_pairs": dispute.n_pairs,
            "reasons": "; ".join(dispute.reasons),
        }
        for dispute in adjudicate(pairs, structures)
    ]
    columns = ["case", "subject", "label", "mean_dice", "min_dice", "worst_pair", "n_one_sided"]
    found = pd.DataFrame(rows, columns=[*columns, "n_pairs", "reasons"])
    return found.drop_duplicates("case").reset_index(drop=True)


def undefined_agreement(
    table: pd.DataFrame, ceiling: pd.DataFrame, structures: Iterable[StructureAgreement]
) -> pd.DataFrame:
    """List the values of agreement that no mean takes in.

    Parameters
    ----------
    table, ceiling : DataFrame
        Of `agreement_table` and `ceiling_table`.
    structures : iterable of StructureAgreement

    Returns
    -------
    DataFrame
        Columns `UNDEFINED_COLUMNS`: infinite distances of what one of two drew, pairs of whom
        neither drew it (the metric is ``all`` then), and coefficients of cases in which every
        voxel got the same vote of all.
    """
    parts = []
    for part, raters in (
        (table, table["rater_a"] + " - " + table["rater_b"]),
        (ceiling, ceiling["rater"] + " - the others"),
    ):
        named = part.assign(raters=raters)
        infinite = named[~np.isfinite(named["value"].astype(float))]
        absent = named[named["metric"] == "absent"]
        parts.append(infinite.assign(reason="drawn by one side alone"))
        parts.append(absent.assign(metric="all", reason="drawn by neither"))
    rows = [
        (s.case, s.subject, s.label, "all", name, "all voxels got one vote of all")
        for s in structures
        if len(s.sizes) > 1
        for name, coefficient in _COEFFICIENTS.items()
        if not np.isfinite(coefficient(*_tallies([s])))
    ]
    columns = list(UNDEFINED_COLUMNS)
    found = pd.concat([*parts, pd.DataFrame(rows, columns=columns)], ignore_index=True)
    return found[columns]
