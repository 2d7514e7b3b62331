"""Everything that is measured of one mask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from suffice.core import Image, LabelMap
from suffice.measure.chest_xray import measure_cardiothoracic
from suffice.measure.intensities import measure_intensities, values_inside
from suffice.measure.lungs import further_lungs, lung_part, measure_density
from suffice.measure.size import measure_shape, measure_size
from suffice.measure.soft import measure_soft_sizes
from suffice.measure.structure import Measure, Structure, structures_of


@dataclass(frozen=True, slots=True)
class Examined:
    """What was measured of a mask, and by label what a reader should know of it."""

    measures: tuple[Measure, ...]
    notes: Mapping[str, str]


def measure_mask(
    mask: LabelMap,
    image: Image | None = None,
    *,
    probabilities: npt.NDArray[np.floating] | None = None,
    shape: bool = False,
    channels: Sequence[str] = (),
) -> list[Measure]:
    """Measure every structure of the legend; absent ones measure 0.

    Parameters
    ----------
    mask : LabelMap
    image : Image, optional
        The scan, on the mask's grid: adds what it shows in each structure, see
        `measure_intensities`; of PET in SUV the uptake; of CT in HU mass and emphysema of the
        lungs, and those of both and each side as far as the mask tells them.
    probabilities : float array of shape (n_classes, *spatial), optional
        Adds the size by these, see `measure_soft_sizes`.
    shape : bool
        Whether to add diameter, surface, volume of the mesh and centroid, see `measure_shape`.
    channels : sequence of str
        Names of the image's channels, which stand before the measures where there are several.

    Returns
    -------
    list of Measure
        For volumes ``volume_ml``, the voxels' volume under the affine (oblique and sheared ones
        too); for pictures ``area_mm2``, or ``area_px`` where the spacing is unknown. And
        ``extent_mm`` (``extent_px``): the largest distance between two corners of its voxels.
        Pictures with a heart and lungs have their cardiothoracic ratio.

    Raises
    ------
    GeometryError
        If the scan lies on another grid.

    Examples
    --------
    >>> from suffice.core import Grid, Legend
    >>> array = np.zeros((4, 4, 4), dtype=np.uint8)
    >>> array[0, 0, :] = 1
    >>> grid = Grid.from_spacing(array.shape, (3.0, 4.0, 3.0))
    >>> measures = measure_mask(LabelMap(array, grid, Legend.from_names({1: "vessel"})))
    >>> [(m.name, round(m.value, 3)) for m in measures]
    [('volume_ml', 0.144), ('extent_mm', 13.0)]
    """
    return list(
        examine_mask(
            mask, image, probabilities=probabilities, shape=shape, channels=channels
        ).measures
    )


def examine_mask(
    mask: LabelMap,
    image: Image | None = None,
    *,
    probabilities: npt.NDArray[np.floating] | None = None,
    shape: bool = False,
    channels: Sequence[str] = (),
) -> Examined:
    """Measure a mask as `measure_mask` does, and say how what it does not name was had."""
    if image is not None:
        image.grid.require_match(mask.grid, "The scan", "its mask")
    soft = [] if probabilities is None else measure_soft_sizes(mask, probabilities)
    structures = list(structures_of(mask))
    further: list[Structure] = []
    note = ""
    if image is not None and image.unit == "HU":
        further, note = further_lungs(structures)
    measures: list[Measure] = []
    for structure in (*structures, *further):
        measures += measure_size(structure)
        measures += [measure for measure in soft if measure.label == structure.label]
        measures += measure_shape(structure) if shape else ()
        measures += _of_image(structure, image, channels)
    measures += measure_cardiothoracic(structures)
    is_ct = image is not None and image.unit == "HU"
    return Examined(tuple(measures), _notes([*structures, *further], note) if is_ct else {})


def _notes(structures: Sequence[Structure], how: str) -> dict[str, str]:
    """Say of the lungs how they were told apart, and that nothing tells the airways from them."""
    labels = [structure.label for structure in structures]
    cautions = [how] if how else []
    if not any("airway" in label.lower() or "trachea" in label.lower() for label in labels):
        cautions.append("no airway in the mask: what of it the lungs hold counts as lung")
    note = "; ".join(cautions)
    return {label: note for label in labels if note and lung_part(label) is not None}


def _of_image(
    structure: Structure, image: Image | None, channels: Sequence[str]
) -> Iterator[Measure]:
    if image is None:
        return
    for channel in range(image.n_channels):
        prefix = f"{channels[channel]}_" if len(channels) > 1 else ""
        yield from measure_intensities(structure, image, channel, prefix=prefix)
    is_lung = lung_part(structure.label) is not None
    if image.unit == "HU" and is_lung and not structure.is_empty and image.grid.ndim == 3:
        values = values_inside(structure, image)
        yield from measure_density(structure.label, values, image.grid.voxel_volume_ml or 0.0)
