"""Set lung volume on scans against spirometry."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from suffice.core import UsageError
from suffice.spirometry import (
    Agreement,
    Reference,
    SpirometryTable,
    agreement_of,
    cautions_on,
    interpret_spirometry,
    pair_by_date,
)
from suffice.tracking import Sizes

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


def compare_breathing(
    sizes: Sizes,
    measures: pd.DataFrame,
    tests: SpirometryTable,
    *,
    reference: Reference,
    max_gap_days: float,
    breath: str,
    lungs: Sequence[str] = (),
) -> Breathing:
    """Pair scans with tests, and compare what the two say of the lungs.

    Parameters
    ----------
    sizes : Sizes
        Of one source.
    measures : DataFrame
        What sizes were made of; its column ``breath`` says at what breath a scan was taken.
    tests : SpirometryTable
    reference, max_gap_days, breath, lungs
        See `suffice.track`.

    Raises
    ------
    UsageError
        If there is no volume of the lungs, or a breath is none.
    """
    scans = _with_breath(lung_volumes(sizes, lungs), measures)
    told = _interpreted(tests.tests, reference)
    return _compare(scans, told, tests.notes, max_gap_days, breath)


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
