"""Text in pixels is found where it stands out, and scans without any raise no alarm."""

from __future__ import annotations

from pathlib import Path, PurePath

import nibabel as nib
import numpy as np
import pytest
from matplotlib import get_data_path
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import RLELossless
from scipy import ndimage

from suffice.phantoms.identified import CT, Person, identified_slice
from suffice.privacy import Job, Key, Options, Refused, cleaner_for
from suffice.privacy.burned_in import find_text
from suffice.privacy.dicom import clean_dicom
from suffice.privacy.names import Names

SHARED = Path(__file__).parents[3] / "shared" / "data"
FONT = Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
LINES = ("MILLER^ANNA F", "ID 00471122", "12.03.1950 St. Mary")


def tissue(seed: int = 0, size: int = 256) -> np.ndarray:
    """Smooth blobs with noise: no text."""
    rng = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(rng.normal(size=(size, size)), 12)
    grey = 90 + 45 * smooth / np.abs(smooth).max() + rng.normal(0, 4, (size, size))
    return grey.clip(0, 160).astype(np.uint8)


def written(
    picture: np.ndarray, size: int, value: int | tuple[int, ...] = 255
) -> tuple[np.ndarray, np.ndarray]:
    """Write lines on a picture; give it and where the letters stand."""
    image, before = Image.fromarray(picture), picture.copy()
    draw, font = ImageDraw.Draw(image), ImageFont.truetype(str(FONT), size)
    for i, line in enumerate(LINES):
        draw.text((6, 6 + round(1.6 * size) * i), line, fill=value, font=font)
    array = np.array(image)
    differs = array != before
    return array, differs if differs.ndim == 2 else differs.any(axis=-1)


def covered(array: np.ndarray) -> np.ndarray:
    mask = np.zeros(array.shape[:2], bool)
    for box in find_text(array):
        mask[box.top : box.bottom, box.left : box.right] = True
    return mask


@pytest.mark.parametrize("size", [12, 14, 18, 24])
@pytest.mark.parametrize("seed", range(3))
def test_text_is_covered_letter_by_letter(size: int, seed: int) -> None:
    array, letters = written(tissue(seed), size)
    assert covered(array)[letters].mean() > 0.98


def test_dark_text_on_bright_ground_and_coloured_text() -> None:
    array, letters = written(255 - tissue(4), 16, 0)
    assert covered(array)[letters].mean() > 0.98
    colours = np.stack([tissue(5)] * 3, axis=-1)
    array, letters = written(colours, 16, (255, 255, 0))
    assert covered(array)[letters].mean() > 0.98


def test_tissue_raises_no_alarm() -> None:
    assert [find_text(tissue(seed)) for seed in range(6)] == [[]] * 6


def test_what_holds_nothing_is_no_text() -> None:
    for frame in (np.zeros((64, 64)), np.full((64, 64), np.nan), np.eye(3)):
        assert find_text(frame) == []


def real_frames() -> list[np.ndarray]:
    frames = []
    for name, step in (("chest_xray_lungs/images", 6), ("lidc_nodules", 40), ("nuclei", 12)):
        pictures = sorted(p for p in (SHARED / name).rglob("*.png") if "mask" not in str(p))
        frames += [np.array(Image.open(p).convert("L")) for p in pictures[::step][:5]]
    for path in sorted((SHARED / "hippocampus" / "images").glob("*.nii.gz"))[:5]:
        volume = np.asarray(nib.load(path).dataobj)
        frames.append(volume[..., volume.shape[2] // 2])
    return frames


@pytest.mark.skipif(not SHARED.is_dir(), reason="the real scans of ../shared/data are not here")
def test_real_scans_raise_no_alarm() -> None:
    frames = real_frames()
    assert len(frames) >= 15
    assert [i for i, frame in enumerate(frames) if find_text(frame)] == []


def with_pixels(array: np.ndarray) -> Dataset:
    dataset = identified_slice(Person(1), visit=0, index=0, sop_class=CT).dataset
    dataset.Rows, dataset.Columns = array.shape[:2]
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7
    if array.ndim == 3:
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 3, "RGB"
        dataset.PlanarConfiguration = 0
    dataset.PixelData = array.tobytes()
    dataset["PixelData"].VR = "OB"
    return dataset


@pytest.mark.parametrize("compressed", [False, True])
def test_text_in_dicom_is_black_and_said_so(key: Key, compressed: bool) -> None:
    array, letters = written(tissue(1), 16)
    dataset = with_pixels(array)
    dataset.BurnedInAnnotation = "YES"
    if compressed:
        dataset.compress(RLELossless)
    done = clean_dicom(dataset, key, Options())
    pixels = done.dataset.pixel_array
    assert (pixels[letters] == array.min()).mean() > 0.98
    assert (pixels == array).mean() > 0.5
    assert done.dataset.BurnedInAnnotation == "NO"
    assert "113101" in [i.CodeValue for i in done.dataset.DeidentificationMethodCodeSequence]
    assert "text covered in pixels" in done.done


def test_text_is_refused_where_asked_and_where_it_was_not_found(key: Key) -> None:
    array, _ = written(tissue(1), 16)
    with pytest.raises(Refused, match="text was seen"):
        clean_dicom(with_pixels(array), key, Options(pixels="refuse"))
    dataset = with_pixels(tissue(1))
    dataset.BurnedInAnnotation = "YES"
    with pytest.raises(Refused, match="which was not found"):
        clean_dicom(dataset, key, Options())
    dataset = with_pixels(tissue(1))
    dataset.Modality = "US"
    with pytest.raises(Refused, match="give --clean pixel-data"):
        clean_dicom(dataset, key, Options(clean=()))


def test_an_ultrasound_keeps_its_region_alone(key: Key) -> None:
    array, letters = written(np.stack([tissue(2)] * 3, axis=-1), 12)
    dataset = with_pixels(array)
    dataset.Modality = "US"
    region = Dataset()
    region.RegionLocationMinX0, region.RegionLocationMinY0 = 20, 90
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = 200, 220
    dataset.SequenceOfUltrasoundRegions = Sequence([region])
    pixels = clean_dicom(dataset, key, Options()).dataset.pixel_array
    assert (pixels[:80] == 0).all() and (pixels[letters] == 0).all()
    np.testing.assert_array_equal(pixels[100:200, 30:190], array[100:200, 30:190])


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_text_in_pictures_is_covered(tmp_path: Path, key: Key, name: str) -> None:
    array, letters = written(tissue(3), 18)
    Image.fromarray(array).save(tmp_path / name, quality=95)
    job = Job(key=key, options=Options(), names=Names(key), forbidden=frozenset(), targets={})
    kind = "png_file" if name.endswith("png") else "jpeg_file"
    out = tmp_path / f"out-{name}"
    done = cleaner_for(kind)(tmp_path / name, out, PurePath(name), job)
    pixels = np.array(Image.open(out))
    assert pixels[letters].max() < 60
    assert "text covered in pixels" in done
