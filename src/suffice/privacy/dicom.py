"""De-identify one DICOM file: attributes, references, overlays, pixels, and the file around it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from suffice import __version__
from suffice.privacy.attributes import WORDS, Context, clean_attributes
from suffice.privacy.dicom_pixels import clean_pixels
from suffice.privacy.keys import Key
from suffice.privacy.options import METHODS, Options
from suffice.privacy.originals import originals_of, subject_of
from suffice.privacy.refused import Refused
from suffice.privacy.reports import prune
from suffice.privacy.sop_classes import is_report, refusal

# Of our own making, under the root that anyone may use.
IMPLEMENTATION_UID = "2.25.219462743205684370187632953702648801221"
_MODIFIED = {"keep": "UNMODIFIED", "shift": "MODIFIED", "remove": "REMOVED"}


@dataclass(frozen=True, kw_only=True)
class Cleaned:
    """A dataset that may be written, and what was done to it."""

    dataset: Dataset
    done: dict[str, set[str]] = field(default_factory=dict)


Defacer = Callable[[Dataset], bool]


def read_dicom(path: Path, *, header_only: bool = False) -> Dataset:
    """Read a file, also one of the oldest kind, without a preamble."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(path, stop_before_pixels=header_only, force=True)
        if "SOPClassUID" not in dataset and "DirectoryRecordSequence" not in dataset:
            raise Refused("no SOP class: nothing says what the object is")
        return dataset


def clean_dicom(
    dataset: Dataset,
    key: Key,
    options: Options,
    *,
    forbidden: frozenset[str] = frozenset(),
    deface: Defacer | None = None,
) -> Cleaned:
    """De-identify a dataset in place.

    Parameters
    ----------
    forbidden : frozenset of str
        Parts of names and identifiers, of other files too, that no kept text may hold.
    deface : callable, optional
        Removes the face from the pixels of the dataset; gives whether it did.

    Raises
    ------
    Refused
        If the object, its pixels or its compression cannot be cleaned.
    """
    reason = refusal(dataset, options)
    if reason:
        raise Refused(reason)
    with warnings.catch_warnings(), pydicom.config.disable_value_validation():
        warnings.simplefilter("ignore")
        own = originals_of(dataset, options)
        context = Context(
            key=key,
            options=options,
            sop_class=str(dataset.SOPClassUID),
            subject=subject_of(dataset),
            forbidden=forbidden | frozenset(own.tokens),
        )
        methods = clean_pixels(dataset, context)
        if deface is not None and deface(dataset):
            methods.append(METHODS["faces"])
            dataset.RecognizableVisualFeatures = "NO"
            context.done.setdefault("face removed", set()).add("(7FE0,0010)")
        if is_report(context.sop_class):
            prune(dataset, context)
        clean_attributes(dataset, context)
        _say_how(dataset, options, methods)
        _renew_file_meta(dataset, context)
    return Cleaned(dataset=dataset, done=context.done)


def write_dicom(path: Path, dataset: Dataset) -> None:
    """Write a cleaned dataset with a preamble of zeros."""
    with warnings.catch_warnings(), pydicom.config.disable_value_validation():
        warnings.simplefilter("ignore")
        dataset.save_as(path, enforce_file_format=True)


def _say_how(dataset: Dataset, options: Options, extra: list[tuple[str, str]]) -> None:
    """Write the method codes; an object that was de-identified before keeps none of its own."""
    methods = [*options.methods, *extra]
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = [f"suffice {__version__}", "DICOM PS3.15 Annex E"]
    dataset.DeidentificationMethodCodeSequence = Sequence([_code(*method) for method in methods])
    dataset.LongitudinalTemporalInformationModified = _MODIFIED[options.dates]


def _code(value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning
    return item


def _renew_file_meta(dataset: Dataset, context: Context) -> None:
    """Make the header around the data anew: it names the sender and holds private bytes."""
    old: Any = getattr(dataset, "file_meta", None) or FileMetaDataset()
    syntax = old.get("TransferSyntaxUID")
    if not syntax:
        is_implicit = dataset.original_encoding[0] is not False
        syntax = ImplicitVRLittleEndian if is_implicit else ExplicitVRLittleEndian
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = UID(dataset.get("SOPInstanceUID") or context.key.uid(""))
    meta.TransferSyntaxUID = UID(syntax)
    meta.ImplementationClassUID = UID(IMPLEMENTATION_UID)
    meta.ImplementationVersionName = f"suffice {__version__}"[:16]
    dataset.file_meta = meta
    dataset.preamble = b"\0" * 128
    context.done.setdefault(WORDS["D"], set()).add("file meta information")
