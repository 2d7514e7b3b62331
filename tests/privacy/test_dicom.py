"""DICOM objects without what says who they are of."""

from __future__ import annotations

import subprocess
import warnings
from io import BytesIO
from pathlib import Path
from shutil import which

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from suffice.phantoms.identified import CT, DX, MR, PET, Identified, Person, identified_slice
from suffice.privacy import Key, Options, Refused
from suffice.privacy.dicom import clean_dicom, write_dicom


def cleaned(made: Identified, key: Key, options: Options | None = None) -> Dataset:
    return clean_dicom(made.dataset, key, options or Options()).dataset


def found_in(data: bytes, planted: dict[str, str]) -> list[str]:
    """Kinds whose value stands in bytes, also cut to the length that a short field has."""
    lower = data.lower()
    return [k for k, w in planted.items() if w.lower()[:16].encode() in lower]


@pytest.mark.parametrize("sop_class", [CT, MR, PET, DX])
def test_no_planted_value_is_left(tmp_path: Path, key: Key, sop_class: str) -> None:
    made = identified_slice(Person(3), visit=1, index=1, sop_class=sop_class)
    assert len(made.planted) >= 100
    before = BytesIO()
    made.dataset.save_as(before, enforce_file_format=True)
    assert len(found_in(before.getvalue(), made.planted)) >= 100
    write_dicom(tmp_path / "a.dcm", cleaned(made, key))
    assert found_in((tmp_path / "a.dcm").read_bytes(), made.planted) == []


def test_intervals_survive_and_references_resolve(key: Key) -> None:
    person = Person(1)
    made = [identified_slice(person, visit=v, index=i) for v in (0, 1) for i in (0, 1)]
    days = [pydicom.valuerep.DA(one.day) for one in made]
    done = [cleaned(one, key) for one in made]
    moved = [pydicom.valuerep.DA(one.StudyDate) for one in done]
    assert moved[2] - moved[0] == days[2] - days[0]
    assert moved[0] != days[0]
    assert done[0].AcquisitionDateTime[:8] == done[0].StudyDate
    assert done[1].SourceImageSequence[0].ReferencedSOPInstanceUID == done[0].SOPInstanceUID
    assert done[1].SeriesInstanceUID == done[0].SeriesInstanceUID != done[2].SeriesInstanceUID
    assert done[0].PatientID == done[3].PatientID == key.pseudonym(made[0].subject)


def test_pixels_and_geometry_stay(key: Key) -> None:
    made = identified_slice(Person(2), visit=0, index=0)
    pixels, place = made.dataset.pixel_array.copy(), list(made.dataset.ImagePositionPatient)
    after = cleaned(made, key)
    np.testing.assert_array_equal(after.pixel_array, pixels)
    assert list(after.ImagePositionPatient) == place


def test_what_was_done_is_written_down(key: Key) -> None:
    options = Options(retain=("uids", "patient"), clean=("descriptors",), dates="remove")
    after = cleaned(identified_slice(Person(2), visit=0, index=0), key, options)
    codes = [item.CodeValue for item in after.DeidentificationMethodCodeSequence]
    assert codes == ["113100", "113105", "113108", "113110"]
    assert after.PatientIdentityRemoved == "YES"
    assert after.LongitudinalTemporalInformationModified == "REMOVED"
    assert not after.StudyDate and "SeriesDate" not in after
    assert after.StudyInstanceUID.startswith("1.2.826")
    assert (after.PatientAge, after.PatientWeight) == ("090Y", 71.5)


def test_safe_private_attributes_stay_where_asked(key: Key) -> None:
    made = identified_slice(Person(2), visit=0, index=0)
    after = cleaned(made, key, Options(retain=("safe-private",)))
    private = [
        (element.private_creator, element.value) for element in after if element.tag.is_private
    ]
    assert (("SIEMENS MR HEADER", 1000)) in private
    assert {creator for creator, _ in private if creator} == {"SIEMENS MR HEADER"}


def test_drawings_in_unused_bits_are_cleared(key: Key) -> None:
    dataset = identified_slice(Person(2), visit=0, index=0).dataset
    pixels = dataset.pixel_array.copy()
    drawn = pixels | np.uint16(0x8000)
    dataset.PixelData = drawn.tobytes()
    del dataset[0x6000, 0x3000]
    dataset[0x6000, 0x0102].value = 15
    after = clean_dicom(dataset, key, Options()).dataset
    np.testing.assert_array_equal(np.frombuffer(after.PixelData, np.uint16), pixels.ravel())
    assert not [tag for tag in after.keys() if tag.group == 0x6000]  # noqa: SIM118


@pytest.mark.parametrize("name", ["Zwergel^Quintus", "山田^太郎"])
def test_a_name_in_an_attribute_that_is_kept_goes(key: Key, name: str) -> None:
    dataset = identified_slice(Person(1), visit=0, index=0).dataset
    surname = name.partition("^")[0]
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName, dataset.PatientID = name, "4711234"
    dataset.SequenceName = dataset.ConvolutionKernel = f"se {surname}"
    dataset.SeriesNumber = 4711234
    dataset.Manufacturer = f"{surname} Systems"
    dataset.AnatomicRegionSequence = [Dataset()]
    dataset.AnatomicRegionSequence[0].CodeMeaning = f"Knee of {surname}, 4711234"
    text = str(clean_dicom(dataset, key, Options()).dataset)
    assert surname not in text
    assert "4711234" not in text


def test_a_name_among_codes_goes_and_the_codes_stay(key: Key) -> None:
    dataset = identified_slice(Person(1), visit=0, index=0).dataset
    dataset.PatientName = "Zwergel^Primary^No"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "ZWERGEL"]
    dataset.BodyPartExamined, dataset.LossyImageCompression = "ZWERGEL", "NO"
    after = clean_dicom(dataset, key, Options()).dataset
    assert list(after.ImageType) == ["ORIGINAL", "PRIMARY", "ANON"]
    assert (after.BodyPartExamined, after.LossyImageCompression) == ("ANON", "NO")


def test_the_maker_stays_though_staff_bear_its_name(key: Key) -> None:
    dataset = identified_slice(Person(1), visit=0, index=0).dataset
    dataset.OperatorsName, dataset.Manufacturer = "Siemens^Service", "SIEMENS"
    assert clean_dicom(dataset, key, Options()).dataset.Manufacturer == "SIEMENS"


@pytest.mark.parametrize(
    ("sop_class", "words"),
    [
        ("1.2.840.10008.5.1.4.1.1.104.1", "encapsulated document"),
        ("1.2.840.10008.5.1.4.1.1.88.11", "free text"),
        ("1.2.840.10008.5.1.4.1.1.11.1", "presentation state"),
        ("1.2.840.10008.5.1.4.1.1.9.4.1", "recorded voice"),
        ("1.2.840.10008.5.1.4.1.1.66", "raw data"),
        ("1.2.840.10008.1.3.10", "DICOMDIR"),
        ("1.2.3.4", "not known"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(key: Key, sop_class: str, words: str) -> None:
    dataset = identified_slice(Person(1), visit=0, index=0).dataset
    dataset.SOPClassUID = sop_class
    with pytest.raises(Refused, match=words):
        clean_dicom(dataset, key, Options())


def test_other_readers_still_read_it(tmp_path: Path, key: Key) -> None:
    made = identified_slice(Person(4), visit=0, index=0, sop_class=MR)
    path = tmp_path / "a.dcm"
    write_dicom(path, cleaned(made, key))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert pydicom.dcmread(path).pixel_array.shape == (32, 32)
    if which("dcmdump") is None:
        pytest.skip("DCMTK's dcmdump is not installed")
    done = subprocess.run(["dcmdump", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stderr == ""
