"""What the rows of many cases come to: means with intervals, agreement beyond chance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from suffice.core import UsageError
from suffice.metrics import Interval, bootstrap_interval
from suffice.raters.agreement import Comparison, PairAgreement, State, StructureAgreement
from suffice.raters.ceiling import CeilingRow
from suffice.raters.icc import Icc, icc_2_1
from suffice.raters.kappa import fleiss_kappa, krippendorff_alpha

Where = Literal["either", "both"]
METRICS = ("dice", "iou", "nsd", "hd95", "assd", "size_difference")


@dataclass(frozen=True, slots=True, kw_only=True)
class RaterSummary:
    """The mean of one metric of one structure, over subjects.

    Parameters
    ----------
    label : str
    raters : tuple of str
        The pair or the rater; none for all together.
    metric : str
    where : {"either", "both"}
        Which rows count: those with the structure on either side, or on both.
    unit : str
        ``mm``, ``ml``, ``mm2`` or ``px``; empty for shares.
    interval : Interval
        A case is the mean of its rows, a subject that of its cases.
    n_both, n_one, n_neither : int
        Rows by the sides that have the structure.
    absent : tuple of str
        Cases without a row that counts, which have no value.
    undefined : tuple of str
        Cases with an infinite value, which no mean can hold: the structure is missed in it.
    """

    label: str
    raters: tuple[str, ...]
    metric: str
    where: Where
    unit: str
    interval: Interval
    n_both: int
    n_one: int
    n_neither: int
    absent: tuple[str, ...]
    undefined: tuple[str, ...]


def summarise_pairs(
    rows: Iterable[PairAgreement],
    *,
    metrics: Sequence[str] = METRICS,
    where: Where = "either",
    level: float = 0.95,
    n_resamples: int = 2000,
    seed: int,
) -> list[RaterSummary]:
    """Average agreement over subjects: for all raters together and for each pair.

    Parameters
    ----------
    rows : iterable of PairAgreement
        Of all cases, see `agreement`.
    metrics : sequence of str
        Names of fields of the rows. Size differences are averaged without their sign, because
        which rater of a pair comes first means nothing.
    where : {"either", "both"}
        Rows that count: those in which either rater drew the structure, so that one who missed
        it weighs in with Dice 0, or both, which leaves out whether it is there at all.
    level, n_resamples, seed
        Of `suffice.metrics.bootstrap_interval`.
    """
    named: list[tuple[tuple[str, ...], Comparison]] = []
    for row in rows:
        named += [((), row), ((row.rater_a, row.rater_b), row)]
    return _summaries(named, metrics, where, level, n_resamples, seed, unsigned=True)


def human_ceiling(
    rows: Iterable[CeilingRow],
    *,
    metrics: Sequence[str] = METRICS,
    where: Where = "either",
    level: float = 0.95,
    n_resamples: int = 2000,
    seed: int,
) -> list[RaterSummary]:
    """Average raters against the others' consensus: over all raters and for each.

    Parameters
    ----------
    rows : iterable of CeilingRow
        Of all cases, see `ceiling`.
    metrics : sequence of str
        Names of fields of the rows.
    where : {"either", "both"}
        As in `summarise_pairs`.
    level, n_resamples, seed
        Of `suffice.metrics.bootstrap_interval`.
    """
    named: list[tuple[tuple[str, ...], Comparison]] = []
    for row in rows:
        named += [((), row), ((row.rater,), row)]
    return _summaries(named, metrics, where, level, n_resamples, seed, unsigned=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class BeyondChance:
    """Agreement of all raters on one structure, beyond chance.

    Parameters
    ----------
    label : str
    fleiss_kappa : float
        Not a number unless every case has the same number of raters.
    krippendorff_alpha : float
    size_icc : Icc
        ICC(2,1) of the volumes or areas, over the cases that all raters drew.
    n_cases : int
        Cases that at least two raters drew.
    """

    label: str
    fleiss_kappa: float
    krippendorff_alpha: float
    size_icc: Icc
    n_cases: int


def beyond_chance(rows: Iterable[StructureAgreement], *, level: float = 0.95) -> list[BeyondChance]:
    """Work out kappa, alpha and ICC of each structure, over the voxels or sizes of all cases.

    Parameters
    ----------
    rows : iterable of StructureAgreement
        Of one case, or of all.
    level : float
        Of the interval of the ICC.
    """
    of_label: dict[str, list[StructureAgreement]] = {}
    for row in rows:
        of_label.setdefault(row.label, []).append(row)
    found = []
    for label, structures in of_label.items():
        shared = [row for row in structures if len(row.sizes) >= 2]
        tallies = [
            (len(row.sizes) - yes, yes) for row in shared for yes in range(len(row.yes_counts))
        ]
        counts = [count for row in shared for count in row.yes_counts]
        alike = len({len(row.sizes) for row in shared}) == 1
        found.append(
            BeyondChance(
                label=label,
                fleiss_kappa=fleiss_kappa(tallies, counts) if alike else float("nan"),
                krippendorff_alpha=krippendorff_alpha(tallies, counts) if shared else float("nan"),
                size_icc=_size_icc(structures, level),
                n_cases=len(shared),
            )
        )
    return found


def _size_icc(structures: list[StructureAgreement], level: float) -> Icc:
    raters = list(dict.fromkeys(rater for row in structures for rater, _ in row.sizes))
    table = np.full((len(structures), len(raters)), np.nan)
    for number, row in enumerate(structures):
        for rater, size in row.sizes:
            table[number, raters.index(rater)] = size
    return icc_2_1(table, level=level)


def _summaries(
    named: list[tuple[tuple[str, ...], Comparison]],
    metrics: Sequence[str],
    where: Where,
    level: float,
    n_resamples: int,
    seed: int,
    *,
    unsigned: bool,
) -> list[RaterSummary]:
    unknown = [metric for metric in metrics if metric not in METRICS]
    if unknown:
        raise UsageError("No such metric of raters", got=unknown, expected=METRICS)
    if where not in get_args(Where):
        raise UsageError("Unknown choice of rows", got=where, expected=get_args(Where))
    groups: dict[tuple[str, tuple[str, ...]], list[Comparison]] = {}
    for raters, row in named:
        groups.setdefault((row.label, raters), []).append(row)
    found = []
    states: tuple[State, ...] = ("both",) if where == "both" else ("both", "one")
    for (label, raters), rows in groups.items():
        n_both, n_one, n_neither = (
            sum(row.state == state for row in rows) for state in get_args(State)
        )
        for metric in metrics:
            values, subjects, absent, undefined = _of_cases(rows, metric, states, unsigned)
            interval = bootstrap_interval(
                values, subjects, level=level, n_resamples=n_resamples, seed=seed
            )
            found.append(
                RaterSummary(
                    label=label,
                    raters=raters,
                    metric=metric,
                    where=where,
                    unit=_unit(rows[0], metric),
                    interval=interval,
                    n_both=n_both,
                    n_one=n_one,
                    n_neither=n_neither,
                    absent=absent,
                    undefined=undefined,
                )
            )
    return found


def _of_cases(
    rows: list[Comparison], metric: str, states: tuple[State, ...], unsigned: bool
) -> tuple[list[float], list[str], tuple[str, ...], tuple[str, ...]]:
    """Mean of each case with its subject; the cases without one, absent or undefined."""
    cases: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        values = cases.setdefault((row.case, row.subject), [])
        if row.state in states:
            value = float(getattr(row, metric))
            values.append(abs(value) if unsigned else value)
    absent = tuple(case for (case, _), values in cases.items() if not values)
    undefined = tuple(
        case for (case, _), values in cases.items() if values and not np.isfinite(values).all()
    )
    kept = {k: v for k, v in cases.items() if v and np.isfinite(v).all()}
    return [float(np.mean(v)) for v in kept.values()], [s for _, s in kept], absent, undefined


def _unit(row: Comparison, metric: str) -> str:
    if metric in ("hd95", "assd"):
        return row.length_unit
    return row.size_unit if metric == "size_difference" else ""
