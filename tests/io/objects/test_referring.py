"""What objects say of the series below them, and which masks they can hold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pydicom
import pytest

from suffice.core import LabelError, LabelMap
from suffice.io.objects.referring import reference_to, reference_to_slice, require_all_labelled
from suffice.io.objects.source import read_source


def test_each_slice_is_referred_to_by_its_own_file(oblique_series):
    source = read_source(oblique_series)
    files = {
        str(pydicom.dcmread(path).SOPInstanceUID): pydicom.dcmread(path)
        for path in oblique_series.iterdir()
    }
    told = [reference_to_slice(source, i) for i in range(len(source.headers))]
    assert {str(item.ReferencedSOPInstanceUID) for item in told} == set(files)
    for i, item in enumerate(told):
        header = files[str(item.ReferencedSOPInstanceUID)]
        assert item.ReferencedSOPClassUID == header.SOPClassUID
        assert "ReferencedFrameNumber" not in item
        place = np.array(header.ImagePositionPatient, dtype=float)
        corner = source.grid.affine[:3] @ (0, 0, i, 1) * (-1, -1, 1)
        assert place == pytest.approx(corner, abs=1e-3)


def test_a_frame_is_told_where_there_is_one(oblique_series):
    header = read_source(oblique_series).header
    assert reference_to(header, 3).ReferencedFrameNumber == 3


def test_a_mask_of_which_parts_are_unlabelled_is_refused(oblique_series, mask_on):
    mask = mask_on(oblique_series)
    require_all_labelled(mask, "An object")
    legend = replace(mask.legend, ignore=255)
    array = mask.array.copy()
    array[0, 0, 0] = 255
    with pytest.raises(LabelError, match=r"An object cannot say which .* \(value 255\)"):
        require_all_labelled(LabelMap(array, mask.grid, legend), "An object")
