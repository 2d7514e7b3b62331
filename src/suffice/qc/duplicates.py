"""Scans that are there twice: to the bit, or flipped, turned, resized or re-encoded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from suffice.qc.finding import Finding
from suffice.qc.scans import ScanFacts
from suffice.qc.thumbnails import FloatArray, orientations

# Mirrored, turned, halved, gamma-changed (0.6 to 1.8) and noisy copies of pictures correlate at
# 0.87 and more; different chest X-rays at 0.59 and less, brains and fields of nuclei at 0.4. In
# volumes, of fewer voxels a side, copies reach 0.91 unless halved, different hippocampi 0.51 and
# chests of one template 0.87. Crops and turns by a few degrees are missed.
NEAR_CORRELATION = {2: 0.8, 3: 0.9}
_COARSE_CORRELATION = 0.5
_ROWS_AT_ONCE = 512


def duplicate_scans(scans: Sequence[ScanFacts]) -> Iterator[Finding]:
    """Find scans with equal voxels."""
    same: dict[str, list[ScanFacts]] = defaultdict(list)
    for scan in scans:
        same[scan.content].append(scan)
    for group in same.values():
        if len(group) < 2:
            continue
        subjects = sorted({scan.subject for scan in group})
        names = tuple(scan.case for scan in group)
        listed = ", ".join(f"'{name}'" for name in names)
        if len(subjects) > 1:
            yield Finding(
                kind="duplicate-scan",
                severity="error",
                cases=names,
                message=f"{listed} are one scan under {len(subjects)} subjects",
                cure="Give them one subject in cases.csv, or drop all but one: a split by subject "
                "would test on what it trained on.",
            )
        else:
            yield Finding(
                kind="duplicate-scan",
                severity="warning",
                cases=names,
                message=f"{listed} of subject '{subjects[0]}' are one scan",
                cure="Drop all but one row.",
            )


def near_duplicates(scans: Sequence[ScanFacts]) -> Iterator[Finding]:
    """Find scans of different subjects that differ by a flip, a quarter turn or a re-encoding.

    Groups of more than two come as one finding. Scans equal to the bit are left to
    `duplicate_scans`.
    """
    for group in _grouped(_pairs(scans)):
        members = [scans[i] for i in sorted(group)]
        if len({scan.content for scan in members}) == 1:
            continue
        names = tuple(scan.case for scan in members)
        subjects = {scan.subject for scan in members}
        listed = ", ".join(f"'{name}'" for name in names)
        yield Finding(
            kind="near-duplicate",
            severity="warning",
            cases=names,
            message=f"{listed} of {len(subjects)} subjects look like copies of one scan",
            cure="Look at them; copies need one subject in cases.csv, so that no split parts them.",
        )


def _pairs(scans: Sequence[ScanFacts]) -> Iterator[tuple[int, int]]:
    """Yield index pairs of different subjects whose thumbnails agree in some orientation."""
    for ndim in (2, 3):
        chosen = [
            (i, scan.thumbnail)
            for i, scan in enumerate(scans)
            if scan.grid.ndim == ndim and scan.thumbnail is not None
        ]
        if len(chosen) < 2:
            continue
        coarse = np.stack([thumbnail.coarse for _, thumbnail in chosen]).astype(np.float32)
        fine = np.stack([thumbnail.fine for _, thumbnail in chosen])
        _, subjects = np.unique([scans[i].subject for i, _ in chosen], return_inverse=True)
        for first, others in _coarse_candidates(coarse, subjects):
            for second in others[_agreeing(fine, first, others)]:
                yield chosen[first][0], chosen[int(second)][0]


def _coarse_candidates(
    coarse: FloatArray, subjects: npt.NDArray[np.intp]
) -> Iterator[tuple[int, npt.NDArray[np.intp]]]:
    """Yield for each scan the later ones, of other subjects, that resemble it at low resolution."""
    flat = coarse.reshape(len(coarse), -1)
    turned = [each.reshape(len(coarse), -1) for each in orientations(coarse)]
    for start in range(0, len(coarse), _ROWS_AT_ONCE):
        rows = flat[start : start + _ROWS_AT_ONCE]
        best: npt.NDArray[np.float32] = np.full((len(rows), len(flat)), -1.0, np.float32)
        for each in turned:
            np.maximum(best, rows @ each.T, out=best)
        for row, values in enumerate(best, start):
            alike = (values >= _COARSE_CORRELATION) & (subjects != subjects[row])
            alike[: row + 1] = False
            if alike.any():
                yield row, np.flatnonzero(alike)


def _agreeing(
    fine: npt.NDArray[np.float16], first: int, others: npt.NDArray[np.intp]
) -> npt.NDArray[np.bool_]:
    """Say which of ``others`` agree with the first in some orientation of the first."""
    one = fine[first].astype(np.float32)[None]
    turned = np.stack([each.ravel() for each in orientations(one)])
    correlation = fine[others].reshape(len(others), -1).astype(np.float32) @ turned.T
    return np.asarray(correlation.max(axis=1) >= NEAR_CORRELATION[fine.ndim - 1])


def _grouped(pairs: Iterable[tuple[int, int]]) -> list[set[int]]:
    """Join pairs that share a member."""
    group_of: dict[int, set[int]] = {}
    for first, second in pairs:
        joined = group_of.get(first, {first}) | group_of.get(second, {second})
        for member in joined:
            group_of[member] = joined
    unique = {id(group): group for group in group_of.values()}
    return sorted(unique.values(), key=min)
