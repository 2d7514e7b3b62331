"""Percent predicted, lower limits of normal and z-scores of a table of spirometry."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from suffice.core import UsageError
from suffice.spirometry.gli import AGES_YEARS, DOI, GROUPS, MEASURED, Reference, healthy_values

# Heights of people of 3 to 95 years; what lies beyond is another unit or a slip.
HEIGHTS_CM = (60.0, 260.0)
VALUES = {"fev1": "fev1_l", "fvc": "fvc_l", "ratio": "ratio"}


def interpret_spirometry(table: pd.DataFrame, reference: Reference = "gli2022") -> pd.DataFrame:
    """Say how far each test lies from what healthy people reach.

    Parameters
    ----------
    table : DataFrame
        Columns ``sex`` (``female`` or ``male``), ``age_years``, ``height_cm``, one or both of
        ``fvc_l`` and ``fev1_l``, and, for GLI 2012, ``group``; others are kept.
    reference : {"gli2022", "gli2012"}
        See `healthy_values`.

    Returns
    -------
    DataFrame
        The table with, for ``fev1``, ``fvc`` and ``ratio`` (FEV1/FVC), columns that end in
        ``_predicted``, ``_percent``, ``_lln`` (5th percentile) and ``_z``, in litres where these
        are volumes; and ``reason``, why a test has none.

    Raises
    ------
    UsageError
        If a column is missing.

    Examples
    --------
    >>> one = {"sex": "female", "age_years": 60.0, "height_cm": 162.0, "fev1_l": 1.2, "fvc_l": 2.4}
    >>> row = interpret_spirometry(pd.DataFrame([one])).iloc[0]
    >>> [round(float(row[name]), 2) for name in ("fev1_percent", "fev1_z", "ratio_lln")]
    [50.83, -2.78, 0.68]
    """
    known = _with_ratio(table, reference)
    whys = np.array(_reasons(known, reference), dtype=object)
    usable = whys == ""
    told: dict[str, Any] = {
        "sex": known["sex"].to_numpy(object),
        "age_years": np.where(usable, known["age_years"].to_numpy(np.float64), np.nan),
        "height_cm": known["height_cm"].to_numpy(np.float64),
        "group": known["group"].to_numpy(object) if "group" in known else None,
    }
    columns: dict[str, npt.NDArray[np.float64]] = {}
    for measure in MEASURED:
        name = VALUES[measure]
        if name not in known:
            continue
        healthy = healthy_values(measure, reference=reference, **told)
        values = known[name].to_numpy(np.float64)
        values = np.where(values > 0, values, np.nan)
        unit = "" if measure == "ratio" else "_l"
        columns |= {
            f"{measure}_predicted{unit}": healthy.median,
            f"{measure}_percent": healthy.percent(values),
            f"{measure}_lln{unit}": healthy.at(),
            f"{measure}_z": healthy.z(values),
        }
    return known.assign(**columns, reference=reference, doi=DOI[reference], reason=whys)


def _with_ratio(table: pd.DataFrame, reference: Reference) -> pd.DataFrame:
    needed = ["sex", "age_years", "height_cm", *(["group"] if reference == "gli2012" else [])]
    absent = [name for name in needed if name not in table.columns]
    if absent or not {"fvc_l", "fev1_l"} & set(table.columns):
        raise UsageError(
            "Predicted values need more columns",
            got=", ".join(map(str, table.columns)),
            expected=f"{', '.join(needed)}, and fvc_l or fev1_l",
            cure="GLI 2012 asks for a group of origin; Global 2022 does not."
            if absent == ["group"]
            else "Add them to the table of spirometry.",
        )
    if "ratio" in table or not {"fvc_l", "fev1_l"} <= set(table.columns):
        return table.copy()
    fvc = table["fvc_l"].where(table["fvc_l"] > 0)
    return table.assign(ratio=table["fev1_l"] / fvc)


def _reasons(table: pd.DataFrame, reference: Reference) -> list[str]:
    """Why each test has no reference; empty where it has one."""
    age, height = table["age_years"], table["height_cm"]
    checks = [
        (age.isna(), "age unknown"),
        (
            (age < AGES_YEARS[0]) | (age > AGES_YEARS[1]),
            f"age is outside {AGES_YEARS[0]:g} to {AGES_YEARS[1]:g} years, for which the"
            " equations are known",
        ),
        (~table["sex"].isin(["female", "male"]), "sex unknown"),
        (height.isna(), "height unknown"),
        (
            (height < HEIGHTS_CM[0]) | (height > HEIGHTS_CM[1]),
            f"height is outside {HEIGHTS_CM[0]:g} to {HEIGHTS_CM[1]:g} cm",
        ),
    ]
    if reference == "gli2012":
        checks.append((~table["group"].isin(GROUPS), "group of origin unknown"))
    whys = np.select(
        [check.to_numpy(bool) for check, _ in checks], [why for _, why in checks], default=""
    )
    return [str(why) for why in whys]
