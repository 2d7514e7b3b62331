"""De-identify 500 and more generated objects and search them for every planted identifier."""

from __future__ import annotations

import argparse
import csv
import gzip
import subprocess
import sys
import tempfile
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from shutil import which

import highdicom
import nibabel as nib
import numpy as np
import pydicom
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

from machine import describe_machine
from suffice import __version__
from suffice.phantoms.identified import CT, DX, MR, PET, Person, identified_slice
from suffice.privacy import Key, read_key
from suffice.workflows.deidentifying import deidentify

HERE = Path(__file__).parent
SOP_CLASSES = (CT, MR, PET, DX)
SLICES, VISITS = 4, 2
# Of what is drawn but for letters, which are of 255.
BRIGHTEST = 160


def write_person(folder: Path, seed: int) -> Person:
    """Write eight DICOM objects, two NIfTI files and a PNG of a person; name all after them."""
    person = Person(seed)
    for visit in range(VISITS):
        day = ""
        for index in range(SLICES):
            made = identified_slice(
                person, visit=visit, index=index, sop_class=SOP_CLASSES[seed % 4]
            )
            day = made.day
            place = (
                folder
                / person.word("folder name")
                / f"{day}"
                / f"{person.word('file name')}-{index}.dcm"
            )
            place.parent.mkdir(parents=True, exist_ok=True)
            made.dataset.save_as(place, enforce_file_format=True)
        write_nifti(folder / f"sub-{person.word('label in a BIDS name')}_{day}_T1w.nii.gz", person)
    write_png(folder / f"{person.word('picture name')}.png", person)
    write_pixels(folder, person)
    return person


def write_nifti(path: Path, person: Person) -> None:
    image = nib.Nifti1Image(np.zeros((4, 4, 4), np.int16), np.eye(4))
    image.header["descrip"] = person.word("NIfTI descrip").encode()
    image.header["db_name"] = person.word("NIfTI db_name")[:18].encode()
    image.header["aux_file"] = person.word("NIfTI aux_file")[:24].encode()
    image.header["intent_name"] = person.word("NIfTI intent_name")[:16].encode()
    text = person.word("NIfTI extension").encode()
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", text))
    nib.save(image, path)


def write_png(path: Path, person: Person) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Patient", person.word("PNG tEXt"))
    info.add_text("Description", person.word("PNG zTXt"), zip=True)
    info.add_itxt("Comment", person.word("PNG iTXt"), zip=True)
    exif = Image.Exif()
    exif[0x010E] = person.word("PNG EXIF")
    profile = person.word("PNG ICC profile").encode() * 10
    Image.fromarray(np.zeros((32, 32), np.uint8)).save(
        path, pnginfo=info, exif=exif, icc_profile=profile
    )


def write_pixels(folder: Path, person: Person) -> None:
    """Write a screen capture and a PNG with the person's name and number in the pixels."""
    slope = np.add.outer(np.arange(128), np.arange(256)) // 3
    noise = np.random.default_rng(person.seed).integers(0, 12, slope.shape)
    picture = Image.fromarray((slope + noise).astype(np.uint8))
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(16)
    draw.text((6, 4), person.word("PatientName").upper(), fill=255, font=font)
    draw.text((6, 26), f"ID {person.word('PatientID')}", fill=255, font=font)
    picture.save(folder / f"{person.word('picture name')}-written.png")
    dataset = identified_slice(person, visit=0, index=99, sop_class=DX).dataset
    dataset.Modality, dataset.BurnedInAnnotation = "OT", "YES"
    dataset.Rows, dataset.Columns = 128, 256
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7
    dataset.PixelData = np.asarray(picture).tobytes()
    dataset["PixelData"].VR = "OB"
    dataset.save_as(folder / f"{person.word('file name')}-written.dcm", enforce_file_format=True)


def count_written(folder: Path) -> dict[str, int]:
    """Count the pictures that are as bright anywhere as letters alone are."""
    found = {"text in the pixels of a DICOM object": 0, "text in the pixels of a PNG": 0}
    for path in folder.rglob("*.dcm"):
        header = pydicom.dcmread(path)
        if header.Modality == "OT":
            is_left = bool(header.pixel_array.max() > BRIGHTEST)
            found["text in the pixels of a DICOM object"] += is_left
    for path in folder.rglob("*.png"):
        is_left = bool(np.asarray(Image.open(path)).max() > BRIGHTEST)
        found["text in the pixels of a PNG"] += is_left
    return found


def everything(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Yield the path and all bytes of each file, with what is compressed in it unpacked."""
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        data = path.read_bytes()
        parts = [str(path.relative_to(folder)).encode(), data]
        if data[:2] == b"\x1f\x8b":
            parts.append(gzip.decompress(data))
        if data[:4] == b"\x89PNG":
            parts += _unpacked_chunks(data)
        yield path, b"\n".join(parts).lower()


def _unpacked_chunks(data: bytes) -> Iterator[bytes]:
    at = 8
    while at + 8 <= len(data):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        body = data[at + 8 : at + 8 + length]
        for start in range(min(len(body), 200)) if kind != b"IDAT" else ():
            try:
                yield zlib.decompress(body[start:])
                break
            except zlib.error:
                continue
        at += 12 + length


def count_planted(
    folder: Path, people: list[Person], numbers: dict[int, str], moved: dict[str, Counter[str]]
) -> dict[str, int]:
    """Count by kind the people of whom a value is found; an independent search of all bytes.

    A date that was moved may fall on another that the person had, and on one of somebody else.
    So dates are searched in a person's own objects, which are told by ``numbers``, the number of
    each person in this folder, and in all other files; and the days in fields whose date was
    ``moved`` are cut out of an object first, as often as there are such fields.
    """
    held, own = [], defaultdict(list)
    for path, data in everything(folder):
        held.append(data)
        whose = ""
        if path.suffix == ".dcm":
            header = pydicom.dcmread(path, stop_before_pixels=True)
            whose = str(header.PatientID)
            for day, n_fields in moved.get(str(header.SOPInstanceUID), {}).items():
                data = data.replace(day.encode(), b"", n_fields)
        own[whose].append(data)
    whole = b"\n".join(held)
    found: dict[str, int] = defaultdict(int)
    for person in people:
        mine = b"\n".join(own[""] + own[numbers[person.seed]])
        for kind, value in person.planted.items():
            name = kind.split(" ")[0] if "UID" in kind or "Date" in kind else kind
            is_date = len(value) == 8 and value.isdigit()
            form = value if "UID" in kind else value.lower()[:16]
            found[name] += form.encode() in (mine if is_date else whole)
    return found


def days_of(dataset: pydicom.Dataset) -> dict[tuple[int, ...], str]:
    """Give the day in each field of dates, eight digits, by the field's place in the object."""
    days = {}
    for element in dataset:
        if element.VR in ("DA", "DT") and len(str(element.value)) >= 8:
            days[(int(element.tag),)] = str(element.value)[:8]
        for i, item in enumerate(element.value if element.VR == "SQ" else ()):
            days |= {(int(element.tag), i, *at): day for at, day in days_of(item).items()}
    return days


def moved_dates(source: Path, out: Path, key: Key) -> dict[str, Counter[str]]:
    """Count, by the new UID of an object, the days in those of its fields that were moved."""
    after = {}
    for path in out.rglob("*.dcm"):
        header = pydicom.dcmread(path, stop_before_pixels=True)
        after[str(header.SOPInstanceUID)] = days_of(header)
    moved: dict[str, Counter[str]] = {}
    for path in source.rglob("*.dcm"):
        header = pydicom.dcmread(path, stop_before_pixels=True)
        uid, before = key.uid(header.SOPInstanceUID), days_of(header)
        now = after[uid].items()
        moved[uid] = Counter(day for place, day in now if before.get(place, day) != day)
    return moved


def intervals_and_references(source: Path, out: Path) -> tuple[int, int, int, int]:
    """Count subjects whose interval between visits is kept, and references that resolve."""

    def visits(folder: Path) -> dict[str, list[str]]:
        dates: dict[str, set[str]] = defaultdict(set)
        for path in folder.rglob("*.dcm"):
            header = pydicom.dcmread(path, stop_before_pixels=True)
            dates[str(header.PatientID)].add(str(header.StudyDate))
        return {who: sorted(days) for who, days in dates.items()}

    def gaps(days: dict[str, list[str]]) -> list[int]:
        dated = [[pydicom.valuerep.DA(d) for d in one] for one in days.values()]
        return sorted((one[-1] - one[0]).days for one in dated)

    before, after = gaps(visits(source)), gaps(visits(out))
    headers = [pydicom.dcmread(p, stop_before_pixels=True) for p in out.rglob("*.dcm")]
    uids = {str(h.SOPInstanceUID) for h in headers}
    named = [str(h.SourceImageSequence[0].ReferencedSOPInstanceUID) for h in headers]
    kept = sum(a == b for a, b in zip(before, after, strict=True))
    return kept, len(before), sum(uid in uids for uid in named), len(named)


def readers(out: Path) -> dict[str, int]:
    """Count the objects that each of three libraries reads without a complaint."""
    files = sorted(out.rglob("*.dcm"))
    counts = {"pydicom": 0, "highdicom": 0, "dcmdump": 0}
    for path in files:
        counts["pydicom"] += pydicom.dcmread(path).pixel_array.size > 0
        counts["highdicom"] += highdicom.imread(path).get_frame(1).size > 0
    if which("dcmdump"):
        for i in range(0, len(files), 50):
            done = subprocess.run(
                ["dcmdump", *map(str, files[i : i + 50])],
                capture_output=True,
                text=True,
                check=False,
            )
            counts["dcmdump"] += len(files[i : i + 50]) if not done.stderr else 0
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=64)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "deidentification.csv")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        source, out = Path(place) / "src", Path(place) / "out"
        people = [write_person(source, seed) for seed in range(options.people)]
        n_objects = sum(p.is_file() for p in source.rglob("*"))
        begun, busy = time.perf_counter(), time.process_time()
        report = deidentify(source, out)
        wall, busy = time.perf_counter() - begun, time.process_time() - busy
        key = read_key(report.key)
        numbers = {person.seed: person.word("PatientID") for person in people}
        renamed = {seed: key.pseudonym(number) for seed, number in numbers.items()}
        moved = moved_dates(source, out, key)
        before = count_planted(source, people, numbers, {}) | count_written(source)
        after = count_planted(out, people, renamed, moved) | count_written(out)
        kept, n_subjects, resolved, n_references = intervals_and_references(source, out)
        counts = readers(out)
    rows = [
        {
            "kind": kind,
            "people": options.people,
            "before": before[kind],
            "after": after[kind],
            "objects": n_objects,
            "cleaned": report.n_cleaned,
            "refused": report.n_refused,
            "leftovers": len(report.leftovers),
            "intervals": f"{kept}/{n_subjects}",
            "references": f"{resolved}/{n_references}",
            **counts,
            "seconds_wall": round(wall, 1),
            "seconds_core": round(busy, 1),
            "suffice": __version__,
            **describe_machine(),
        }
        for kind in sorted(before)
    ]
    with options.out.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    left = [row["kind"] for row in rows if row["after"]]
    sys.stdout.write(f"{len(rows)} kinds, {n_objects} objects, left: {left}\n")


if __name__ == "__main__":
    main()
