"""Reference values: against the published look-up tables, another library, and their own laws.

`pyspiro.csv` holds what pyspiro 1.0.0 (MIT) gave for 200 people drawn at random; it carries the
GLI's tables itself.
"""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from suffice.core import UsageError
from suffice.spirometry import (
    GROUPS,
    LLN_Z,
    MEASURED,
    REFERENCES,
    healthy_values,
    interpret_spirometry,
)

VALUES = Path(__file__).with_name("pyspiro.csv")
DATA = Path(__file__).parents[3] / "shared" / "data" / "spirometry"
TABLES = DATA / "gli_global_lookuptables_dec6.xlsx"
NHANES = DATA / "nhanes_2007_2012.csv.gz"
XML = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"

# The formulas as they stand beside the look-up tables, sheet by sheet.
FORMULAS = {
    ("male", "fev1"): (
        lambda a, h: (-11.399108 + 2.462664 * h - 0.011394 * a, -2.256278 + 0.080729 * a, 1.22703)
    ),
    ("male", "fvc"): (
        lambda a, h: (-12.629131 + 2.727421 * h + 0.009174 * a, -2.195595 + 0.068466 * a, 0.9346)
    ),
    ("male", "ratio"): (
        lambda a, h: (
            1.022608 - 0.218592 * h - 0.027586 * a,
            -2.882025 + 0.068889 * a,
            3.8243 - 0.3328 * a,
        )
    ),
    ("female", "fev1"): (
        lambda a, h: (-10.901689 + 2.385928 * h - 0.076386 * a, -2.364047 + 0.129402 * a, 1.21388)
    ),
    ("female", "fvc"): (
        lambda a, h: (-12.055901 + 2.621579 * h - 0.035975 * a, -2.310148 + 0.120428 * a, 0.899)
    ),
    ("female", "ratio"): (
        lambda a, h: (
            0.9189568 - 0.1840671 * h - 0.0461306 * a,
            -3.171582 + 0.144358 * a,
            6.6490 - 0.9920 * a,
        )
    ),
}


def published_splines(sheet: int) -> list[tuple[float, float, float]]:
    """Age, M spline and S spline of every row of a sheet."""
    with zipfile.ZipFile(TABLES) as book:
        root = ElementTree.fromstring(book.read(f"xl/worksheets/sheet{sheet}.xml"))
    rows = [
        {cell.get("r", "")[0]: cell.findtext(f"{XML}v") for cell in row}
        for row in root.iter(f"{XML}row")
    ]
    return [(float(r["A"]), float(r["B"]), float(r["C"])) for r in rows[1:]]


@pytest.mark.skipif(not TABLES.exists(), reason="needs ../shared/data/spirometry")
def test_equals_the_published_tables_at_rows_of_every_sheet():
    rng = np.random.default_rng(0)
    n_compared = 0
    for sheet, ((sex, measure), formula) in enumerate(FORMULAS.items(), start=1):
        rows = published_splines(sheet)
        assert len(rows) == 369
        for i in rng.choice(len(rows), 40, replace=False):
            age, m_spline, s_spline = rows[i]
            height = float(rng.uniform(100, 200))
            m, s, skew = formula(math.log(age), math.log(height))
            m, s = math.exp(m + m_spline), math.exp(s + s_spline)
            value = m * float(rng.uniform(0.6, 1.2))
            lln = m * (1 + LLN_Z * skew * s) ** (1 / skew)
            z = ((value / m) ** skew - 1) / (skew * s)
            ours = healthy_values(measure, sex=[sex], age_years=[age], height_cm=[height])
            assert ours.median[0] == pytest.approx(m, abs=1e-5)
            assert ours.at()[0] == pytest.approx(lln, abs=1e-5)
            assert ours.z(np.array([value]))[0] == pytest.approx(z, abs=1e-4)
            assert ours.percent(np.array([value]))[0] == pytest.approx(100 * value / m, abs=1e-3)
            n_compared += 1
    assert n_compared == 240


def test_equals_pyspiro_between_the_rows_for_both_references_and_all_groups():
    table = pd.read_csv(VALUES)
    assert set(table["group"]) == set(GROUPS)
    for (reference, measure), part in table.groupby(["reference", "measure"]):
        assert len(part) == 200
        ours = healthy_values(
            measure,
            sex=part["sex"],
            age_years=part["age_years"],
            height_cm=part["height_cm"],
            group=part["group"],
            reference=reference,
        )
        value = part["value"].to_numpy()
        np.testing.assert_allclose(ours.median, part["predicted"], atol=1e-5)
        np.testing.assert_allclose(ours.z(value), part["z"], atol=1e-4)
        # Theirs are rounded to two decimals.
        np.testing.assert_allclose(ours.percent(value), part["percent"], atol=0.00501)
        # They take the 5th percentile at 1.645, as published, or at 1.6449.
        np.testing.assert_allclose(ours.at(), part["lln"], atol=5e-4)


people = st.fixed_dictionaries(
    {
        "sex": st.sampled_from(["female", "male"]),
        "age_years": st.floats(3, 95),
        "height_cm": st.floats(80, 210),
        "group": st.sampled_from(GROUPS),
    }
)


@given(people, st.sampled_from(MEASURED), st.sampled_from(REFERENCES), st.floats(-3.5, 3.5))
def test_values_and_z_scores_are_inverse(person, measure, reference, z):
    healthy = healthy_values(
        measure, **{name: [value] for name, value in person.items()}, reference=reference
    )
    median, value = healthy.median, healthy.at(z)
    assert healthy.z(median)[0] == pytest.approx(0, abs=1e-9)
    assert healthy.percent(median)[0] == pytest.approx(100)
    # A strong skew has a least possible value: beyond it no z-score is reached.
    if np.isfinite(value[0]):
        assert healthy.z(value)[0] == pytest.approx(z, abs=1e-6)
    assert 0 < healthy.at()[0] < median[0]


@given(people, st.sampled_from(["fev1", "fvc"]), st.sampled_from(REFERENCES))
def test_the_taller_have_larger_lungs(person, measure, reference):
    two = {name: [value, value] for name, value in person.items()}
    two["height_cm"] = [person["height_cm"], person["height_cm"] + 1]
    low, high = healthy_values(measure, **two, reference=reference).median
    assert low < high


def row(**changes: object) -> pd.DataFrame:
    one = {"sex": "male", "age_years": 50.0, "height_cm": 175.0, "fvc_l": 4.0, "fev1_l": 3.0}
    return pd.DataFrame([one | changes])


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"age_years": 2.9}, "age is outside 3 to 95 years"),
        ({"age_years": 95.1}, "age is outside 3 to 95 years"),
        ({"age_years": np.nan}, "age unknown"),
        ({"sex": ""}, "sex unknown"),
        ({"height_cm": np.nan}, "height unknown"),
        ({"height_cm": 1.75}, "height is outside 60 to 260 cm"),
    ],
)
def test_what_has_no_reference_says_why(changes, why):
    (found,) = interpret_spirometry(row(**changes)).to_dict("records")
    assert found["reason"].startswith(why)
    numbers = [v for k, v in found.items() if k.endswith(("_z", "_percent", "_lln_l", "_lln"))]
    assert len(numbers) == 9 and all(math.isnan(v) for v in numbers)


def test_both_ends_of_the_ages_are_known():
    found = interpret_spirometry(
        pd.concat([row(age_years=3.0, height_cm=95.0), row(age_years=95.0)])
    )
    assert found["fvc_z"].notna().all() and (found["reason"] == "").all()


def test_gli_2012_needs_a_group():
    with pytest.raises(UsageError, match="GLI 2012 asks for a group of origin"):
        interpret_spirometry(row(), "gli2012")
    (found,) = interpret_spirometry(row(group="martian"), "gli2012").to_dict("records")
    assert found["reason"] == "group of origin unknown" and math.isnan(found["fvc_z"])
    alone = healthy_values(
        "fvc", sex=["male"], age_years=[50.0], height_cm=[175.0], reference="gli2012"
    )
    assert np.isnan(alone.median).all()


def test_a_volume_of_nothing_has_no_z_score():
    (found,) = interpret_spirometry(row(fvc_l=0.0)).to_dict("records")
    assert math.isnan(found["fvc_z"]) and math.isnan(found["ratio_z"])
    assert found["fev1_z"] == pytest.approx(interpret_spirometry(row())["fev1_z"][0])


def test_an_unknown_reference_is_refused():
    with pytest.raises(UsageError, match="'gli1999' is no reference"):
        healthy_values("fvc", sex=["male"], age_years=[5], height_cm=[110], reference="gli1999")


@pytest.mark.skipif(not NHANES.exists(), reason="needs ../shared/data/spirometry")
def test_all_rows_of_nhanes_are_interpreted():
    raw = pd.read_csv(NHANES)
    table = pd.DataFrame(
        {
            "sex": raw["gender"],
            "age_years": raw["age"],
            "height_cm": raw["height"],
            "fvc_l": raw["fvc"],
            "fev1_l": raw["fev1"],
        }
    )
    found = interpret_spirometry(table)
    assert len(found) == 16596 and (found["reason"] == "").all()
    scores = found[["fev1_z", "fvc_z", "ratio_z"]]
    assert scores.notna().all().all()
    # A sample of a whole population, smokers and ill people with it, lies near the healthy.
    assert (scores.mean().abs() < 0.5).all() and scores.std().between(0.9, 1.2).all()
