"""The scans that a model is to draw in: from files, folders, DICOM trees and cohorts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from suffice.core import Case, Channel, Cohort, Image, UsageError
from suffice.io import (
    LeftOut,
    find_scans,
    known_units,
    read_case_image,
    read_cohort,
    read_image,
)
from suffice.io.cohort_folder import COHORT_TOML


@dataclass(frozen=True, slots=True)
class ScanToPredict:
    """A scan that is read when its turn comes.

    Parameters
    ----------
    name : str
        The mask is named after it.
    path : Path
        The file or DICOM folder of the first channel, whose header the mask takes over.
    read : callable
        Reads all channels; takes ``unit``, that of the model's channels.
    channels : tuple of str
        Their names, where a cohort gives them.
    """

    name: str
    path: Path
    read: Callable[..., Image]
    channels: tuple[str, ...] = ()


def scan_of_case(cohort: Cohort, case: Case) -> ScanToPredict:
    """Make the scan of a case, with all channels of its cohort."""
    path = case.images.get(cohort.channels[0].name, cohort.root)
    names = tuple(channel.name for channel in cohort.channels)
    return ScanToPredict(case.name, path, partial(read_case_image, cohort, case), names)


def require_channels(scan: ScanToPredict, channels: Sequence[Channel]) -> None:
    """Raise a `UsageError` where a scan of several channels has not the model's, in its order.

    T2 taken for T1 would give a mask too, and a wrong one. A single channel is taken as it is,
    whatever its name.
    """
    wanted = tuple(channel.name for channel in channels)
    if len(scan.channels) > 1 and len(wanted) > 1 and scan.channels != wanted:
        raise UsageError(
            "The cohort's channels are not the model's",
            got=", ".join(scan.channels),
            expected=", ".join(wanted),
            cure="Name and order the [[channel]] entries of cohort.toml as the model has them.",
        )


def read_as_trained(scan: ScanToPredict, channels: Sequence[Channel]) -> Image:
    """Read a scan in the units of the model's channels.

    A model of Hounsfield units would draw something in stored values too, and nothing would tell
    that it is wrong.

    Raises
    ------
    FileFormatError
        If a header says that the scan cannot be had in that unit. A format that holds no unit,
        such as NIfTI, is taken at its word.
    """
    units = known_units(channels)
    # One file may hold all the channels of a model, as one model may read any of one channel.
    n_files = max(len(scan.channels), 1)
    return scan.read(unit=units if len(units) == n_files else units[:1] * n_files)


def gather_scans(sources: Sequence[Path], out: Path) -> tuple[list[ScanToPredict], list[LeftOut]]:
    """Find the scans in ``sources``, but no mask that an earlier prediction put into ``out``.

    Raises
    ------
    UsageError
        If there is nothing to predict, two scans would share a mask, or ``out`` holds scans.
    """
    _require_apart(sources, out)
    cohorts = [source for source in sources if (source / COHORT_TOML).is_file()]
    found, left_out = find_scans([source for source in sources if source not in cohorts])
    inside = out.resolve()
    scans = [
        ScanToPredict(scan.name, scan.path, partial(read_image, scan.path))
        for scan in found
        if inside not in scan.path.resolve().parents
    ]
    for folder in cohorts:
        cohort = read_cohort(folder)
        scans += [scan_of_case(cohort, case) for case in cohort.cases]
    if not scans and not left_out:
        raise UsageError(
            "There is no scan to predict",
            got=", ".join(f"'{source}'" for source in sources[:3]),
            cure="Name files, folders or DICOM series.",
        )
    _require_own_names(scans)
    return scans, left_out


def _require_apart(sources: Sequence[Path], out: Path) -> None:
    for source in sources:
        place = source.parent if source.is_file() else source
        if place.resolve() == out.resolve():
            raise UsageError(
                f"Masks cannot go into '{out}', where the scans are",
                cure="Name another folder for the masks.",
            )


def _require_own_names(scans: Sequence[ScanToPredict]) -> None:
    first: dict[str, Path] = {}
    for scan in scans:
        if scan.name in first:
            raise UsageError(
                f"Two scans are called '{scan.name}'",
                got=f"'{first[scan.name]}' and '{scan.path}'",
                cure="Give their sources one at a time, each with its own --out, or rename a file.",
            )
        first[scan.name] = scan.path
