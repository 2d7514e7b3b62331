"""Check a cohort: one case in memory at a time, then the cohort as a whole."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from suffice.core import Cohort, Listener, Progress, silent
from suffice.qc.duplicates import duplicate_scans, near_duplicates
from suffice.qc.finding import SEVERITIES, Finding
from suffice.qc.identifiers import identifiers
from suffice.qc.masks import MaskFacts, implausible_masks, inspect_masks, partly_labelled
from suffice.qc.names import similar_subject_names
from suffice.qc.outliers import unlike_the_rest
from suffice.qc.scans import ScanFacts, inspect_scan

# A mistake made in every file is one finding, not hundreds.
_FEW = 3


def check_cohort(cohort: Cohort, *, listener: Listener = silent) -> tuple[Finding, ...]:
    """Find what is wrong or odd with the files of a cohort.

    Parameters
    ----------
    cohort : Cohort
    listener : callable
        Told the progress, with the name of each case.

    Returns
    -------
    tuple of Finding
        Errors first, then warnings and notes.
    """
    scans: list[ScanFacts] = []
    masks: list[MaskFacts] = []
    findings: list[Finding] = []
    for i, case in enumerate(cohort.cases):
        listener(Progress("check", i / len(cohort), note=case.name))
        scan, scan_findings = inspect_scan(cohort, case)
        case_masks, mask_findings = inspect_masks(cohort, case, scan.grid if scan else None)
        findings += scan_findings + mask_findings
        masks += case_masks
        if scan is not None:
            scans.append(scan)
    findings = [*_told_once(findings), *implausible_masks(masks)]
    findings += unlike_the_rest(cohort, scans)
    findings += duplicate_scans(scans)
    findings += near_duplicates(scans)
    findings += similar_subject_names(cohort)
    findings += identifiers(cohort)
    listener(Progress("check", 1.0))
    return tuple(sorted(findings, key=lambda f: (SEVERITIES.index(f.severity), f.kind)))


def labelled_duplicates(cohort: Cohort, *, listener: Listener = silent) -> tuple[Finding, ...]:
    """Find scans with masks that are there twice, under different subjects.

    A split by subject may put one on the side that is learned from and its copy on the side
    that is scored, and the score is then too good. Scans that cannot be read are passed over.

    Returns
    -------
    tuple of Finding
        Of the kinds duplicate-scan and near-duplicate; each names cases of several subjects.
    """
    labelled = cohort.labelled()
    if len(labelled.subjects) < 2:
        return ()
    scans: list[ScanFacts] = []
    for i, case in enumerate(labelled.cases):
        listener(Progress("look for copies", i / len(labelled), note=case.name))
        scan, _ = inspect_scan(labelled, case)
        if scan is not None:
            scans.append(scan)
    subject_of = {case.name: case.subject for case in labelled.cases}
    found = (*duplicate_scans(scans), *near_duplicates(scans))
    listener(Progress("look for copies", 1.0))
    return tuple(f for f in found if len({subject_of[name] for name in f.cases}) > 1)


def labelled_in_part(cohort: Cohort) -> tuple[Finding, ...]:
    """Find masks that leave voxels unlabelled; none is read where the legend has no such value."""
    if cohort.legend.ignore is None:
        return ()
    masks = [m for case in cohort.cases for m in inspect_masks(cohort, case, None)[0]]
    return tuple(partly_labelled(masks))


def _told_once(findings: list[Finding]) -> list[Finding]:
    """Join findings of one kind and cure into one, where they are more than a few."""
    alike: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in findings:
        alike[finding.kind, finding.cure].append(finding)
    told: list[Finding] = []
    for group in alike.values():
        if len(group) <= _FEW:
            told += group
            continue
        cases = tuple(dict.fromkeys(case for finding in group for case in finding.cases))
        message = f"{group[0].message}; and {len(group) - 1} more like it"
        told.append(replace(group[0], cases=cases, message=message))
    return told
