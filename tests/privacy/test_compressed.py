"""Compressed pixels: comments in them go, the picture stays."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import MPEG2MPML, JPEG2000Lossless, JPEGBaseline8Bit

from suffice.phantoms.identified import DX, Person, identified_slice
from suffice.privacy import Key, Options, Refused
from suffice.privacy.dicom import clean_dicom

SECRET = b"Zwickelhuber"
PLAIN = Options(clean=("descriptors",))


def picture() -> np.ndarray:
    return np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8)


def with_frame(frame: bytes, syntax: str) -> Dataset:
    dataset = identified_slice(Person(1), visit=0, index=0, sop_class=DX).dataset
    dataset.Rows = dataset.Columns = 64
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = encapsulate([frame])
    dataset["PixelData"].is_undefined_length = True
    return dataset


def jpeg() -> Dataset:
    data = BytesIO()
    Image.fromarray(picture()).save(data, format="JPEG", quality=95, comment=SECRET)
    return with_frame(data.getvalue(), JPEGBaseline8Bit)


def jpeg_2000() -> Dataset:
    dataset = identified_slice(Person(1), visit=0, index=0, sop_class=DX).dataset
    dataset.compress(JPEG2000Lossless)
    from pydicom.encaps import generate_frames

    frame = next(generate_frames(dataset.PixelData, number_of_frames=1))
    at = frame.index(b"\xff\x52")
    comment = b"\xff\x64" + (len(SECRET) + 4).to_bytes(2, "big") + b"\0\1" + SECRET
    dataset.PixelData = encapsulate([frame[:at] + comment + frame[at:]])
    dataset["PixelData"].is_undefined_length = True
    return dataset


@pytest.mark.parametrize("options", [PLAIN, Options()], ids=["unseen", "searched"])
@pytest.mark.parametrize("make", [jpeg, jpeg_2000])
def test_a_comment_in_the_stream_goes(key: Key, make, options: Options) -> None:
    dataset = make()
    assert SECRET in dataset.PixelData
    before = make().pixel_array
    after = clean_dicom(dataset, key, options).dataset
    assert SECRET not in after.PixelData
    np.testing.assert_array_equal(after.pixel_array, before)
    assert after.file_meta.TransferSyntaxUID == dataset.file_meta.TransferSyntaxUID
    assert after.file_meta.TransferSyntaxUID.is_compressed


def test_a_video_is_refused(key: Key) -> None:
    with pytest.raises(Refused, match="video"):
        clean_dicom(with_frame(b"\0" * 64, MPEG2MPML), key, Options())


def test_pixels_that_cannot_be_decoded_are_refused(key: Key) -> None:
    with pytest.raises(Refused, match="cannot be decoded"):
        clean_dicom(with_frame(b"\xff\xd8\xff\xd9", JPEGBaseline8Bit), key, Options())
