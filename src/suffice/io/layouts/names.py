"""What file names say: which files count, whose they are, which mask belongs to which image."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from suffice.core import FileFormatError
from suffice.io.formats import MODULES, is_dicom_file, stem_of, suffix_of
from suffice.io.scans import is_companion

# Papers that lie beside the data; they are no data and their absence from a cohort is no news.
_PAPERS = (
    *(".txt", ".md", ".rst", ".csv", ".tsv", ".json", ".xml", ".html", ".pdf", ".yaml", ".yml"),
    *(".toml", ".xlsx", ".docx", ".py", ".log"),
)
_MASK_ENDINGS = ("mask", "masks", "seg", "segmentation", "label", "labels", "gt", "manual")
_MASK_END = re.compile(rf"(?:^|[ _.-])({'|'.join(_MASK_ENDINGS)})$", re.IGNORECASE)
_MASK_START = re.compile(rf"^({'|'.join(_MASK_ENDINGS)})[ _.-]", re.IGNORECASE)
_IMAGE_END = re.compile(r"(?:^|[ _.-])(image|img|scan|0000)$", re.IGNORECASE)

_ROBOFLOW = re.compile(r"^(?P<source>.+?)_(?:jpe?g|png|bmp|tiff?)\.rf\.[0-9a-zA-Z]+$")
_SUBJECT = re.compile(
    r"(?:^|[_-])(?P<subject>(?:sub|subj|subject|pat|patient)[-_]?[A-Za-z]*\d+)(?=[_.-]|$)",
    re.IGNORECASE,
)
SLICE = re.compile(
    r"^(?P<subject>.+?)[ _.-]+(?:slice|slc|frame|plane|z)[ _.-]?\d+(?=[ _.-]|$)", re.IGNORECASE
)
_VISIT = re.compile(
    r"(?:^|[_-])(?:ses|session|visit|timepoint|tp)[-_]?(?P<visit>[A-Za-z]*\d+)(?=[_.-]|$)",
    re.IGNORECASE,
)


def walk(folder: Path, depth: int | None = None) -> Iterator[Path]:
    """Yield the visible files below ``folder``, sorted, down to ``depth`` folders below it.

    A link back to a folder that it lies in is passed over.

    Raises
    ------
    FileFormatError
        If a folder may not be read: what it holds would be missing without a word.
    """
    yield from _walk(folder, depth, ())


def _walk(folder: Path, depth: int | None, above: tuple[Path, ...]) -> Iterator[Path]:
    above = (*above, folder.resolve())
    inside = _visible(folder)
    for path in inside:
        if path.is_file() and not is_companion(path):
            yield path
    for path in inside:
        if depth != 0 and path.is_dir() and path.resolve() not in above:
            yield from _walk(path, None if depth is None else depth - 1, above)


def folders(folder: Path) -> list[Path]:
    """List the visible folders in ``folder``, sorted."""
    return [path for path in _visible(folder) if path.is_dir()]


def _visible(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise FileFormatError(
            f"The folder '{folder}' cannot be read",
            got=error.strerror,
            cure="Ask for the right to read it, or move it away.",
        ) from error


def is_scan(path: Path) -> bool:
    """Whether the suffix is one of an image or mask."""
    return suffix_of(path) in MODULES


def is_dicom(path: Path) -> bool:
    """Whether a file is DICOM by its suffix or its first bytes."""
    return MODULES.get(suffix_of(path)) == "dicom" or (
        suffix_of(path) not in MODULES and is_dicom_file(path)
    )


def is_paper(path: Path) -> bool:
    """Whether a file is a README, a licence or a table beside the data.

    Examples
    --------
    >>> is_paper(Path("LICENSE")), is_paper(Path("a.nii.gz")), is_paper(Path("a.npz"))
    (True, False, False)
    """
    return suffix_of(path) in _PAPERS or path.name.upper().split(".")[0] in (
        "README",
        "LICENSE",
        "LICENCE",
        "CHANGES",
        "AUTHORS",
    )


def bare_mask_stem(stem: str) -> str:
    """Take what marks a mask from a stem.

    Examples
    --------
    >>> [bare_mask_stem(stem) for stem in ("case1_seg", "seg_B01", "case1", "mask")]
    ['case1', 'B01', 'case1', '']
    """
    bare = _MASK_END.sub("", stem)
    return bare if bare != stem else _MASK_START.sub("", stem)


def bare_image_stem(stem: str) -> str:
    """Take what marks an image from a stem.

    Examples
    --------
    >>> bare_image_stem("CT_image"), bare_image_stem("liver_001_0000")
    ('CT', 'liver_001')
    """
    return _IMAGE_END.sub("", stem)


def subject_of(stem: str) -> str:
    """Read the subject from a stem, or take the stem up to the number of a slice, or all of it.

    Examples
    --------
    >>> subject_of("patient012_frame01"), subject_of("sub-07_ses-2_T1w"), subject_of("scan_3")
    ('patient012', 'sub-07', 'scan_3')
    >>> subject_of("case12_slice3"), subject_of("vol01-z004_mr"), subject_of("slice_3")
    ('case12', 'vol01', 'slice_3')
    >>> subject_of("63_jpg.rf.13454b0a33fb53c0cc68d81c5f19b7d2")
    '63'
    """
    augmented = _ROBOFLOW.match(stem)
    if augmented:
        return augmented["source"]
    found = _SUBJECT.search(stem) or SLICE.match(stem)
    return found["subject"] if found else stem


def is_augmented_copy(stem: str) -> bool:
    """Whether the name is that of a copy which Roboflow augmented or resized."""
    return _ROBOFLOW.match(stem) is not None


def visit_of(stem: str) -> str:
    """Read the visit from a stem, or give an empty string.

    Examples
    --------
    >>> visit_of("sub-07_ses-02_T1w"), visit_of("patient1_visit3"), visit_of("scan_3")
    ('02', '3', '')
    """
    found = _VISIT.search(stem)
    return found["visit"] if found else ""


def first_of_each_stem(paths: Iterable[Path]) -> tuple[dict[str, Path], list[tuple[Path, Path]]]:
    """Map stems to paths; the second of a stem is given apart, with the first."""
    kept: dict[str, Path] = {}
    doubles = []
    for path in paths:
        stem = stem_of(path)
        if stem in kept:
            doubles.append((path, kept[stem]))
        else:
            kept[stem] = path
    return kept, doubles


def listed(names: Iterable[str], n_most: int = 8) -> str:
    """Join names for a sentence, the first few of many.

    Examples
    --------
    >>> listed(["a", "b", "c"], 2)
    'a, b and 1 more'
    """
    names = list(names)
    text = ", ".join(names[:n_most])
    return text if len(names) <= n_most else f"{text} and {len(names) - n_most} more"
