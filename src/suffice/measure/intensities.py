"""What a scan shows inside each structure, in the unit of its channel."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from suffice.core import Image
from suffice.measure.structure import FloatArray, Measure, Structure
from suffice.measure.uptake import measure_uptake

# Of a channel without a unit the values are what the scanner stored.
UNITS = {"HU": "hu", "SUV": "suv", "none": "value"}
PERCENTILES = (10, 90)


def measure_intensities(
    structure: Structure, image: Image, channel: int = 0, *, prefix: str = ""
) -> Iterator[Measure]:
    """Measure the values of one channel inside a structure; nothing where it is absent.

    Parameters
    ----------
    structure : Structure
    image : Image
        On the grid of the structure.
    channel : int
    prefix : str
        Of the names, to tell several channels apart.

    Yields
    ------
    Measure
        ``mean_hu, sd_hu, median_hu, p10_hu, p90_hu, min_hu, max_hu`` and ``skewness``; of PET in
        SUV ``mean_suv`` and so on with those of `measure_uptake`; ``mean_value`` and so on where
        the unit is unknown.

    Notes
    -----
    The standard deviation is that of the voxels, not of a sample, and the skewness m3 / m2^1.5,
    as the Image Biomarker Standardisation Initiative has them [1]_; 0 where all are alike.

    References
    ----------
    .. [1] Zwanenburg et al., Radiology 2020, https://doi.org/10.1148/radiol.2020191145
    """
    if structure.is_empty:
        return
    values = values_inside(structure, image, channel)
    unit = UNITS[image.unit if channel == 0 or image.unit == "none" else "none"]
    for name, value in _statistics(values).items():
        full = name if name == "skewness" else f"{name}_{unit}"
        yield Measure(structure.label, f"{prefix}{full}", value)
    if unit == "suv" and image.grid.ndim == 3:
        for measure in measure_uptake(structure, image.array[channel], values):
            yield Measure(measure.label, f"{prefix}{measure.name}", measure.value)


def values_inside(structure: Structure, image: Image, channel: int = 0) -> FloatArray:
    """Values of one channel in the voxels of a structure."""
    values: FloatArray = image.array[channel][structure.box][structure.inside].astype(np.float64)
    return values


def _statistics(values: npt.NDArray[np.float64]) -> dict[str, float]:
    mean, spread = float(values.mean()), float(values.std())
    low, high = np.percentile(values, PERCENTILES)
    away = (values - mean) / spread if spread > 0 else np.zeros(1)
    return {
        "mean": mean,
        "sd": spread,
        "median": float(np.median(values)),
        f"p{PERCENTILES[0]}": float(low),
        f"p{PERCENTILES[1]}": float(high),
        "min": float(values.min()),
        "max": float(values.max()),
        "skewness": float((away**3).mean()),
    }
