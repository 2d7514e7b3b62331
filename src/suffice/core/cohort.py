"""Cases and cohorts: which files belong to whom. A table, never the images themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from suffice.core.errors import CohortError
from suffice.core.image import Modality, Unit
from suffice.core.legend import Legend

DEFAULT_CHANNEL = "image"
DEFAULT_RATER = "expert"


def is_file_name(name: str) -> bool:
    """Whether outputs can be named after a case: inside their folder, and not hidden.

    Examples
    --------
    >>> [is_file_name(name) for name in ("P1_t2", "a b", "", "../a", "a/b", ".a")]
    [True, True, False, False, False, False]
    """
    return bool(name) and not name.startswith(".") and not {"/", "\0"} & set(name)


@dataclass(frozen=True, slots=True)
class Channel:
    """One input channel of a cohort: a file for each case."""

    name: str = DEFAULT_CHANNEL
    modality: Modality = "OTHER"
    unit: Unit = "none"


@dataclass(frozen=True, slots=True)
class Case:
    """One scan of one subject at one visit.

    Parameters
    ----------
    name : str
        Unique in the cohort; output files are named after it.
    subject : str
        Cases of one subject never lie on both sides of a split.
    images : dict of str to Path
        A file or DICOM folder for each channel.
    masks : dict of str to Path
        A file for each rater who drew one; empty where nobody did.
    visit, date : str
        Free text and ISO date; empty where unknown.
    pixel_spacing_mm : tuple of float, optional
        ``(row, column)`` spacing of pictures, whose files seldom hold one.
    soft_masks : dict of str to Path
        The probability of every class, for a rater who has it: most often a consensus.
    instance_maps : dict of str to Path
        A number for each object, for a rater who told them apart; masks say what they are.
    """

    name: str
    subject: str
    images: Mapping[str, Path]
    masks: Mapping[str, Path] = field(default_factory=dict)
    visit: str = ""
    date: str = ""
    pixel_spacing_mm: tuple[float, float] | None = None
    soft_masks: Mapping[str, Path] = field(default_factory=dict)
    instance_maps: Mapping[str, Path] = field(default_factory=dict)

    @property
    def is_labelled(self) -> bool:
        """Whether anyone drew a mask."""
        return bool(self.masks)


@dataclass(frozen=True)
class Cohort:
    """Cases that share channels and a legend.

    Examples
    --------
    >>> cohort = Cohort(
    ...     "toy", Path("."), (Channel(),), Legend.from_names({1: "lung"}),
    ...     (Case("a", "s1", {"image": Path("a.png")}, {"expert": Path("am.png")}),
    ...      Case("b", "s2", {"image": Path("b.png")})),
    ... )
    >>> cohort.labelled().names, cohort.unlabelled().names, cohort.subjects
    (('a',), ('b',), ('s1', 's2'))
    """

    name: str
    root: Path
    channels: tuple[Channel, ...]
    legend: Legend
    cases: tuple[Case, ...]

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for case in self.cases:
            if not is_file_name(case.name):
                raise CohortError(
                    f"A case of cohort '{self.name}' has a name that no file can have",
                    got=repr(case.name),
                    cure="Name it without '/' and without a dot in front.",
                )
            if case.name in seen:
                raise CohortError(
                    f"Two cases of cohort '{self.name}' are called '{case.name}'",
                    cure="Give each row of cases.csv its own name.",
                )
            seen.add(case.name)
        if not self.channels:
            raise CohortError(f"Cohort '{self.name}' has no channel")

    def __len__(self) -> int:
        return len(self.cases)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the cases, in order."""
        return tuple(case.name for case in self.cases)

    @property
    def subjects(self) -> tuple[str, ...]:
        """Subjects in order of first appearance."""
        return tuple(dict.fromkeys(case.subject for case in self.cases))

    @property
    def raters(self) -> tuple[str, ...]:
        """Raters in order of first appearance."""
        return tuple(dict.fromkeys(rater for case in self.cases for rater in case.masks))

    def where(self, keep: Callable[[Case], bool]) -> Cohort:
        """Return the cohort of the cases that ``keep`` accepts."""
        return replace(self, cases=tuple(case for case in self.cases if keep(case)))

    def labelled(self) -> Cohort:
        """Return the cases with at least one mask."""
        return self.where(lambda case: case.is_labelled)

    def unlabelled(self) -> Cohort:
        """Return the cases that nobody has drawn."""
        return self.where(lambda case: not case.is_labelled)

    def subset(self, names: Iterable[str]) -> Cohort:
        """Return the named cases, in the order given.

        Raises
        ------
        CohortError
            If a name is not in the cohort.
        """
        table = {case.name: case for case in self.cases}
        wanted = list(names)
        missing = [name for name in wanted if name not in table]
        if missing:
            raise CohortError(f"Cohort '{self.name}' has no such cases", got=", ".join(missing[:5]))
        return replace(self, cases=tuple(table[name] for name in wanted))
