"""Tests of the lungs of people who do not exist: FVC follows the true volume, with noise."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from suffice.core import Case
from suffice.spirometry import healthy_values

SPIROMETRY_CSV = "spirometry.csv"
_HEIGHT_CM = 170.0
# By how much FVC grows with the logarithm of height: the median of both sexes' equations.
_GROWTH = 2.67


@dataclass(frozen=True, slots=True)
class Person:
    """Who is tested: what is breathed out of a full lung, and how fast."""

    sex: str
    age_years: float
    height_cm: float
    vital_share: float
    fev1_share: float


def draw_person(rng: np.random.Generator, lungs_l: float) -> Person:
    """Draw a person to whom lungs of some volume are about usual.

    Parameters
    ----------
    rng : numpy Generator
    lungs_l : float
        At the first visit. The height is the one at which healthy people have the FVC that
        comes of it, give or take some centimetres.
    """
    sex, age = ("female", "male")[int(rng.integers(0, 2))], float(rng.uniform(45, 75))
    share = float(rng.uniform(0.70, 0.78))
    usual = healthy_values("fvc", sex=[sex], age_years=[age], height_cm=[_HEIGHT_CM]).median[0]
    height = _HEIGHT_CM * (share * lungs_l / usual) ** (1.0 / _GROWTH) + rng.normal(0, 3)
    return Person(sex, age, float(np.clip(height, 145, 205)), share, float(rng.uniform(0.70, 0.82)))


def breathe(
    rng: np.random.Generator, person: Person, case: Case, lungs_l: float
) -> dict[str, object]:
    """Test a person some days from a scan; both volumes err by 3 %."""
    day = date.fromisoformat(case.date) + timedelta(days=int(rng.integers(-10, 11)))
    fvc = person.vital_share * lungs_l * float(np.exp(rng.normal(0, 0.03)))
    fev1 = person.fev1_share * fvc * float(np.exp(rng.normal(0, 0.03)))
    return {
        "subject": case.subject,
        "date": day.isoformat(),
        "sex": person.sex,
        "age_years": round(person.age_years + (int(case.visit) - 1), 1),
        "height_cm": round(person.height_cm, 1),
        "position": "sitting",
        "fvc_l": round(fvc, 3),
        "fev1_l": round(fev1, 3),
    }
