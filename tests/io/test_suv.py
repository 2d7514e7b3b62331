from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest

from suffice.core import FileFormatError
from suffice.io import read_image
from suffice.io.suv import suv_factor


def pet(**changes: object) -> pydicom.Dataset:
    """A header in Bq/ml: 70 kg, 100 MBq of a tracer of 100 minutes, injected 50 minutes before."""
    tracer = pydicom.Dataset()
    tracer.RadionuclideTotalDose = 1e8
    tracer.RadionuclideHalfLife = 6000
    tracer.RadiopharmaceuticalStartTime = "101000.00"
    header = pydicom.Dataset()
    header.Units = "BQML"
    header.CorrectedImage = ["ATTN", "DECY"]
    header.DecayCorrection = "START"
    header.PatientWeight = 70
    header.SeriesDate = header.AcquisitionDate = "20240102"
    header.SeriesTime = header.AcquisitionTime = "110000"
    header.RadiopharmaceuticalInformationSequence = [tracer]
    for name, value in changes.items():
        setattr(tracer if name in tracer or name.startswith("Radio") else header, name, value)
    return header


DECAYED = 70e3 / (1e8 * 0.5**0.5)


def test_decay_is_counted_from_injection_to_scan():
    assert suv_factor(pet()) == pytest.approx(DECAYED)


def test_decay_corrected_to_injection_is_not_counted_again():
    assert suv_factor(pet(DecayCorrection="ADMIN")) == pytest.approx(70e3 / 1e8)


def test_reconstruction_time_is_not_the_scans():
    assert suv_factor(pet(SeriesDate="20240105")) == pytest.approx(DECAYED)


def test_injection_before_midnight():
    header = pet(SeriesTime="002000", AcquisitionTime="002000")
    header.RadiopharmaceuticalInformationSequence[0].RadiopharmaceuticalStartTime = "233000"
    assert suv_factor(header) == pytest.approx(DECAYED)


def test_full_date_of_injection_counts():
    header = pet(RadiopharmaceuticalStartDateTime="20240102092000.0")
    assert suv_factor(header) == pytest.approx(70e3 / (1e8 * 0.5))


@pytest.mark.parametrize(
    "changes",
    [
        {"PatientWeight": None},
        {"PatientWeight": 0},
        {"RadionuclideTotalDose": None},
        {"RadionuclideHalfLife": None},
        {"RadiopharmaceuticalStartTime": None},
        {"RadiopharmaceuticalStartDateTime": "20231201101000"},
        {"SeriesDate": None, "AcquisitionDate": None},
        {"CorrectedImage": ["ATTN"]},
        {"DecayCorrection": "NONE"},
        {"Units": "CNTS"},
    ],
)
def test_no_factor_without_what_it_takes(changes: dict[str, object]):
    assert suv_factor(pet(**changes)) is None


@pytest.mark.parametrize(("kind", "expected"), [("", 1.0), ("BW", 1.0), ("LBM", None)])
def test_grams_per_ml_are_suv_by_body_weight(kind: str, expected: float | None):
    assert suv_factor(pet(Units="GML", SUVType=kind)) == expected


def test_series_is_scaled_by_its_first_acquisition(make_series: Callable[..., Path]):
    header = pet()
    elements = {e.keyword: e.value for e in header if e.keyword != "AcquisitionTime"}
    pixels = np.full((3, 4, 5), 1000, np.int16)
    folder = make_series(
        pixels,
        Modality="PT",
        RescaleSlope=2,
        AcquisitionTime=("110400", "110000", "110200"),
        **elements | {"SeriesTime": "113000", "CorrectedImage": ["ATTN", "DECY"]},
    )
    image = read_image(folder)
    assert image.unit == "SUV" and image.modality == "PET"
    assert np.allclose(image.array, 2000 * DECAYED)


def test_suv_on_demand_is_refused_without_what_it_takes(make_series: Callable[..., Path]):
    folder = make_series(np.ones((2, 4, 5), np.int16), Modality="PT", Units="CNTS")
    assert read_image(folder).unit == "none"
    with pytest.raises(FileFormatError, match=r"cannot be given in SUV.*unit to none"):
        read_image(folder, unit="SUV")
