"""Follow subjects over their visits: real change, slopes, single lesions, and spirometry."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from suffice.core import Listener, silent
from suffice.files import require_free
from suffice.spirometry import MAX_GAP_DAYS, Reference, read_spirometry
from suffice.tracking import (
    LEAST_CHANGE_PERCENT,
    Motion,
    Repeatability,
    Sizes,
    changes_of,
    estimate_repeatability,
    given_repeatability,
    one_source,
    sizes_of,
    slopes_of,
)
from suffice.workflows.breathing import compare_breathing
from suffice.workflows.lesions import follow_lesions
from suffice.workflows.track_folder import INDEX, TRACK_CSV, write_track
from suffice.workflows.tracked import Tracking
from suffice.workflows.visits import gather_visits


def track(
    source: Path | str,
    out: Path | str | None = None,
    *,
    spirometry: Path | str | None = None,
    reference: Reference = "gli2022",
    max_gap_days: float = MAX_GAP_DAYS,
    breath: str = "unknown",
    lungs: Sequence[str] = (),
    repeatability: str | None = None,
    retest_days: float = 0.0,
    masks: str | None = None,
    lesions: Sequence[str] | None = None,
    motion: Motion = "rigid",
    least_change_percent: float = LEAST_CHANGE_PERCENT,
    overwrite: bool = False,
    listener: Listener = silent,
) -> Tracking:
    """Follow the subjects of a cohort, a study or a table of measurements over their visits.

    Parameters
    ----------
    source : Path
        A cohort, a study of `suffice run`, or a ``measures.csv``.
    out : Path, optional
        Folder for the tables and a page for each subject.
    spirometry : Path, optional
        Table of tests, see `suffice.read_spirometry`.
    reference : {"gli2022", "gli2012"}
        See `suffice.interpret_spirometry`.
    max_gap_days : float
        A test further off than this belongs to no scan.
    breath : {"inspiration", "expiration", "unknown"}
        At what breath the scans were taken.
    lungs : sequence of str
        Structures that make up the lungs; by default those with ``lung`` in their names.
    repeatability : str, optional
        The coefficient, e.g. ``12`` (ml) or ``5%``; by default estimated from repeats.
    retest_days : float
        Scans of one subject that lie no further apart are repeats.
    masks : str, optional
        Whose masks are followed: ``drawn``, ``predicted``, a rater. By default those of most of
        a subject's visits.
    lesions : sequence of str, optional
        Structures whose pieces are followed singly; by default those named like lesions.
    motion : {"rigid", "none"}
        How scans on different grids are registered.
    least_change_percent : float
        A lesion that changes by less is unchanged.
    overwrite : bool
        Whether ``out`` may be replaced.
    listener : callable

    Returns
    -------
    Tracking

    Raises
    ------
    SufficeError
        If something cannot be read, or ``out`` is taken.
    """
    if out is not None:
        require_free(Path(out), overwrite=overwrite, mark=TRACK_CSV)
    tests = None if spirometry is None else read_spirometry(spirometry)
    visits = gather_visits(Path(source), listener=listener)
    sizes = sizes_of(visits.measures)
    known = _repeatability(sizes, repeatability, retest_days)
    followed = one_source(sizes, masks)
    fates, problems = follow_lesions(
        visits,
        followed,
        lesions,
        motion=motion,
        least_change_percent=least_change_percent,
        listener=listener,
    )
    breathing = None
    if tests is not None:
        breathing = compare_breathing(
            followed,
            visits.measures,
            tests,
            reference=reference,
            max_gap_days=max_gap_days,
            breath=breath,
            lungs=lungs,
        )
    found = Tracking(
        track=changes_of(followed, known),
        slopes=tuple(slopes_of(followed, known)),
        lesions=fates,
        repeatability=known,
        unit=followed.unit,
        breathing=breathing,
        notes=(*followed.notes, *problems),
        left_out=visits.left_out,
        index=None if out is None else Path(out) / INDEX,
    )
    if out is not None:
        write_track(found, visits, Path(out), overwrite=overwrite, listener=listener)
    return found


def _repeatability(sizes: Sizes, given: str | None, retest_days: float) -> dict[str, Repeatability]:
    if given is not None:
        labels = dict.fromkeys(str(label) for label in sizes.table["label"])
        return {label: given_repeatability(given, label) for label in labels}
    return {one.label: one for one in estimate_repeatability(sizes, retest_days=retest_days)}
