"""Standardised uptake values from what a PET header says."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

# Beyond this the times were shifted by whoever removed the patient's name.
_LONGEST_UPTAKE = timedelta(hours=24)


def suv_factor(header: Any) -> float | None:
    """Give what turns a rescaled PET value into SUV by body weight, or ``None``.

    Parameters
    ----------
    header : pydicom.Dataset
        Of the slice that was acquired first.

    Notes
    -----
    SUVbw = activity concentration [Bq/ml] x weight [g] / dose at the time of decay correction
    [Bq], after the Quantitative Imaging Biomarkers Alliance's pseudo-code. Images that are
    already in g/ml are SUV unless SUVType names another body measure.
    """
    units = header.get("Units")
    if units == "GML":
        return 1.0 if header.get("SUVType") in (None, "", "BW") else None
    if units != "BQML" or "DECY" not in (header.get("CorrectedImage") or ()):
        return None
    weight_kg = _positive(header, "PatientWeight")
    items = header.get("RadiopharmaceuticalInformationSequence") or []
    if weight_kg is None or len(items) != 1:
        return None
    dose_bq = _positive(items[0], "RadionuclideTotalDose")
    half_life_s = _positive(items[0], "RadionuclideHalfLife")
    uptake = _uptake(header, items[0])
    if dose_bq is None or half_life_s is None or uptake is None:
        return None
    left = dose_bq * 0.5 ** (uptake.total_seconds() / half_life_s)
    return float(weight_kg * 1000.0 / left)


def _uptake(header: Any, tracer: Any) -> timedelta | None:
    """Time from injection to the moment that the decay is corrected to."""
    if header.get("DecayCorrection") == "ADMIN":
        return timedelta(0)
    if header.get("DecayCorrection") != "START":
        return None
    scan = _moment(header.get("SeriesDate"), header.get("SeriesTime"))
    acquired = _moment(header.get("AcquisitionDate"), header.get("AcquisitionTime"))
    # A series that was reconstructed anew bears the time of that.
    if scan is None or (acquired is not None and acquired < scan):
        scan = acquired
    if scan is None:
        return None
    stated = str(tracer.get("RadiopharmaceuticalStartDateTime") or "")
    injected = _moment(stated[:8], stated[8:])
    if injected is None:
        injected = _moment(
            scan.strftime("%Y%m%d"), str(tracer.get("RadiopharmaceuticalStartTime") or "")
        )
        if injected is not None and injected > scan:
            injected -= timedelta(days=1)
    if injected is None or not timedelta(0) <= scan - injected <= _LONGEST_UPTAKE:
        return None
    return scan - injected


def _moment(date: object, time: object) -> datetime | None:
    clock = str(time or "").replace(":", "")[:6]
    try:
        return datetime.strptime(f"{date}{clock}", "%Y%m%d%H%M%S")
    except ValueError:
        return None


def _positive(item: Any, name: str) -> float | None:
    value = item.get(name)
    return float(value) if value and float(value) > 0 else None
