"""Overlays: colour copies of the slices, outlines in the legend's colours, the header says so."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest

from suffice.core import GeometryError, LabelMap
from suffice.io.objects.maker import Maker
from suffice.io.objects.overlay import outline_of, write_overlay
from suffice.io.objects.source import read_source


@pytest.fixture
def pictures(
    oblique_series: Path, mask_on: Callable[..., LabelMap], tmp_path: Path
) -> tuple[LabelMap, list[pydicom.Dataset]]:
    mask = mask_on(oblique_series)
    grey = np.full(mask.grid.shape, 77, np.uint8)
    write_overlay(tmp_path / "o", grey, mask, read_source(oblique_series), maker=Maker("unet"))
    return mask, [pydicom.dcmread(path) for path in sorted((tmp_path / "o").iterdir())]


def test_outlines_are_burned_in_in_the_colours_of_the_legend(
    pictures: tuple[LabelMap, list[pydicom.Dataset]],
) -> None:
    mask, slices = pictures
    assert len(slices) == mask.grid.shape[2]
    for index, picture in enumerate(slices):
        plane = mask.array[:, :, index].T
        pixels = picture.pixel_array
        rim = outline_of(plane == 2)
        assert (pixels[rim] == (0xE6, 0x9F, 0x00)).all()
        outside = plane == 0
        assert (pixels[outside] == 77).all()
        inside = (plane == 2) & ~rim
        assert (pixels[inside] == 77).all()


def test_the_header_says_that_they_are(
    pictures: tuple[LabelMap, list[pydicom.Dataset]], oblique_series: Path
) -> None:
    _, slices = pictures
    known = {pydicom.dcmread(file).SOPInstanceUID for file in oblique_series.iterdir()}
    assert len({picture.SeriesInstanceUID for picture in slices}) == 1
    assert [picture.InstanceNumber for picture in slices] == list(range(1, 13))
    for picture in slices:
        assert list(picture.ImageType[:2]) == ["DERIVED", "SECONDARY"]
        assert "suffice unet are burned into this copy; not for" in picture.DerivationDescription
        assert picture.SeriesDescription == "outlines burned in, to look at"
        assert picture.SourceImageSequence[0].ReferencedSOPInstanceUID in known


def test_dciodvfy_finds_no_error(
    pictures: tuple[LabelMap, list[pydicom.Dataset]],
    judged: Callable[[Path], list[str]],
    tmp_path: Path,
) -> None:
    assert judged(tmp_path / "o" / "0003.dcm") == []


def test_a_picture_of_another_size_is_refused(
    oblique_series: Path, mask_on: Callable[..., LabelMap], tmp_path: Path
) -> None:
    mask = mask_on(oblique_series)
    with pytest.raises(GeometryError, match="The picture does not fit"):
        write_overlay(tmp_path, np.zeros((2, 2, 2), np.uint8), mask, read_source(oblique_series))
