"""Formats other than DICOM: text goes, voxels and what they mean stay."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path, PurePath

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
import tifffile
from PIL import Image, PngImagePlugin

from suffice.io import read_image
from suffice.privacy import Job, Key, Options, Refused, cleaner_for
from suffice.privacy.cleaning import kind_of
from suffice.privacy.names import Names
from suffice.privacy.texts import texts_of_file

SECRET = "Zwickelhuber"
VOLUME = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
PICTURE = np.arange(64 * 48, dtype=np.uint8).reshape(64, 48)


def nifti(path: Path) -> None:
    image = nib.Nifti1Image(VOLUME, np.diag([1.0, 2.0, 3.0, 1.0]))
    image.header["descrip"], image.header["db_name"] = b"Zwickelhuber 2012", b"Zwickelhuber"
    image.header["aux_file"], image.header["intent_name"] = b"Zwickelhuber.txt", b"Zwickelhuber"
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"Mrs Zwickelhuber"))
    nib.save(image, path)


def dicom_extension(path: Path) -> None:
    from pydicom.dataset import Dataset

    header = Dataset()
    header.PatientName = SECRET
    image = nib.Nifti1Image(VOLUME, np.eye(4))
    image.header.extensions.append(nib.nifti1.Nifti1DicomExtension(2, header))
    nib.save(image, path)


def nifti_2(path: Path) -> None:
    image = nib.Nifti2Image(VOLUME, np.eye(4))
    image.header["descrip"] = b"Zwickelhuber"
    nib.save(image, path)


def trailing(path: Path) -> None:
    nifti(path)
    with path.open("ab") as handle:
        handle.write(b"Zwickelhuber")


def analyze(path: Path) -> None:
    image = nib.AnalyzeImage(VOLUME, np.eye(4))
    nib.save(image, path)
    raw = bytearray(path.read_bytes())
    raw[263:275] = b"Zwickelhuber"
    path.write_bytes(raw)


def nrrd(path: Path) -> None:
    image = sitk.GetImageFromArray(VOLUME)
    image.SetMetaData("PatientName", SECRET)
    image.SetMetaData("Segment0_Name", f"Liver {SECRET}")
    sitk.WriteImage(image, str(path))


def png(path: Path) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Patient", SECRET)
    info.add_text("Description", SECRET, zip=True)
    info.add_itxt("Comment", SECRET, "de", zip=True)
    info.add_itxt("XML:com.adobe.xmp", f"<x>{SECRET}</x>")
    exif = Image.Exif()
    exif[0x010E] = SECRET
    Image.fromarray(PICTURE).save(
        path, pnginfo=info, exif=exif, icc_profile=SECRET.encode() * 20, dpi=(254, 254)
    )
    with path.open("ab") as handle:
        handle.write(SECRET.encode())


def jpeg(path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E], exif[0x0112] = SECRET, 6
    Image.fromarray(PICTURE).save(
        path, exif=exif, comment=SECRET.encode(), icc_profile=SECRET.encode() * 20
    )
    with path.open("ab") as handle:
        handle.write(SECRET.encode())


def tiff_imagej(path: Path) -> None:
    stack = np.stack([PICTURE] * 3).astype(np.uint16)
    metadata = {"spacing": 2.5, "unit": "mm", "axes": "ZYX", "Info": SECRET}
    tifffile.imwrite(path, stack, imagej=True, metadata=metadata, resolution=(10, 10))


def tiff_ome(path: Path) -> None:
    metadata = {"axes": "ZYX", "PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "um", "Name": SECRET}
    stack = np.stack([PICTURE] * 3)
    tifffile.imwrite(path, stack, ome=True, metadata=metadata, photometric="minisblack")


def tiff_tiled(path: Path) -> None:
    tags = [(33432, "s", 0, SECRET, True), (700, "B", len(SECRET), SECRET.encode(), True)]
    tifffile.imwrite(
        path,
        PICTURE,
        tile=(32, 32),
        compression="zlib",
        bigtiff=True,
        description=SECRET,
        software=SECRET,
        datetime="2012:03:04 10:00:00",
        metadata=None,
        extratags=tags,
    )


FILES: dict[str, Callable[[Path], None]] = {
    "a.nii": nifti,
    "a.nii.gz": nifti,
    "b.nii.gz": dicom_extension,
    "c.nii": nifti_2,
    "d.nii": trailing,
    "e.hdr": analyze,
    "f.nrrd": nrrd,
    "g.mha": nrrd,
    "h.png": png,
    "i.jpg": jpeg,
    "j.tif": tiff_imagej,
    "k.ome.tif": tiff_ome,
    "l.tif": tiff_tiled,
}


@pytest.fixture
def job(key: Key) -> Job:
    return Job(key=key, options=Options(), names=Names(key), forbidden=frozenset(), targets={})


def unpacked(path: Path) -> bytes:
    data = path.read_bytes()
    return data + (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else b"")


def cleaned(source: Path, folder: Path, job: Job) -> Path:
    folder.mkdir(exist_ok=True)
    target = folder / source.name
    cleaner_for(kind_of(source))(source, target, PurePath(source.name), job)
    return target


@pytest.mark.parametrize("name", FILES)
def test_text_goes_and_the_picture_stays(tmp_path: Path, job: Job, name: str) -> None:
    source = tmp_path / name
    FILES[name](source)
    held = "".join(text for _, text in texts_of_file(source, kind_of(source)))
    if name != "d.nii":
        forms = (SECRET.encode(), SECRET.encode("utf-16-le"))
        assert SECRET in held or any(form in unpacked(source) for form in forms)
    target = cleaned(source, tmp_path / "out", job)
    if name == "e.hdr":
        cleaned(source.with_suffix(".img"), tmp_path / "out", job)
    assert SECRET.encode() not in unpacked(target)
    assert SECRET.encode("utf-16-le") not in unpacked(target)
    assert SECRET not in "".join(text for _, text in texts_of_file(target, kind_of(target)))
    before, after = read_image(source), read_image(target)
    np.testing.assert_array_equal(after.array, before.array)
    assert after.grid.matches(before.grid)


def test_what_else_a_reader_computes_with_stays(tmp_path: Path, job: Job) -> None:
    for name in ("j.tif", "i.jpg", "f.nrrd", "h.png"):
        FILES[name](tmp_path / name)
        cleaned(tmp_path / name, tmp_path / "out", job)
    out = tmp_path / "out"
    with tifffile.TiffFile(out / "j.tif") as tiff:
        assert tiff.imagej_metadata["spacing"] == 2.5
    with Image.open(out / "i.jpg") as picture:
        assert picture.getexif() == {0x0112: 6}
    with Image.open(out / "h.png") as picture:
        assert picture.info["dpi"] == pytest.approx((254, 254), abs=0.1)
    assert sitk.ReadImage(str(out / "f.nrrd")).GetMetaData("Segment0_Name") == "Liver"


@pytest.mark.parametrize("name", ["a.nii.gz", "d.nii", "f.nrrd", "h.png", "i.jpg", "l.tif"])
def test_a_file_that_was_cut_is_no_whole_one(tmp_path: Path, job: Job, name: str) -> None:
    source = tmp_path / name
    FILES[name](source)
    source.write_bytes(source.read_bytes()[: 60 if name != "d.nii" else 360])
    with pytest.raises(Exception, match=r".*") as told:
        cleaned(source, tmp_path / "out", job)
    assert SECRET not in str(told.value)


def test_a_side_car(tmp_path: Path, key: Key) -> None:
    source = tmp_path / "a.json"
    facts = {
        "PatientName": SECRET,
        "PatientID": 12345678,
        "AcquisitionDateTime": "2012-03-04T10:11:12",
        "SeriesDescription": f"T1 axial {SECRET}",
        "EchoTime": 0.03,
        "SliceTiming": [0, 0.5, 1],
        "ImageComments": SECRET,
        "DeviceSerialNumber": "4711",
        "Nested": {"OperatorsName": SECRET, "FlipAngle": 15},
        SECRET: 1,
    }
    source.write_text(json.dumps(facts), encoding="utf-8")
    job = Job(
        key=key,
        options=Options(),
        names=Names(key),
        forbidden=frozenset([SECRET.casefold()]),
        targets={},
    )
    kept = json.loads(cleaned(source, tmp_path / "out", job).read_text(encoding="utf-8"))
    assert kept == {
        "SeriesDescription": "T1 axial",
        "EchoTime": 0.03,
        "SliceTiming": [0, 0.5, 1],
        "Nested": {"FlipAngle": 15},
        key.pseudonym(SECRET): 1,
    }


def test_annotations_keep_their_numbers_and_follow_the_names_of_files(
    tmp_path: Path, job: Job, key: Key
) -> None:
    facts = {
        "info": {"contributor": SECRET, "date_created": "2012-03-04"},
        "images": [{"id": 123456789, "file_name": f"{SECRET}.png", "width": 4, "height": 5}],
        "annotations": [{"id": 1, "image_id": 123456789, "segmentation": [[1, 2, 3.5]]}],
        "categories": [{"id": 1, "name": "lesion"}],
    }
    source = tmp_path / "a.json"
    source.write_text(json.dumps(facts), encoding="utf-8")
    kept = json.loads(cleaned(source, tmp_path / "out", job).read_text(encoding="utf-8"))
    assert kept["images"][0] == {
        "id": 123456789,
        "file_name": f"{key.pseudonym(SECRET)}.png",
        "width": 4,
        "height": 5,
    }
    assert kept["annotations"] == facts["annotations"]
    assert kept["categories"] == facts["categories"]
    assert SECRET not in json.dumps(kept) and "2012" not in json.dumps(kept)


def test_a_table(tmp_path: Path, job: Job, key: Key) -> None:
    source = tmp_path / "cases.csv"
    source.write_text(
        "case,subject,visit,date,image,mask_zwickelhuber\n"
        "Zwickelhuber_1,Zwickelhuber,1,2012-03-04,images/Zwickelhuber.nii.gz,\n"
        "Zwickelhuber_2,Zwickelhuber,2,2012-05-04,images/slice_12.png,\n",
        encoding="utf-8",
    )
    lines = cleaned(source, tmp_path / "out", job).read_text(encoding="utf-8").splitlines()
    who = key.pseudonym(SECRET)
    assert lines[0] == f"case,subject,visit,date,image,mask_{who}"
    first, second = (line.split(",") for line in lines[1:])
    assert first[:3] == [f"{who}_1", who, "1"] and second[:3] == [f"{who}_2", who, "2"]
    days = np.diff(np.array([first[3], second[3]], "datetime64[D]")).astype(int)
    assert days == [61] and first[3] != "2012-03-04"
    assert [first[4], second[4]] == [f"images/{who}.nii.gz", "images/slice_12.png"]


def test_voxels_without_a_header_are_refused(tmp_path: Path, job: Job) -> None:
    (tmp_path / "a.raw").write_bytes(bytes(8))
    with pytest.raises(Refused, match="without their header"):
        cleaned(tmp_path / "a.raw", tmp_path / "out", job)


def test_a_table_without_a_header_is_refused(tmp_path: Path, job: Job) -> None:
    source = tmp_path / "a.csv"
    source.write_text("Vossen,4711236,3\nVoss,4711237,3\n", encoding="utf-8")
    with pytest.raises(Refused, match="names no columns"):
        cleaned(source, tmp_path / "out", job)


def test_names_of_columns_and_fields_are_searched(tmp_path: Path, job: Job) -> None:
    job = replace(job, forbidden=frozenset([SECRET.casefold()]))
    table, facts = tmp_path / "a.csv", tmp_path / "a.json"
    table.write_text(f"volume of {SECRET},x\n1,2\n", encoding="utf-8")
    facts.write_text(json.dumps({"Wolkenstein_1970": 1, "EchoTime": 0.1}), encoding="utf-8")
    assert SECRET not in cleaned(table, tmp_path / "out", job).read_text(encoding="utf-8")
    kept = json.loads(cleaned(facts, tmp_path / "out", job).read_text(encoding="utf-8"))
    assert kept.pop("EchoTime") == 0.1
    assert len(kept) == 1 and "Wolkenstein" not in str(kept)


def test_names_in_fields_that_describe_voxels_go(tmp_path: Path, job: Job) -> None:
    job = replace(job, forbidden=frozenset([SECRET.casefold()]))
    head = f"NRRD0004\n# by {SECRET}\ntype: uint8\ndimension: 2\nsizes: 2 2\nencoding: raw\n"
    (tmp_path / "a.nrrd").write_bytes(f"{head}kinds: {SECRET} domain\n\n".encode() + bytes(4))
    meta = f"ObjectType = Image\nNDims = 2\nModality = {SECRET}\nDimSize = 2 2\n"
    end = "ElementType = MET_UCHAR\nElementDataFile = LOCAL\n"
    (tmp_path / "a.mha").write_bytes((meta + end).encode() + bytes(4))
    for name in ("a.nrrd", "a.mha"):
        out = cleaned(tmp_path / name, tmp_path / "out", job)
        assert SECRET.encode() not in out.read_bytes()
        assert sitk.GetArrayFromImage(sitk.ReadImage(str(out))).shape == (2, 2)
