"""Reference values of spirometry after the Global Lung Function Initiative."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from suffice.core import UsageError
from suffice.spirometry.lms import FloatArray, Lms

Reference = Literal["gli2022", "gli2012"]
Measured = Literal["fev1", "fvc", "ratio"]
REFERENCES: tuple[Reference, ...] = get_args(Reference)
MEASURED: tuple[Measured, ...] = get_args(Measured)
DOI = {"gli2022": "10.1164/rccm.202205-0963OC", "gli2012": "10.1183/09031936.00080312"}
SEXES = ("female", "male")
GROUPS = ("caucasian", "african_american", "north_east_asian", "south_east_asian", "other")
AGES_YEARS = (3.0, 95.0)


def healthy_values(
    measure: Measured,
    *,
    sex: npt.ArrayLike,
    age_years: npt.ArrayLike,
    height_cm: npt.ArrayLike,
    group: npt.ArrayLike | None = None,
    reference: Reference = "gli2022",
) -> Lms:
    """Return what healthy people reach, by the equations of the GLI.

    Parameters
    ----------
    measure : {"fev1", "fvc", "ratio"}
        FEV1 and FVC in litres, or FEV1/FVC.
    sex : array of str of shape (n,)
        ``female`` or ``male``.
    age_years : float array of shape (n,)
        With its decimals; from 3 to 95, beyond which nothing is known.
    height_cm : float array of shape (n,)
    group : array of str of shape (n,), optional
        One of the five groups of GLI 2012, which alone asks for it.
    reference : {"gli2022", "gli2012"}
        Global 2022 [1]_, for people of all origins, or 2012 [2]_.

    Returns
    -------
    Lms
        Not numbers where sex, age, height or group are unknown or out of range.

    Notes
    -----
    With splines m, s and l of age, from the published table by linear interpolation between
    quarters of a year, as published: M = exp(a0 + a1 ln(height) + a2 ln(age) + m),
    S = exp(p0 + p1 ln(age) + s), L = q0 + q1 ln(age) + l. In 2012 a group adds a constant to the
    exponents of M and S.

    References
    ----------
    .. [1] Bowerman et al., Am. J. Respir. Crit. Care Med. 2023,
       https://doi.org/10.1164/rccm.202205-0963OC
    .. [2] Quanjer et al., Eur. Respir. J. 2012, https://doi.org/10.1183/09031936.00080312

    Examples
    --------
    >>> fvc = healthy_values("fvc", sex=["male"], age_years=[40.0], height_cm=[178.0])
    >>> float(fvc.median[0].round(2)), float(fvc.at()[0].round(2))
    (4.92, 3.79)
    """
    if reference not in REFERENCES:
        raise UsageError(
            f"'{reference}' is no reference of spirometry", expected=", ".join(REFERENCES)
        )
    sexes = np.asarray(sex, dtype=object)
    age = np.asarray(age_years, np.float64)
    height = np.asarray(height_cm, np.float64)
    groups = np.full(age.shape, GROUPS[0], object) if group is None else np.asarray(group, object)
    lms = np.full((3, *age.shape), np.nan)
    known = (age >= AGES_YEARS[0]) & (age <= AGES_YEARS[1]) & (height > 0)
    if reference == "gli2012":
        known &= (group is not None) & np.isin(groups, GROUPS)
    for who in SEXES:
        mine = known & (sexes == who)
        lms[:, mine] = _of_one_sex(
            measure, who, age[mine], height[mine], groups[mine], reference=reference
        )
    return Lms(*lms)


def _of_one_sex(
    measure: str,
    sex: str,
    age: FloatArray,
    height: FloatArray,
    groups: npt.NDArray[np.object_],
    *,
    reference: str,
) -> FloatArray:
    c = _coefficients()[reference, sex, measure]
    ln_age = np.log(age)
    more = {part: _group_terms(c, part, groups) for part in "ap"}
    spline = {part: _spline(reference, f"{sex}_{measure}_{part}", age) for part in "lms"}
    median = c["a_0"] + c["a_height"] * np.log(height) + c["a_age"] * ln_age
    spread = c["p_0"] + c["p_age"] * ln_age
    return np.stack(
        [
            c["q_0"] + c["q_age"] * ln_age + spline["l"],
            np.exp(median + more["a"] + spline["m"]),
            np.exp(spread + more["p"] + spline["s"]),
        ]
    )


def _group_terms(c: dict[str, float], part: str, groups: npt.NDArray[np.object_]) -> FloatArray:
    return np.array([c.get(f"{part}_{name}", 0.0) for name in groups], np.float64)


def _spline(reference: str, name: str, age: FloatArray) -> FloatArray:
    """Interpolate a spline; one that the table leaves out is zero at every age."""
    table = _splines()[reference]
    if name not in table:
        return np.zeros(age.shape)
    return np.asarray(np.interp(age, table["age"], table[name]))


@cache
def _coefficients() -> dict[tuple[str, str, str], dict[str, float]]:
    table = _read("gli_coefficients.csv")
    keys = ["reference", "sex", "measure"]
    return {
        (row["reference"], row["sex"], row["measure"]): {
            str(name): float(value) for name, value in row.items() if name not in keys
        }
        for row in table.to_dict("records")
    }


@cache
def _splines() -> dict[str, dict[str, FloatArray]]:
    table = _read("gli_splines.csv")
    names: Sequence[str] = [str(name) for name in table.columns if name != "reference"]
    return {
        str(reference): {name: part[name].to_numpy(np.float64) for name in names}
        for reference, part in table.groupby("reference")
    }


def _read(name: str) -> pd.DataFrame:
    with resources.as_file(resources.files("suffice.spirometry") / name) as path:
        return pd.read_csv(path)
