"""Import: find a cohort in a folder as it came, and say what was taken, made and left out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from suffice.core import (
    Case,
    Channel,
    Cohort,
    CohortError,
    Legend,
    Listener,
    Modality,
    StorageError,
    Unit,
    UsageError,
    silent,
)
from suffice.files import require_free, writing_folder
from suffice.io import LeftOut, read_cohort, write_cohort
from suffice.io.cohort_folder import COHORT_TOML
from suffice.io.copying import copied
from suffice.io.formats import format_of
from suffice.io.images import read_grid
from suffice.io.intake import Intake
from suffice.io.layouts import Draft, choose_layout
from suffice.io.layouts.slices import slice_notes


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What an import made of a folder.

    Parameters
    ----------
    cohort : Cohort
        As written and read again.
    layout : str
        Name of the layout that it was read as.
    why : str
        What spoke for that layout, and what else was considered.
    left_out : tuple of LeftOut
    notes : tuple of str
        What was guessed, converted or is worth knowing, a sentence each.
    """

    cohort: Cohort
    layout: str
    why: str
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...] = ()


def import_cohort(
    source: Path,
    out: Path,
    *,
    layout: str = "auto",
    pattern: str | None = None,
    mask_pattern: str | Sequence[str] | None = None,
    subject_pattern: str | None = None,
    modality: Modality | None = None,
    unit: Unit | None = None,
    labels: Mapping[int, str] | None = None,
    invert_masks: bool = False,
    ignore: int | None = None,
    background: int | None = None,
    voxel_size_mm: tuple[float, float, float] | None = None,
    keep_dates: bool = False,
    copy: bool = False,
    overwrite: bool = False,
    listener: Listener = silent,
) -> ImportReport:
    """Make a cohort folder from a folder of images and masks.

    Parameters
    ----------
    source : Path
        The folder as it came; it is only read.
    out : Path
        The cohort folder to make, outside ``source``.
    layout : str
        ``auto``, or the name of a layout (`suffice.io.layouts.LAYOUTS`).
    pattern : str, optional
    mask_pattern : str or sequence of str, optional
        Paths relative to ``source`` with named fields, e.g. ``{subject}/slice-{slice}.png`` and
        ``{subject}/mask-{rater}/slice-{slice}.png``; they imply the layout ``pattern``. A name
        before a pattern of masks, as in ``gold=gold/{slice}.png``, is the rater of all that match
        it. Files that differ in ``{z}`` alone are slices of one volume.
    subject_pattern : str, optional
        Regular expression with one group, searched in the name of the case: the subject.
    modality, unit : str, optional
        Of every channel, where the person knows better than the files. CT means HU unless the
        unit is given or the files are PNG, JPEG or BMP, which hold no negative values.
    labels : dict of int to str, optional
        Names of the label values.
    invert_masks : bool
        Whether masks mark the background: 0 becomes 1, everything else 0.
    ignore : int, optional
        The value of voxels that nobody labelled; what ``dataset.json`` of nnU-Net calls
        ``ignore`` is taken without being told.
    background : int, optional
        Where ``ignore`` is 0, as in scribbles: the value of what was drawn as background.
    voxel_size_mm : tuple of float, optional
        Of volumes that are put together of slices: across columns, rows and slices.
    keep_dates : bool
        Whether to take dates from DICOM headers; dates identify patients.
    copy : bool
        Whether to copy the files into the cohort folder, rather than refer to them.
    overwrite : bool
        Whether a cohort in ``out`` may be replaced.
    listener : callable

    Returns
    -------
    ImportReport

    Raises
    ------
    CohortError
        If no layout fits, or nothing usable is found.
    StorageError
        If ``out`` is taken or cannot be written.
    UsageError
        If the values of unlabelled voxels and of the background cannot be.
    """
    source, out = Path(source), Path(out)
    _check_places(source, out, overwrite)
    patterns = (mask_pattern,) if isinstance(mask_pattern, str) else tuple(mask_pattern or ())
    chosen, why = choose_layout(
        source, layout, pattern=pattern, mask_patterns=patterns, keep_dates=keep_dates
    )
    draft, told = _with_channels(chosen.collect(source), modality, unit)
    draft = _with_subjects(replace(draft, labels=labels or draft.labels), subject_pattern)
    ignore = draft.ignore if ignore is None else ignore
    _check_ignored(ignore, background, invert_masks, labels or {})
    with writing_folder(out, overwrite=overwrite) as folder:
        intake = Intake(
            draft,
            source,
            folder,
            invert_masks=invert_masks,
            ignore=ignore,
            background=background or 0,
            voxel_mm=voxel_size_mm,
            listener=listener,
        )
        cases = _taken_in(intake, draft, source, folder, chosen.name, copy=copy)
        slices = [] if subject_pattern else _slices(cases)
    return ImportReport(
        cohort=read_cohort(out),
        layout=chosen.name,
        why=why,
        left_out=tuple(intake.left_out),
        notes=(*told, *draft.notes, *intake.notes, *slices),
    )


def _taken_in(
    intake: Intake, draft: Draft, source: Path, folder: Path, layout: str, *, copy: bool
) -> list[Case]:
    """Take in what can be used, and write the cohort of it."""
    cases = intake.run()
    if not cases:
        raise _nothing_usable(source, layout, intake.left_out)
    if copy:
        cases = [copied(case, folder) for case in cases]
    named = Legend.from_names(intake.labels, ignore=intake.unlabelled)
    labels = tuple(replace(each, code=draft.codes.get(each.value)) for each in named)
    legend = replace(named, labels=labels)
    cohort = Cohort(source.resolve().name, folder, draft.channels, legend, tuple(cases))
    write_cohort(cohort, folder, left_out=intake.left_out)
    return cases


def _with_channels(
    draft: Draft, modality: Modality | None, unit: Unit | None
) -> tuple[Draft, list[str]]:
    """Take what the person knows of the channels, and say what follows from it."""
    told = []
    # A layout that knows of the CT has said what its unit is.
    is_news = any(channel.modality != "CT" for channel in draft.channels)
    if modality == "CT" and unit is None and is_news and _may_hold_hounsfield(draft):
        unit = "HU"
        told.append(
            "The unit of the CT was taken for Hounsfield units (HU), so that every scan is "
            "normalised alike: where the values are rescaled, give --unit none"
        )
    if modality or unit:
        draft = replace(draft, channels=tuple(_told(c, modality, unit) for c in draft.channels))
    return draft, told


def _check_places(source: Path, out: Path, overwrite: bool) -> None:
    if not source.is_dir():
        raise UsageError(
            f"'{source}' is not a folder" if source.exists() else f"'{source}' does not exist",
            cure="Name the folder that holds the images and masks.",
        )
    if (source / COHORT_TOML).is_file():
        raise UsageError(
            f"'{source}' is a cohort already",
            got=COHORT_TOML,
            cure="Give it to 'suffice check' or 'suffice run'; nothing is left to import.",
        )
    real_source, real_out = source.resolve(), out.resolve()
    if real_source == real_out or real_source in real_out.parents:
        raise UsageError(
            f"The cohort folder '{out}' would lie inside the source '{source}'",
            cure="Name a folder beside it: the source stays as it is.",
        )
    if real_out in real_source.parents:
        raise UsageError(
            f"The source '{source}' lies inside the cohort folder '{out}'",
            cure="Name another folder for the cohort.",
        )
    require_free(out, overwrite=overwrite)
    if out.exists() and not (out / COHORT_TOML).is_file() and (out.is_file() or any(out.iterdir())):
        raise StorageError(
            f"'{out}' is not a cohort and will not be replaced",
            got="other things in it",
            cure="Name another folder, or empty this one yourself.",
        )


def _check_ignored(
    ignore: int | None, background: int | None, invert_masks: bool, labels: Mapping[int, str]
) -> None:
    """Raise a `UsageError` where what is said of unlabelled voxels cannot be."""
    if ignore is not None and invert_masks:
        raise UsageError(
            "Masks of which parts are unlabelled cannot be inverted",
            cure="Give --ignore and --background, or --invert-masks, not both.",
        )
    if ignore == 0 and not background:
        raise UsageError(
            "Where 0 is unlabelled, background is a value of its own",
            got=background,
            cure="Name it: --ignore 0 --background VALUE.",
        )
    if background is not None and ignore != 0:
        raise UsageError(
            "Background is 0 unless 0 is unlabelled",
            got=f"--background {background}",
            cure="Give --ignore 0 with it, or leave it out.",
        )
    if ignore is not None and ignore in labels:
        raise UsageError(
            "A structure cannot have the value of unlabelled voxels",
            got=f"{ignore} {labels[ignore]}",
            cure="Name another value with --ignore.",
        )


def _may_hold_hounsfield(draft: Draft) -> bool:
    paths = (path for item in draft.cases for path in item.case.images.values())
    return all(format_of(path) != "picture" for path in paths)


def _told(channel: Channel, modality: Modality | None, unit: Unit | None) -> Channel:
    return replace(channel, modality=modality or channel.modality, unit=unit or channel.unit)


def _slices(cases: Sequence[Case]) -> list[str]:
    """Notes on pictures that are slices or may be; volumes are no slices."""
    is_picture = read_grid(next(iter(cases[0].images.values()))).ndim == 2
    return slice_notes(cases) if is_picture else []


def _with_subjects(draft: Draft, pattern: str | None) -> Draft:
    if not pattern:
        return draft
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise UsageError("--subject is no regular expression", got=error) from error
    if compiled.groups < 1:
        raise UsageError(
            "--subject has no group",
            got=pattern,
            cure="Put the part that names the subject in brackets, e.g. '^(P[0-9]+)_'.",
        )
    cases = []
    for item in draft.cases:
        found = compiled.search(item.case.name)
        subject = next((group for group in found.groups() if group), None) if found else None
        if subject is None:
            raise UsageError(
                f"--subject '{pattern}' finds no subject in '{item.case.name}'",
                cure="Give one that fits every case.",
            )
        cases.append(replace(item, case=replace(item.case, subject=subject)))
    return replace(draft, cases=tuple(cases))


def _nothing_usable(source: Path, layout: str, left_out: Sequence[LeftOut]) -> CohortError:
    first = f"first '{left_out[0].path}': {left_out[0].reason}" if left_out else "nothing at all"
    return CohortError(
        f"'{source}', read as {layout}, holds no usable image",
        got=f"{len(left_out)} left out, {first}" if left_out else first,
    )
