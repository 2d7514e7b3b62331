"""Scans that are unlike the rest of their cohort."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from suffice.core import Channel, Cohort
from suffice.qc.finding import Finding
from suffice.qc.scans import ScanFacts

FloatArray = npt.NDArray[np.float64]

ROBUST_Z = 6.0
# Below these, a difference is of no consequence however alike the other scans are.
LEAST_FACTOR = 4.0
LEAST_HU = 250.0
_FEWEST_SCANS = 5


def unlike_the_rest(cohort: Cohort, scans: Sequence[ScanFacts]) -> Iterator[Finding]:
    """Find scans whose dimensions, channels, intensities, spacing or size stand out."""
    yield from _mixed(scans, "mixed-dimensions")
    yield from _mixed(scans, "channel-count")
    counts = Counter(scan.n_channels for scan in scans)
    if len(scans) < _FEWEST_SCANS:
        return
    if len(counts) == 1:
        for i in range(scans[0].n_channels):
            channel = cohort.channels[min(i, len(cohort.channels) - 1)]
            yield from _intensities(channel, scans, i)
            yield from _not_in_hu(channel, scans, i)
    for ndim in (2, 3):
        alike = [scan for scan in scans if scan.grid.ndim == ndim]
        if len(alike) >= _FEWEST_SCANS:
            yield from _geometry(alike)


def _mixed(scans: Sequence[ScanFacts], kind: str) -> Iterator[Finding]:
    dimensions = kind == "mixed-dimensions"
    values = [scan.grid.ndim if dimensions else scan.n_channels for scan in scans]
    if len(set(values)) < 2:
        return
    (usual, _), *_ = Counter(values).most_common()
    odd = tuple(s.case for s, v in zip(scans, values, strict=True) if v != usual)
    unit = "axes" if dimensions else "channels"
    yield Finding(
        kind="mixed-dimensions" if dimensions else "channel-count",
        severity="error",
        cases=odd,
        message=f"Most scans have {usual} {unit}, {len(odd)} have another number",
        cure="Put them into a cohort of their own.",
    )


def _intensities(channel: Channel, scans: Sequence[ScanFacts], i: int) -> Iterator[Finding]:
    levels = np.array([scan.percentiles[i] for scan in scans])
    if channel.unit == "HU":
        # The darkest and the brightest tissue shift alike where a rescale is missing.
        shift = levels - np.median(levels, axis=0)
        spread = np.maximum(robust_spread(levels), 1.0)
        odd = (np.abs(shift) > np.maximum(LEAST_HU, ROBUST_Z * spread)).sum(axis=1) >= 2
        cure = "Check the rescale slope and intercept, or whether they are HU at all."
        yield from _odd_ones(channel, scans, odd, "differ by hundreds of HU", "warning", cure)
        return
    scale = np.log10(np.maximum(levels[:, 2] - levels[:, 0], 1e-12))
    middle = np.log10(np.maximum(np.abs(levels[:, 1]), 1e-12))
    odd = _stands_out(scale) | (_stands_out(middle) & (levels[:, 1] > 0))
    cure = "Harmless where each scan is normalised by itself; else rescale them."
    yield from _odd_ones(channel, scans, odd, "differ by a large factor", "note", cure)


def _not_in_hu(channel: Channel, scans: Sequence[ScanFacts], i: int) -> Iterator[Finding]:
    """Find a cohort said to be in HU whose scans all lack what is darker than water."""
    if channel.unit == "HU" and all(scan.percentiles[i][0] >= 0 for scan in scans):
        yield Finding(
            kind="not-hounsfield",
            severity="warning",
            cases=tuple(scan.case for scan in scans),
            message=f"No scan (channel '{channel.name}') has voxels below 0 HU, as air and fat are",
            cure='If the values were shifted or scaled, write unit = "none" in cohort.toml.',
        )


def _odd_ones(
    channel: Channel,
    scans: Sequence[ScanFacts],
    odd: npt.NDArray[np.bool_],
    how: str,
    severity: str,
    cure: str,
) -> Iterator[Finding]:
    names = _cases_where(scans, odd[:, None])
    if names:
        yield Finding(
            kind="intensity-outlier",
            severity="warning" if severity == "warning" else "note",
            cases=names,
            message=f"The intensities of {len(names)} of {len(scans)} scans (channel "
            f"'{channel.name}') {how} from the rest",
            cure=cure,
        )


def _geometry(scans: Sequence[ScanFacts]) -> Iterator[Finding]:
    sizes = np.log10([_extent(scan) for scan in scans])
    names = _cases_where(scans, _stands_out(sizes))
    if names:
        yield Finding(
            kind="size-outlier",
            severity="note" if scans[0].grid.spacing_mm is None else "warning",
            cases=names,
            message=f"{len(names)} of {len(scans)} scans cover a field of quite another size",
            cure="See whether they show the same part of the body.",
        )
    known = [scan for scan in scans if scan.grid.spacing_mm is not None]
    if len(known) < _FEWEST_SCANS:
        return
    spacings = np.log10([sorted(scan.grid.unit_spacing) for scan in known])
    names = _cases_where(known, _stands_out(spacings))
    if names:
        yield Finding(
            kind="spacing-outlier",
            severity="warning",
            cases=names,
            message=f"{len(names)} of {len(known)} scans have far larger or smaller voxels",
            cure="Check the header; a spacing of 1 mm often stands for one that was lost.",
        )


def _cases_where(scans: Sequence[ScanFacts], odd: npt.NDArray[np.bool_]) -> tuple[str, ...]:
    """Name the scans with anything odd in their row of ``(n_scans, n_values)``."""
    return tuple(scan.case for scan, row in zip(scans, odd, strict=True) if row.any())


def _extent(scan: ScanFacts) -> list[float]:
    """Edges of the field of view in mm (pixels where unknown), shortest first."""
    return sorted(s * n for s, n in zip(scan.grid.unit_spacing, scan.grid.shape, strict=True))


def _stands_out(log_values: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    values = np.asarray(log_values, dtype=np.float64)
    apart = np.abs(values - np.median(values, axis=0))
    limit = np.maximum(np.log10(LEAST_FACTOR), ROBUST_Z * robust_spread(values))
    return np.asarray(apart > limit)


def robust_spread(values: FloatArray) -> FloatArray:
    """Standard deviation estimated from the median absolute deviation along the first axis.

    Examples
    --------
    >>> float(robust_spread(np.array([1.0, 2.0, 3.0, 4.0, 1000.0])))
    1.4826
    """
    return np.asarray(1.4826 * np.median(np.abs(values - np.median(values, axis=0)), axis=0))
