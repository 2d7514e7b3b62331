"""Lung volume against spirometry in the words of the reader."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from markupsafe import Markup

from suffice.report.tracking_figure import breathing_figure, changes_figure
from suffice.report.words import count, interval, number


@dataclass(frozen=True, slots=True)
class BreathingSection:
    """What a page shows of lung volume against spirometry."""

    sentences: tuple[str, ...]
    figure: Markup
    changes: Markup | None
    rows: tuple[tuple[str, ...], ...]
    cautions: tuple[str, ...]
    unpaired: tuple[tuple[str, str], ...]


def breathing_section(pairs: pd.DataFrame, told: Mapping[str, Any]) -> BreathingSection | None:
    """Lay out the section.

    Parameters
    ----------
    pairs : DataFrame
        Of ``spirometry.csv``.
    told : dict
        The part ``spirometry`` of ``agreement.json``.

    Returns
    -------
    BreathingSection or None
        ``None`` where no scan has an FVC.
    """
    agreement = told["agreement"]
    if "fvc" not in agreement or agreement["fvc"]["n_pairs"] < 1:
        return None
    changes = changes_figure(pairs)
    return BreathingSection(
        sentences=tuple(_sentences(agreement)),
        figure=Markup(breathing_figure(pairs, agreement)),
        changes=None if changes is None else Markup(changes),
        rows=tuple(_rows(pairs)),
        cautions=tuple(told["cautions"]) + tuple(told["notes"]),
        unpaired=tuple((str(r["case"]), str(r["reason"])) for r in told["unpaired"]),
    )


def _sentences(agreement: Mapping[str, Any]) -> list[str]:
    fvc = agreement["fvc"]
    r, bias = fvc["correlation"], fvc["bias"]
    limits = interval(fvc["lower_limit"]["value"], fvc["upper_limit"]["value"])
    told = [
        f"In {count(fvc['n_pairs'], 'pair')} of a scan and a test"
        f" ({count(fvc['n_subjects'], 'subject')}) lung volume and FVC correlate with r"
        f" {number(r['value'])}{_bounds(r)}. The lungs on the scans hold"
        f" {number(bias['value'])} l{_bounds(bias)} more than FVC; 95 % of differences lie between"
        f" {limits} l.",
        "Deming regression, both sides with error: FVC ="
        f" {number(fvc['slope']['value'])}{_bounds(fvc['slope'])} × volume"
        f" {_signed(fvc['intercept']['value'])} l{_bounds(fvc['intercept'])}.",
    ]
    if "fvc_change" in agreement:
        both = agreement["fvc_change"]
        change, who = both["correlation"], count(both["n_subjects"], "subject")
        told.append(
            f"From the first to the last visit of {who} the changes of both correlate with r"
            f" {number(change['value'])}{_bounds(change)}."
        )
    return told


def _bounds(one: Mapping[str, Any]) -> str:
    if one["low"] is None:
        return ""
    return f" ({interval(one['low'], one['high'])})"


def _signed(value: float | None) -> str:
    return f"{'−' if value is not None and value < 0 else '+'} {number(abs(value or 0.0))}"


def _rows(pairs: pd.DataFrame) -> list[tuple[str, ...]]:
    rows = []
    for row in pairs.to_dict("records"):
        rows.append(
            (
                str(row["subject"]),
                str(row["date"]),
                number(float(row["lungs_l"])),
                str(row["test_date"]),
                *(
                    number(float(row[name]), decimals) if name in row else number(None)
                    for name, decimals in (
                        ("fvc_l", 2),
                        ("fvc_percent", 0),
                        ("fvc_z", 2),
                        ("fev1_l", 2),
                        ("fev1_percent", 0),
                        ("fev1_z", 2),
                        ("ratio_z", 2),
                    )
                ),
            )
        )
    return rows
