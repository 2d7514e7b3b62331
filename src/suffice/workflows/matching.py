"""The brightness that a model knows, from scans that it learned from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from suffice.core import Channel, Image, SufficeError, UsageError
from suffice.io import known_units
from suffice.segmenters import Segmenter
from suffice.segmenters.landmarks import Landmarks
from suffice.workflows.scans import ScanToPredict, gather_scans, read_as_trained

MOST_SCANS = 16


def landmarks_of(source: Path, segmenter: Segmenter, out: Path) -> Landmarks:
    """Read the landmarks of brightness of some scans; those that cannot be read are passed over.

    Parameters
    ----------
    source : Path
        A file, a folder of scans or a cohort; at most sixteen of them are read, always the same.
    segmenter : Segmenter
        Whose channels they have.
    out : Path
        Folder of masks, which are no scans.

    Raises
    ------
    UsageError
        If the model's channels have units, or there is no scan.
    CohortError
        If no scan can be read, or they differ in their number of channels.
    """
    channels = segmenter.channels_
    units = [unit for unit in known_units(channels) if unit is not None]
    if units:
        raise UsageError(
            "Brightness is not matched where it has a unit, which means the same on each scanner",
            got=", ".join(units),
            cure="Leave --match-brightness out.",
        )
    scans, _ = gather_scans([Path(source)], out)
    order = np.random.default_rng(0).permutation(len(scans))
    return Landmarks.of(_read([scans[i] for i in order], channels))


def _read(scans: Sequence[ScanToPredict], channels: Sequence[Channel]) -> Iterator[Image]:
    n_read = 0
    for scan in scans:
        if n_read == MOST_SCANS:
            break
        try:
            image = read_as_trained(scan, channels)
        except SufficeError:
            continue
        n_read += 1
        yield image
