"""Files that still seem to say whose they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from suffice.core import Case, Cohort
from suffice.qc.finding import Finding


def identifiers(cohort: Cohort) -> Iterator[Finding]:
    """Find cases whose headers, file names or subjects look as if they named someone.

    A finding says what kind of thing was seen, never the value. One finding is given for each
    kind, with all cases concerned.
    """
    seen: dict[str, list[str]] = defaultdict(list)
    for case in cohort.cases:
        for what in _seen(case):
            seen[what].append(case.name)
    for what, cases in sorted(seen.items()):
        yield Finding(
            kind="identifiers",
            severity="warning",
            cases=tuple(cases),
            message=f"{len(cases)} cases seem to hold {what}",
            cure="Before the cohort is passed on, make a copy with `suffice deidentify`.",
        )


def _seen(case: Case) -> list[str]:
    # Reading headers takes libraries that other findings do without.
    from suffice.privacy.traces import traces_in, traces_in_name

    files = [*case.images.values(), *case.masks.values()]
    found = [trace.what for file in files for trace in traces_in(file)]
    return sorted({*found, *(trace.what for trace in traces_in_name(case.subject))})
