"""What other curves teach, and that it is kept."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from suffice.core import FileFormatError, UsageError
from suffice.forecasting import (
    FAMILIES,
    LibraryCurve,
    Measured,
    learn_experience,
    read_experience,
    shipped_experience,
    usual_noise,
)

SIZES = np.array([1.0, 2.0, 3.0, 4.0, 8.0, 16.0])


def library(rng: np.random.Generator, family: str, n_curves: int) -> list[LibraryCurve]:
    """Curves of one family in three cohorts."""
    curves = []
    for i in range(n_curves):
        rest = np.array(FAMILIES[family].starts[0]) + rng.normal(0, 0.2, 2)
        theta = np.array([[rng.normal(-0.5, 0.3), *rest]])
        values = np.clip(FAMILIES[family].value(theta, SIZES, 4.0)[0], 0, 1)
        noise = rng.normal(size=(4, len(SIZES))) * 0.1 * (1 - values) / np.sqrt(SIZES)
        scores = np.clip(values + noise, 0, 1)[:, :, None, None]
        curves.append(LibraryCurve(f"cohort{i % 3}", Measured(SIZES, scores)))
    return curves


def test_what_curves_have_in_common_is_learned() -> None:
    curves = library(np.random.default_rng(0), "power", 12)
    found = learn_experience(curves, source="made up")
    power = found.families["power"]
    np.testing.assert_allclose(power.mean, FAMILIES["power"].starts[0], atol=0.4)
    assert (np.array(power.sd) < 1.0).all()
    assert sum(each.weight for each in found.families.values()) == pytest.approx(1, abs=1e-3)
    assert found.noise == pytest.approx(0.1, rel=0.3)
    assert (found.n_curves, found.n_cohorts) == (12, 3)
    assert 0.3 < found.inflation < 3


def test_what_is_shipped_was_learned_from_many_cohorts() -> None:
    found = shipped_experience()
    assert found.n_cohorts >= 6
    assert found.n_curves >= 40
    assert sum(each.weight for each in found.families.values()) == pytest.approx(1, abs=1e-3)


def test_experience_is_read_as_it_was_written(tmp_path: Path) -> None:
    kept = replace(shipped_experience(), source="elsewhere")
    path = tmp_path / "experience.json"
    path.write_text(json.dumps(kept.to_json()), encoding="utf-8")
    assert read_experience(path) == kept


@pytest.mark.parametrize("text", ["{", "[]", '{"version": 1}', '{"version": 1, "families": 3}'])
def test_what_is_no_experience_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "experience.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FileFormatError, match="no experience"):
        read_experience(path)


def test_experience_of_other_families_is_refused(tmp_path: Path) -> None:
    kept = shipped_experience().to_json()
    del kept["families"]["power"]
    path = tmp_path / "experience.json"
    path.write_text(json.dumps(kept), encoding="utf-8")
    with pytest.raises(FileFormatError, match="other families"):
        read_experience(path)


def test_experience_of_an_earlier_version_is_told_apart(tmp_path: Path) -> None:
    kept = shipped_experience().to_json() | {"version": 1}
    del kept["between"]
    path = tmp_path / "experience.json"
    path.write_text(json.dumps(kept), encoding="utf-8")
    with pytest.raises(
        FileFormatError, match=r"another version.*got version 1.*expected version 2"
    ):
        read_experience(path)


def test_what_is_no_number_is_no_experience(tmp_path: Path) -> None:
    path = tmp_path / "experience.json"
    kept = shipped_experience().to_json() | {"between": float("nan")}
    path.write_text(json.dumps(kept), encoding="utf-8")
    with pytest.raises(FileFormatError, match="NaN is no number"):
        read_experience(path)


def test_how_subjects_differ_is_the_median_of_what_is_told() -> None:
    curves = library(np.random.default_rng(0), "power", 6)
    told = [
        replace(curve, between=value)
        for curve, value in zip(curves, (0.2, 0.5, np.nan, 0.4, np.nan, np.nan), strict=True)
    ]
    assert learn_experience(told, source="made up").between == 0.4
    assert learn_experience(curves, source="made up").between == 0.3


def test_one_cohort_teaches_nothing_about_others() -> None:
    curves = library(np.random.default_rng(0), "power", 3)
    with pytest.raises(UsageError, match="several cohorts"):
        learn_experience(curves[:1], source="made up")


def test_curves_with_one_draw_say_nothing_about_noise() -> None:
    single = Measured(SIZES, np.linspace(0.3, 0.7, len(SIZES))[None, :, None, None])
    assert usual_noise([single]) == usual_noise([])
