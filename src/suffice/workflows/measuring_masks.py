"""Measure masks wherever they lie: in folders, cohorts and studies."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from suffice.core import (
    Case,
    Cohort,
    Image,
    LabelMap,
    Legend,
    Listener,
    Modality,
    Progress,
    SufficeError,
    Unit,
    UsageError,
    silent,
)
from suffice.files import require_free
from suffice.io import (
    LeftOut,
    find_scans,
    mask_suffix_for,
    read_case_image,
    read_case_mask,
    read_cohort,
    read_image,
    read_mask,
)
from suffice.io.cohort_folder import COHORT_TOML
from suffice.io.layouts.names import subject_of, visit_of
from suffice.measure import examine_mask, rounding_interval, size_unit, structures_of
from suffice.quality import VolumeErrors
from suffice.study import (
    StudyFolder,
    bounds_of,
    read_errors,
    read_record,
    with_intervals,
    write_scores,
)
from suffice.study.volume_intervals import DRAWN, LEVEL, NOTE, PREDICTED
from suffice.workflows.references import guess_legend, masks_in

FIRST_COLUMNS = ("case", "subject", "visit", "date", "label", "source")

_KEPT_AS = (".nii.gz", ".nii", ".tif", ".tiff")
_PROBABILITIES = "probabilities"
_ROUNDED = "interval of the size of the voxels alone"
_DEFAULT_LEVEL = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredMasks:
    """What was measured, and what could not be with the reason.

    Parameters
    ----------
    table : DataFrame
        A row for each case and structure, see `measure_masks`.
    left_out : tuple of LeftOut
    """

    table: pd.DataFrame
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    """A mask that is read when its turn comes, with what else is known of its case."""

    case: Case
    path: Path
    source: str
    read: Callable[[], LabelMap]
    scan: Callable[[], Image] | None = None
    channels: tuple[str, ...] = ()
    probabilities: Path | None = None


def measure_masks(
    sources: Sequence[Path | str],
    out: Path | str | None = None,
    *,
    images: Path | str | None = None,
    cohort: Path | str | Cohort | None = None,
    probabilities: Path | str | None = None,
    calibration: Path | str | None = None,
    labels: Mapping[int, str] | None = None,
    modality: Modality | None = None,
    drawn: bool = False,
    rater: str | None = None,
    level: float | None = None,
    overwrite: bool = False,
    listener: Listener = silent,
) -> MeasuredMasks:
    """Measure every structure in masks, and write a table with a row for each.

    Parameters
    ----------
    sources : sequence of Path
        Masks, folders of them, cohorts (what was drawn) and studies (what was drawn and
        predicted).
    out : Path, optional
        The table, ``measures.csv`` by custom.
    images : Path, optional
        Scans named after the masks, or the one scan of one mask, for what they show inside them.
        Those of a cohort are found by themselves.
    cohort : Path or Cohort, optional
        Whose cases the masks are: tells subjects, visits, dates, labels, scans and spacings.
    probabilities : Path, optional
        Folder of those; by default ``probabilities`` beside the masks, where `predict` keeps them.
    calibration : Path, optional
        What tells how far off predicted sizes are: a study, its ``measures.csv``, or the scores
        of held-back cases. A study measures itself by its own.
    labels : mapping of int to str, optional
        Names of the label values, where no cohort tells them.
    modality : str, optional
        Of the scans in ``images``, where files do not say; CT is taken in HU.
    drawn : bool
        Whether the masks are true but for the size of the voxels, which then makes the interval.
        Masks of a folder count as predicted otherwise.
    rater : str, optional
        Whose masks of a cohort; the first rater's by default.
    level : float, optional
        Of the intervals; by default 0.9, or 0.8 where held-back subjects are too few for that.
    overwrite : bool
        Whether ``out`` may be replaced.
    listener : callable

    Returns
    -------
    MeasuredMasks
        With the columns ``case, subject, visit, date, label, source`` (``drawn`` or
        ``predicted``), those of `measure_mask`, behind a size its bounds, and ``level`` and
        ``note``.

    Raises
    ------
    SufficeError
        If there is nothing to measure, a source is unusable, or ``out`` cannot be written.
    """
    place = None if out is None else Path(out)
    if place is not None:
        require_free(place, overwrite=overwrite)
    if level is not None and not 0 < level < 1:
        raise UsageError("The level of an interval must lie between 0 and 1", got=level)
    known = cohort if cohort is None or isinstance(cohort, Cohort) else read_cohort(Path(cohort))
    waiting: list[_Waiting] = []
    for source in map(Path, sources):
        waiting += _waiting(source, known, labels, drawn, rater, probabilities)
    if not waiting:
        raise UsageError("There is no mask to measure", got=", ".join(map(str, sources)))
    left_out: list[LeftOut] = []
    if images is not None:
        waiting, left_out = _with_scans(waiting, Path(images), modality)
    rounded = (level or _DEFAULT_LEVEL) if drawn else None
    rows, unmeasured = _measured(waiting, rounded, listener)
    left_out += unmeasured
    if not rows:
        raise UsageError("No mask could be measured", got=left_out[0].reason)
    table = _table(rows, _calibration(calibration, sources), level)
    if place is not None:
        write_scores(place, table, overwrite=overwrite)
    return MeasuredMasks(table=table, left_out=tuple(left_out))


def _waiting(
    source: Path,
    cohort: Cohort | None,
    labels: Mapping[int, str] | None,
    drawn: bool,
    rater: str | None,
    probabilities: Path | str | None,
) -> list[_Waiting]:
    """List the masks of one source."""
    if (source / COHORT_TOML).is_file():
        return list(_of_cohort(cohort or read_cohort(source), rater))
    study = StudyFolder(source)
    if study.record.is_file():
        record = read_record(study.record)
        ours = cohort or read_cohort((source / record.cohort).resolve())
        folders = (study.validation(record.rung), study.predictions)
        predicted = [item for folder in folders for item in _predicted(ours, folder)]
        return [*_of_cohort(ours, rater), *predicted]
    return list(_of_folder(source, cohort, labels, drawn, probabilities))


def _of_cohort(cohort: Cohort, rater: str | None) -> Iterator[_Waiting]:
    for case in cohort.cases:
        if not case.is_labelled or (rater is not None and rater not in case.masks):
            continue
        yield _of_case(
            cohort,
            case,
            path=case.masks[rater or next(iter(case.masks))],
            source=DRAWN,
            read=partial(_fully_drawn, cohort, case, rater),
        )


def _predicted(cohort: Cohort, folder: Path) -> Iterator[_Waiting]:
    """Find the masks of a study's folder."""
    for case in cohort.cases:
        image = case.images.get(cohort.channels[0].name)
        path = None if image is None else folder / f"{case.name}{mask_suffix_for(image)}"
        if path is not None and path.is_file():
            read = partial(_on_grid_of, cohort, case, path)
            probabilities = _find(folder / _PROBABILITIES, case.name)
            item = _of_case(cohort, case, path=path, source=PREDICTED, read=read)
            yield replace(item, probabilities=probabilities)


def _of_folder(
    source: Path,
    cohort: Cohort | None,
    labels: Mapping[int, str] | None,
    drawn: bool,
    probabilities: Path | str | None,
) -> Iterator[_Waiting]:
    masks = masks_in(source)
    folder = source if source.is_dir() else source.parent
    beside = folder / _PROBABILITIES if probabilities is None else Path(probabilities)
    if probabilities is not None and not beside.is_dir():
        raise UsageError(f"'{beside}' does not exist", expected="a folder of probabilities")
    kind = DRAWN if drawn else PREDICTED
    if cohort is not None:
        cases = {case.name: case for case in cohort.cases}
        strangers = [name for name in masks if name not in cases]
        if strangers:
            raise UsageError(
                f"Cohort '{cohort.name}' has no case of that name",
                got=", ".join(strangers[:5]),
                cure="Name each mask after its case, or leave --cohort out.",
            )
        for name, path in masks.items():
            read = partial(_on_grid_of, cohort, cases[name], path)
            item = _of_case(cohort, cases[name], path=path, source=kind, read=read)
            yield replace(item, probabilities=_find(beside, name))
        return
    if not masks:
        return
    legend = Legend.from_names(labels) if labels else guess_legend(source, masks)
    for name, path in masks.items():
        yield _Waiting(
            case=Case(name, subject_of(name), {}, visit=visit_of(name)),
            path=path,
            source=kind,
            read=partial(read_mask, path, legend),
            probabilities=_find(beside, name),
        )


def _of_case(
    cohort: Cohort, case: Case, *, path: Path, source: str, read: Callable[[], LabelMap]
) -> _Waiting:
    is_whole = all(channel.name in case.images for channel in cohort.channels)
    return _Waiting(
        case=case,
        path=path,
        source=source,
        read=read,
        scan=partial(read_case_image, cohort, case) if is_whole else None,
        channels=tuple(channel.name for channel in cohort.channels),
    )


def _fully_drawn(cohort: Cohort, case: Case, rater: str | None) -> LabelMap:
    mask = read_case_mask(cohort, case, rater)
    if mask.unlabelled is not None:
        raise UsageError(
            f"The mask of '{case.name}' labels a part of its voxels, so its structures have no size"
        )
    return LabelMap(mask.array, mask.grid, cohort.legend.whole)


def _on_grid_of(cohort: Cohort, case: Case, path: Path) -> LabelMap:
    """Read a mask; that of a picture takes the spacing that the cohort knows."""
    mask = read_mask(path, cohort.legend.whole)
    if mask.grid.ndim == 2 and case.pixel_spacing_mm is not None:
        grid = replace(mask.grid, pixel_spacing_mm=case.pixel_spacing_mm)
        return LabelMap(mask.array, grid, mask.legend)
    return mask


def _find(folder: Path, name: str) -> Path | None:
    found = (folder / f"{name}{suffix}" for suffix in _KEPT_AS)
    return next((path for path in found if path.is_file()), None)


def _with_scans(
    waiting: Sequence[_Waiting], images: Path, modality: Modality | None
) -> tuple[list[_Waiting], list[LeftOut]]:
    """Give each mask the scan of its name, and name those that have none.

    A single scan is that of a single mask, whatever its name.
    """
    scans, left_out = find_scans([images])
    paths = {scan.name.removesuffix("_0000"): scan.path for scan in scans}
    if len(scans) == len(waiting) == 1:
        paths = {waiting[0].case.name: scans[0].path}
    unit: Unit | None = "HU" if modality == "CT" else None
    found = []
    for item in waiting:
        path = paths.get(item.case.name)
        if path is None:
            left_out.append(LeftOut(item.path, f"no scan in '{images}' is called as its mask"))
        else:
            scan = partial(read_image, path, modality=modality, unit=unit)
            item = replace(item, scan=scan, channels=())
        found.append(item)
    return found, left_out


def _measured(
    waiting: Sequence[_Waiting], rounded: float | None, listener: Listener
) -> tuple[list[dict[str, object]], list[LeftOut]]:
    """Measure what can be measured, and name the rest."""
    rows: list[dict[str, object]] = []
    left_out: list[LeftOut] = []
    for i, item in enumerate(waiting):
        listener(Progress("measure", i / len(waiting), note=item.case.name))
        try:
            rows += _rows(item, rounded)
        except SufficeError as error:
            left_out.append(LeftOut(item.path, str(error)))
    listener(Progress("measure", 1.0))
    return rows, left_out


def _rows(item: _Waiting, rounded: float | None) -> list[dict[str, object]]:
    """Measure one mask: a row for each structure, drawn ones with an interval of that level."""
    mask = item.read()
    image = None if item.scan is None else _spaced(item.scan(), mask)
    soft = None if item.probabilities is None else _probabilities(item.probabilities, mask)
    examined = examine_mask(mask, image, probabilities=soft, shape=True, channels=item.channels)
    rows: dict[str, dict[str, object]] = {}
    for measure in examined.measures:
        row = rows.setdefault(measure.label, _about(item, measure.label))
        row[measure.name] = measure.value
    for label, note in examined.notes.items():
        rows[label][NOTE] = note
    if rounded is not None and item.source == DRAWN:
        size, _ = size_unit(mask.grid)
        for structure in structures_of(mask):
            row = rows[structure.label]
            bounds = rounding_interval(structure, rounded)
            row.update(zip(bounds_of(size), bounds, strict=True))
            row[LEVEL] = rounded
            row[NOTE] = "; ".join(filter(None, (str(row.get(NOTE, "")), _ROUNDED)))
    return list(rows.values())


def _about(item: _Waiting, label: str) -> dict[str, object]:
    case = item.case
    values = (case.name, case.subject, case.visit, case.date, label, item.source)
    return dict(zip(FIRST_COLUMNS, values, strict=True))


def _spaced(image: Image, mask: LabelMap) -> Image:
    """Let a picture have the spacing of its mask, where it does not know one."""
    if image.grid.ndim == 2 and image.grid.spacing_mm is None and image.grid.matches(mask.grid):
        return replace(image, grid=mask.grid)
    return image


def _probabilities(path: Path, mask: LabelMap) -> npt.NDArray[np.floating]:
    found = read_image(path)
    found.grid.require_match(mask.grid, f"'{path}'", "its mask")
    return found.array.astype(np.float32, copy=False)


def _calibration(
    calibration: Path | str | None, sources: Sequence[Path | str]
) -> dict[tuple[str, str], VolumeErrors]:
    """Read the errors of held-back cases; of a study that is measured, its own."""
    if calibration is not None:
        return read_errors(Path(calibration))
    studies = [Path(s) for s in sources if StudyFolder(Path(s)).measures.is_file()]
    return read_errors(studies[0]) if len(studies) == len(sources) == 1 else {}


def _table(
    rows: Sequence[dict[str, object]],
    errors: Mapping[tuple[str, str], VolumeErrors],
    level: float | None,
) -> pd.DataFrame:
    names = dict.fromkeys([*FIRST_COLUMNS, *(name for row in rows for name in row)])
    table = pd.DataFrame(list(rows), columns=list(names))
    return with_intervals(table, errors, level=level)
