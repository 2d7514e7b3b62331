"""What a check found, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from suffice.core import UsageError

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[str, ...] = get_args(Severity)

Kind = Literal[
    "absent-structure",
    "channel-count",
    "constant-image",
    "duplicate-scan",
    "empty-mask",
    "grid-mismatch",
    "identifiers",
    "intensity-outlier",
    "inverted-mask",
    "label-outside-legend",
    "missing-file",
    "mixed-dimensions",
    "nan-voxels",
    "near-duplicate",
    "no-background",
    "not-hounsfield",
    "one-voxel-mask",
    "partly-labelled",
    "similar-subject-names",
    "size-outlier",
    "spacing-outlier",
    "stray-components",
    "unreadable",
]
KINDS: tuple[str, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing about a cohort that a person should know.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    severity : {"error", "warning", "note"}
        An error stops a training or makes its score worthless; a warning may; a note is worth a
        look.
    cases : tuple of str
        Names of the cases concerned.
    message : str
        What was found, in a sentence.
    cure : str
        What to do about it.

    Examples
    --------
    >>> Finding(kind="empty-mask", severity="warning", cases=("a",), message="m", cure="c").kind
    'empty-mask'
    """

    kind: Kind
    severity: Severity
    cases: tuple[str, ...]
    message: str
    cure: str

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UsageError("Unknown kind of finding", got=self.kind, expected=", ".join(KINDS))
        if self.severity not in SEVERITIES:
            raise UsageError("Unknown severity", got=self.severity, expected=SEVERITIES)
