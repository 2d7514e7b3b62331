"""Codes: of the legend, by the name, or generic."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.sr.codedict import codes

from suffice.core import Label, LabelError, Legend
from suffice.io.objects.codes import GENERIC, category_of, coded, note_generic, side_of


@pytest.mark.parametrize(
    ("name", "value", "side"),
    [
        ("Liver", "10200004", None),
        ("left_lung", "39607008", "left"),
        ("kidneys", "64033007", None),
        ("Left ventricle", "87878005", None),
        ("GTV", "108369006", None),
        ("Lymph-Node (right)", "59441001", "right"),
    ],
)
def test_names_are_known_as_dicom_writes_them(name: str, value: str, side: str | None) -> None:
    found = coded(Label(1, name, "#E69F00"))
    assert (found.value, found.scheme, found.side) == (value, "SCT", side)
    assert not found.is_generic


def test_the_codes_of_organs_are_those_of_snomed() -> None:
    for concept in (codes.SCT.Liver, codes.SCT.Spleen, codes.SCT.Hippocampus):
        assert coded(Label(1, concept.meaning, "#E69F00")).value == concept.value


def test_the_code_of_the_legend_wins_over_the_name() -> None:
    found = coded(Label(1, "liver", "#E69F00", "SCT:78961009:Spleen"))
    assert (found.value, found.meaning) == ("78961009", "Spleen")
    assert category_of(found) == codes.cid7150.AnatomicalStructure
    assert coded(Label(1, "spleen", "#E69F00", "78961009")).meaning == "spleen"
    assert coded(Label(1, "left one", "#E69F00", "99HOUSE:ab")).scheme == "99HOUSE"


@pytest.mark.parametrize("code", ["SCT:liver", "a scheme that is too long:1", "SCT:", ":"])
def test_a_code_that_cannot_be_read_is_named(code: str) -> None:
    with pytest.raises(LabelError, match=re.escape("The code of 'x' cannot be read")):
        coded(Label(1, "x", "#E69F00", code))


@given(st.text(max_size=40))
def test_every_name_has_a_code(name: str) -> None:
    found = coded(Label(1, name, "#E69F00"))
    assert found.value and found.meaning
    assert found.is_generic == (found == GENERIC)
    assert category_of(found).scheme_designator == "SCT"


def test_sides_are_modifiers() -> None:
    assert side_of(coded(Label(1, "left kidney", "#E69F00"))) == codes.SCT.Left
    assert side_of(coded(Label(1, "kidney", "#E69F00"))) is None


def test_what_has_but_a_generic_code_is_said() -> None:
    (note,) = note_generic(Legend.from_names({1: "ball", 2: "liver"}))
    assert note.startswith("no code is known for ball:")
    assert note_generic(Legend.from_names({2: "liver"})) == ()
