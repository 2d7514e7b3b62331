"""Which subjects a design of many trainings scores on: those named, or about a third."""

from __future__ import annotations

from collections.abc import Sequence

from suffice.core import Cohort, CohortError, UsageError
from suffice.study.splits import Presence, hold_out

TEST_FRACTION = 1 / 3
MOST_TEST = 200


def require_subjects(labelled: Cohort, least: int, *, purpose: str, cure: str) -> None:
    """Raise a `CohortError` where fewer subjects are labelled than the purpose takes.

    Parameters
    ----------
    labelled : Cohort
        Labelled cases alone.
    least : int
    purpose : str
        What the cohort is too small for, e.g. ``to rehearse on``.
    cure : str
    """
    n = len(labelled.subjects)
    if n < least:
        raise CohortError(
            f"Cohort '{labelled.name}' is too small {purpose}",
            got=f"{n} labelled subject{'s' * (n != 1)}",
            expected=f"{least} or more",
            cure=cure,
        )


def hold_back(
    labelled: Cohort,
    test: Sequence[str] | None,
    *,
    design: str,
    seed: int,
    least: int = 1,
    presence: Presence | None = None,
) -> tuple[str, ...]:
    """Choose the subjects to score on.

    Parameters
    ----------
    labelled : Cohort
        Labelled cases alone.
    test : sequence of str, optional
        Names of cases: their subjects. By default a third of the subjects, `MOST_TEST` at most.
    design : str
        What they are for, to say so where none is named: ``A curve``.
    seed : int
    least : int
        Subjects, where none are named.
    presence : dict of str to collection of str, optional
        See `suffice.study.splits.hold_out`.

    Raises
    ------
    UsageError
        If the list of names is empty.
    """
    if test is None:
        third = max(least, round(TEST_FRACTION * len(labelled.subjects)))
        split = hold_out(labelled, n_test=min(third, MOST_TEST), seed=seed, presence=presence)
        return labelled.subset(split.test).subjects
    named = labelled.subset(test).subjects
    if not named:
        raise UsageError(f"{design} needs cases to score on", got="none")
    return named
