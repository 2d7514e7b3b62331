"""Who is learned from and who is scored: always by subject, never by file."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from suffice.core import Cohort, CohortError, FileFormatError, UsageError
from suffice.files import writing_file

COLUMNS = ("case", "subject", "part", "fold")
Presence = Mapping[str, Collection[str]]


@dataclass(frozen=True, slots=True)
class Split:
    """Names of the cases to learn from and of those to score."""

    train: tuple[str, ...]
    test: tuple[str, ...]


def hold_out(
    cohort: Cohort,
    *,
    n_test: int | None = None,
    test_fraction: float | None = None,
    seed: int,
    presence: Presence | None = None,
) -> Split:
    """Set some subjects apart for testing.

    Parameters
    ----------
    cohort : Cohort
        Its labelled cases are divided; the others are in neither part.
    n_test : int, optional
        Number of test subjects; all cases of a subject go where it goes.
    test_fraction : float, optional
        Share of the subjects instead, between 0 and 1; at least one.
    seed : int
        The same seed gives the same split, whatever the order of the cases.
    presence : dict of str to collection of str, optional
        Labels in the mask of each case: parts then hold each label in proportion, and at least
        once, as far as whole subjects allow.

    Raises
    ------
    CohortError
        If fewer than two subjects are labelled.
    UsageError
        If no subject would be left on one side.
    """
    subjects = _labelled_subjects(cohort)
    if (n_test is None) == (test_fraction is None):
        raise UsageError("Give the number of test subjects or their fraction, one of the two")
    if n_test is None:
        n_test = max(1, round((test_fraction or 0.0) * len(subjects)))
    if not 1 <= n_test < len(subjects):
        raise UsageError(
            "The number of test subjects cannot be had",
            got=n_test,
            expected=f"1 to {len(subjects) - 1} of the {len(subjects)} labelled subjects",
        )
    sizes = [len(subjects) - n_test, n_test]
    _, test = _distribute(subjects, sizes, _labels_of(cohort, presence), seed)
    return _split(cohort, test)


def k_folds(
    cohort: Cohort, *, n_folds: int, seed: int, presence: Presence | None = None
) -> tuple[Split, ...]:
    """Divide the labelled subjects into folds; each is the test part once.

    Parameters are those of `hold_out`. The folds' sizes differ by one subject at most.

    Raises
    ------
    CohortError
        If fewer than two subjects are labelled.
    UsageError
        If there are more folds than subjects, or fewer than two.
    """
    subjects = _labelled_subjects(cohort)
    if not 2 <= n_folds <= len(subjects):
        raise UsageError(
            "The number of folds cannot be had",
            got=n_folds,
            expected=f"2 to {len(subjects)}, as {len(subjects)} subjects are labelled",
        )
    each, rest = divmod(len(subjects), n_folds)
    sizes = [each + (fold < rest) for fold in range(n_folds)]
    parts = _distribute(subjects, sizes, _labels_of(cohort, presence), seed)
    return tuple(_split(cohort, part) for part in parts)


def _labelled_subjects(cohort: Cohort) -> tuple[str, ...]:
    subjects = tuple(sorted(cohort.labelled().subjects))
    if len(subjects) < 2:
        raise CohortError(
            f"Cohort '{cohort.name}' cannot be split by subject",
            got=f"{len(subjects)} labelled subject{'s' * (len(subjects) != 1)}",
            expected="at least 2",
            cure="Draw masks for another subject; files of one subject never test each other.",
        )
    return subjects


def _labels_of(cohort: Cohort, presence: Presence | None) -> dict[str, set[str]]:
    labels: dict[str, set[str]] = {subject: set() for subject in cohort.subjects}
    for case in cohort.cases:
        labels[case.subject] |= set((presence or {}).get(case.name, ()))
    return labels


def _distribute(
    subjects: Sequence[str], sizes: Sequence[int], labels: Mapping[str, set[str]], seed: int
) -> list[set[str]]:
    """Fill parts of given sizes with subjects, rare labels first.

    References
    ----------
    Iterative stratification: Sechidis, Tsoumakas and Vlahavas, ECML PKDD 2011,
    https://doi.org/10.1007/978-3-642-23808-6_10
    """
    rng = np.random.default_rng(seed)
    waiting = [subjects[i] for i in rng.permutation(len(subjects))]
    parts: list[set[str]] = [set() for _ in sizes]
    counts = Counter(label for subject in waiting for label in labels[subject])
    share = np.asarray(sizes) / len(subjects)
    wanted = {label: n * share for label, n in sorted(counts.items())}
    # A structure of two subjects in all is worth one to a small part, or it is never scored.
    wanted |= {
        label: np.maximum(need, 1.0)
        for label, need in wanted.items()
        if counts[label] >= len(sizes)
    }
    while waiting:
        left = Counter(label for subject in waiting for label in labels[subject])
        rarest = min(sorted(left), key=left.__getitem__, default=None)
        subject = next(s for s in waiting if rarest is None or rarest in labels[s])
        waiting.remove(subject)
        room = np.array([n - len(part) for n, part in zip(sizes, parts, strict=True)])
        need = room / np.asarray(sizes) if rarest is None else wanted[rarest]
        # Among the parts with room, the one that lacks the label most, then the emptiest.
        order = np.lexsort((room, need, room > 0))
        chosen = int(order[-1])
        parts[chosen].add(subject)
        for label in labels[subject]:
            wanted[label][chosen] -= 1
    return parts


def _split(cohort: Cohort, test: set[str]) -> Split:
    labelled = cohort.labelled().cases
    return Split(
        tuple(case.name for case in labelled if case.subject not in test),
        tuple(case.name for case in labelled if case.subject in test),
    )


def write_splits(
    path: Path, cohort: Cohort, test: Sequence[str] = (), folds: Sequence[Split] = ()
) -> None:
    """Write one row a case: its part (train, test or unlabelled) and the fold that scores it.

    Parameters
    ----------
    path : Path
        ``splits.csv``.
    cohort : Cohort
    test : sequence of str
        Names of the cases held out for good; the other labelled ones are training cases.
    folds : sequence of Split
        Folds of the training cases; each case's fold is the one that has it as test.
    """
    fold_of = {name: str(i) for i, fold in enumerate(folds) for name in fold.test}
    held = set(test)
    with writing_file(path) as partial, partial.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(COLUMNS)
        for case in cohort.cases:
            part = "unlabelled" if not case.is_labelled else "train"
            part = "test" if case.name in held else part
            writer.writerow([case.name, case.subject, part, fold_of.get(case.name, "")])


def read_splits(path: Path) -> tuple[Split, tuple[Split, ...]]:
    """Read what `write_splits` wrote: train and test, and the folds within the training cases.

    Raises
    ------
    FileFormatError
        If the file is missing or lacks a column.
    """
    try:
        with path.open(encoding="utf-8", newline="") as handle:
            rows = list(csv.DictReader(handle))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FileFormatError(f"'{path}' cannot be read", got=error) from error
    if not rows or not set(COLUMNS) <= set(rows[0]):
        raise FileFormatError(
            f"'{path}' is not a table of splits",
            got=list(rows[0]) if rows else "no row",
            expected=", ".join(COLUMNS),
        )
    train = tuple(row["case"] for row in rows if row["part"] == "train")
    test = tuple(row["case"] for row in rows if row["part"] == "test")
    numbers = sorted({int(row["fold"]) for row in rows if row["fold"]})
    folds = []
    for number in numbers:
        inside = {row["case"] for row in rows if row["fold"] == str(number)}
        folds.append(
            Split(
                tuple(name for name in train if name not in inside),
                tuple(name for name in train if name in inside),
            )
        )
    return Split(train, test), tuple(folds)
