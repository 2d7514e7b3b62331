"""Draw masks of new scans with a trained model, each on its scan's own grid."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol

from suffice.core import Image, Listener, Progress, StorageError, SufficeError, UsageError, silent
from suffice.io import (
    LeftOut,
    mask_suffix_for,
    write_instances,
    write_mask,
    write_probabilities,
)
from suffice.io.formats import OBJECTS, stem_of, suffix_of
from suffice.io.objects.codes import note_generic
from suffice.io.objects.source import read_source
from suffice.quality import QUALITY, Quality, read_quality
from suffice.segmenters import Prediction, Segmenter, load_segmenter
from suffice.segmenters.landmarks import Landmarks
from suffice.segmenters.views import predict_views, require_views
from suffice.study.estimates import PREDICTIONS_CSV, forget_estimates, write_estimates
from suffice.training.memory import naming_full_memory
from suffice.workflows.dicom_out import DicomExtras, write_objects
from suffice.workflows.matching import landmarks_of
from suffice.workflows.scans import (
    ScanToPredict,
    gather_scans,
    read_as_trained,
    require_channels,
)
from suffice.workflows.witnessing import Witness, forget_doubts, read_doubts

SegmenterLoader = Callable[[Path], Segmenter]

PROBABILITIES = "probabilities"
INSTANCES = "instances"
"""Folders beside the masks, with a file of the mask's name for each scan."""

NO_EXTRAS = DicomExtras()
_KEPT_AS = (".nii.gz", ".tif", ".png")


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicted:
    """What a prediction wrote, what it found there already and what it could not read.

    Where the model can tell how good its masks are, ``estimates`` is the table of that; ``notes``
    say what else is worth knowing, a sentence each.
    """

    written: tuple[Path, ...]
    skipped: tuple[Path, ...]
    failed: tuple[LeftOut, ...]
    estimates: Path | None = None
    notes: tuple[str, ...] = ()


def predict(
    model: Path,
    sources: Sequence[Path],
    out: Path,
    *,
    suffix: str | None = None,
    mirror: bool = False,
    views: int = 1,
    match_brightness: Path | None = None,
    keep_probabilities: bool = False,
    judge: bool = True,
    report: bool = False,
    overlay: bool = False,
    overwrite: bool = False,
    load: SegmenterLoader = load_segmenter,
    listener: Listener = silent,
) -> Predicted:
    """Write a mask for every scan in ``sources``, named after it, into ``out``.

    Masks that are there are left as they are; a scan that cannot be read stops no other.

    Parameters
    ----------
    model : Path
        Folder of a trained model.
    sources : sequence of Path
        Files, folders, DICOM series or trees of them, and cohort folders.
    out : Path
        Folder of the masks; single objects are numbered in ``out/instances``.
    suffix : str, optional
        Format of the masks, e.g. ``.nrrd``; by default one that fits the scan. ``.seg.dcm`` for
        DICOM SEG objects, of DICOM series alone; probabilities become fractional ones.
    mirror : bool
        Whether to average over mirrored pictures; volumes are not mirrored in training.
    views : int
        How often a scan is seen, changed a little in brightness and size, see `predict_views`.
    match_brightness : Path, optional
        Scans that the model learned from, whose brightness each scan gets first: `Landmarks`.
    keep_probabilities : bool
        Whether to write the probability of each class into ``out/probabilities`` too.
    judge : bool
        Whether to estimate the Dice of plain masks, where the model can: ``out/predictions.csv``.
    report : bool
        Whether to write volumes as a DICOM structured report on each SEG: ``out/reports``.
    overlay : bool
        Whether to write copies of DICOM slices with the outlines burned in: ``out/overlays``.
    overwrite : bool
        Whether to predict again what is there.
    load : callable
        Reads the model's folder.
    listener : callable
        Is told the progress.

    Raises
    ------
    SufficeError
        If the model or the sources are unusable, or the masks cannot be written.
    """
    model, out = Path(model), Path(out)
    extras = DicomExtras(report=report, overlay=overlay)
    extras.require_fit(suffix)
    scans, left_out = gather_scans([Path(source) for source in sources], out)
    quality = _quality_of(model, mirror, views) if judge and not match_brightness else None
    read = functools.cache(partial(load, model))
    known = None if match_brightness is None else landmarks_of(match_brightness, read(), out)
    predicted = predict_scans(
        scans,
        out,
        load=read,
        see=partial(_see, views=require_views(views), landmarks=known),
        suffix=suffix,
        mirror=mirror,
        keep_probabilities=keep_probabilities,
        witness=None if quality is None else Witness(lambda: quality.likeness, mirror=mirror),
        extras=extras,
        overwrite=overwrite,
        listener=listener,
    )
    predicted = replace(predicted, failed=(*left_out, *predicted.failed))
    return _with_estimates(predicted, out, quality)


def _with_estimates(predicted: Predicted, out: Path, quality: Quality | None) -> Predicted:
    """Write what Dice to expect; where that is not estimated, forget it of replaced masks."""
    if quality is None:
        forget_estimates(out, [stem_of(mask) for mask in predicted.written])
        return predicted
    doubts = read_doubts(out) if out.is_dir() else {}
    if not doubts:
        return predicted
    write_estimates(out, doubts, quality)
    return replace(predicted, estimates=out / PREDICTIONS_CSV)


def _quality_of(model: Path, mirror: bool, views: int) -> Quality | None:
    """Read what a model knows of its quality; nothing where it was judged by other pictures."""
    quality = read_quality(model / QUALITY) if views == 1 else None
    return quality if quality is not None and quality.mirror == mirror else None


class Seeing(Protocol):
    """How a model looks at a scan."""

    def __call__(
        self,
        segmenter: Segmenter,
        image: Image,
        *,
        mirror: bool,
        keep_probabilities: bool,
        listener: Listener,
    ) -> Prediction:
        """Segment an image on its own grid."""


def _see(
    segmenter: Segmenter,
    image: Image,
    *,
    mirror: bool,
    keep_probabilities: bool,
    listener: Listener,
    views: int = 1,
    landmarks: Landmarks | None = None,
) -> Prediction:
    """Segment an image in matched brightness, or several views of it; by default as it is."""
    return predict_views(
        segmenter,
        image if landmarks is None else landmarks.matched(image),
        views,
        mirror=mirror,
        keep_probabilities=keep_probabilities,
        listener=listener,
    )


def predict_scans(
    scans: Sequence[ScanToPredict],
    out: Path,
    *,
    load: Callable[[], Segmenter],
    see: Seeing = _see,
    suffix: str | None = None,
    mirror: bool = False,
    keep_probabilities: bool = False,
    witness: Witness | None = None,
    extras: DicomExtras = NO_EXTRAS,
    overwrite: bool = False,
    task: str = "predict",
    listener: Listener = silent,
) -> Predicted:
    """Predict the scans that have no mask in ``out`` yet; see `predict`.

    A ``witness`` notes what speaks against each mask; ``see`` says how the model looks at a scan.
    """
    waiting: list[tuple[ScanToPredict, Path]] = []
    written: list[Path] = []
    skipped: list[Path] = []
    failed: list[LeftOut] = []
    for scan in scans:
        try:
            path = out / f"{scan.name}{suffix or mask_suffix_for(scan.path)}"
            if suffix in OBJECTS:
                read_source(scan.path)
        except SufficeError as error:
            failed.append(LeftOut(scan.path, str(error)))
            continue
        _spare_the_scan(path, scan)
        if path.exists() and not overwrite:
            skipped.append(path)
        else:
            waiting.append((scan, path))
    if not waiting:
        return Predicted(written=(), skipped=tuple(skipped), failed=tuple(failed))
    segmenter = load()
    for scan, _ in waiting:
        require_channels(scan, segmenter.channels_)
    for i, (scan, path) in enumerate(waiting):
        within = _share_of(listener, task, scan.name, done=i, of=len(waiting))
        within(Progress(task, 0.0))
        try:
            drawn = partial(see, segmenter, mirror=mirror, listener=within)
            _predict_one(segmenter, drawn, scan, path, keep_probabilities, witness, extras)
            written.append(path)
        except StorageError:
            raise
        except SufficeError as error:
            failed.append(LeftOut(scan.path, str(error)))
    listener(Progress(task, 1.0))
    notes = note_generic(segmenter.legend_) if suffix in OBJECTS else ()
    return Predicted(
        written=tuple(written), skipped=tuple(skipped), failed=tuple(failed), notes=notes
    )


def find_beside(mask: Path, folder: str) -> Path | None:
    """Find what is kept of a scan in a folder beside its mask."""
    found = (mask.parent / folder / f"{stem_of(mask)}{suffix}" for suffix in _KEPT_AS)
    return next((path for path in found if path.is_file()), None)


def _share_of(listener: Listener, task: str, name: str, *, done: int, of: int) -> Listener:
    """Make the progress within one scan a part of the whole task's."""

    def listen(progress: Progress) -> None:
        listener(replace(progress, task=task, fraction=(done + progress.fraction) / of, note=name))

    return listen


def _predict_one(
    segmenter: Segmenter,
    drawn: Callable[..., Prediction],
    scan: ScanToPredict,
    path: Path,
    keep_probabilities: bool,
    witness: Witness | None,
    extras: DicomExtras,
) -> None:
    with naming_full_memory("reading this scan", cure="Close other programs that hold memory."):
        image = read_as_trained(scan, segmenter.channels_)
    for_witness = witness is not None and witness.wants_probabilities(segmenter, image)
    prediction = drawn(image, keep_probabilities=keep_probabilities or for_witness)
    if witness is None:
        forget_doubts(path)
    else:
        witness.note(segmenter, image, prediction, path)
    if prediction.instances is not None:
        suffix = ".nii.gz" if image.grid.ndim == 3 else ".png"
        place = path.parent / INSTANCES / f"{scan.name}{suffix}"
        write_instances(place, prediction.instances, image.grid, overwrite=True)
    probabilities = prediction.probabilities if keep_probabilities else None
    if suffix_of(path) in OBJECTS:
        write_objects(
            path,
            prediction.labels,
            image,
            scan.path,
            extras,
            model=segmenter.rung,
            probabilities=probabilities,
            folder_of_probabilities=PROBABILITIES,
        )
        return
    if probabilities is not None:
        suffix = ".nii.gz" if image.grid.ndim == 3 else ".tif"
        place = path.parent / PROBABILITIES / f"{scan.name}{suffix}"
        write_probabilities(place, probabilities, image.grid, overwrite=True)
    # The mask comes last: where it stands, all of the scan is done.
    write_mask(path, prediction.labels, like=scan.path, overwrite=True)


def _spare_the_scan(path: Path, scan: ScanToPredict) -> None:
    if path.resolve() == scan.path.resolve():
        raise UsageError(
            f"The mask of '{scan.path}' would take the place of the scan itself",
            cure="Name another folder for the masks.",
        )
