"""The table of PS3.15 and how its codes are chosen among."""

import pytest
from pydicom.datadict import tag_for_keyword

from suffice.phantoms.identified import CT
from suffice.privacy import Options
from suffice.privacy.profile import action_of, rule_for, safe_private, table

NOTHING = Options(clean=(), dates="remove")


def action(keyword: str, options: Options = NOTHING, sop_class: str = CT) -> str:
    tag = tag_for_keyword(keyword)
    return action_of(rule_for(tag), tag, sop_class, options)


def test_the_table_is_whole() -> None:
    assert len(table()) == 655
    assert {
        code for rule in table().values() for code in rule.basic.replace("*", "").split("/")
    } == {*"DZXU"}
    assert {code for rule in table().values() for code in rule.options.values()} == {*"KC"}


# Rows as they are printed in PS3.15 Table E.1-1.
@pytest.mark.parametrize(
    ("keyword", "basic", "options"),
    [
        ("PatientName", "Z", {}),
        ("PatientBirthDate", "Z", {}),
        ("AccessionNumber", "Z", {}),
        ("StudyInstanceUID", "U", {"uids": "K"}),
        ("StudyDate", "Z", {"full_dates": "K", "shifted_dates": "C"}),
        ("AcquisitionDateTime", "X/Z/D", {"full_dates": "K", "shifted_dates": "C"}),
        ("SeriesDescription", "X", {"descriptors": "C"}),
        ("InstitutionName", "X/Z/D", {"institution": "K"}),
        ("DeviceSerialNumber", "X/Z/D", {"device": "K"}),
        ("PatientWeight", "X", {"patient": "K"}),
        ("Allergies", "X", {"patient": "C", "descriptors": "C"}),
        ("ContentSequence", "D", {"structured_content": "C"}),
        ("AcquisitionContextSequence", "X/Z", {"structured_content": "C"}),
    ],
)
def test_rows_of_the_standard(keyword: str, basic: str, options: dict[str, str]) -> None:
    rule = rule_for(tag_for_keyword(keyword))
    assert (rule.basic, rule.options) == (basic, options)


def test_groups_that_repeat_are_found() -> None:
    assert rule_for(0x50120030).basic == "X"
    assert rule_for(0x60023000).basic == "X"
    assert rule_for(0x60020010) is None


def test_the_least_that_the_object_must_have_is_taken() -> None:
    # Of type 3, 2 and 1 in a CT image; the last is of type 3 there.
    assert action("SeriesDate") == "X"
    assert action("ContrastBolusAgent") == "Z"
    assert action("PatientID") == "Z"
    assert action("DeviceSerialNumber") == "X"
    assert action("AcquisitionDateTime", sop_class="1.2.840.10008.5.1.4.1.1.2.1") == "D"


def test_an_object_that_nobody_knows_keeps_dummies() -> None:
    assert action("DeviceSerialNumber", sop_class="1.2.3") == "D"


def test_options_keep_and_the_more_careful_of_two_cleans() -> None:
    assert action("StudyInstanceUID", Options(retain=("uids",))) == "K"
    assert action("StationName", Options(retain=("device",), clean=())) == "K"
    assert action("StudyDate", Options(dates="keep")) == "K"
    assert action("StudyDate", Options(dates="shift")) == "C"
    assert action("Allergies", Options(retain=("patient",))) == "C"
    assert action("PatientName", Options(retain=("patient", "uids"), dates="keep")) == "Z"


def test_safe_private_attributes_are_known_by_creator() -> None:
    assert ("SIEMENS MR HEADER", 0x0019, 0x0C) in safe_private()
    assert ("Philips PET Private Group", 0x7053, 0x00) in safe_private()
    assert ("ACME", 0x0019, 0x0C) not in safe_private()
