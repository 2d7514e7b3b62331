"""Scans that nobody labelled: prepared for training, and the part of them that is likely body."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from skimage.filters import threshold_otsu

from suffice.core import Cohort, Listener, Progress
from suffice.io import read_case_image
from suffice.segmenters.framing import prepare_like_others
from suffice.training.plan import Plan
from suffice.training.store import Store

N_SAMPLED = 1_000_000

Mark = Callable[[npt.NDArray[Any]], npt.NDArray[np.uint8]]


def brighter_part(image: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Mark what is brighter than Otsu's threshold in the first channel: on most scans, no air.

    Parameters
    ----------
    image : array of shape (C, *spatial)

    Returns
    -------
    uint8 array of shape (*spatial,)
    """
    first = image[0]
    sample = first.reshape(-1)[:: max(1, first.size // N_SAMPLED)]
    brighter: npt.NDArray[np.uint8] = (first > threshold_otsu(sample)).astype(np.uint8)
    return brighter


def no_part(image: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Mark nothing of an image ``(C, *spatial)``."""
    return np.zeros(image.shape[1:], np.uint8)


def store_unlabelled(
    store: Store,
    cohort: Cohort,
    plan: Plan,
    *,
    mark: Mark = no_part,
    listener: Listener,
) -> None:
    """Prepare the scans of a cohort that are not in a store yet; masks are not looked at.

    Parameters
    ----------
    store : Store
    cohort : Cohort
    plan : Plan
    mark : callable
        Gives what stands in the place of a mask, which only says where patches may lie.
    listener : callable

    Raises
    ------
    CohortError
        If a scan has other channels or axes than the plan.
    """
    for i, case in enumerate(cohort.cases):
        if store.has(case.name):
            continue
        listener(Progress("prepare", i / len(cohort), note=case.name))
        name = f"The unlabelled case '{case.name}'"
        prepared = prepare_like_others(read_case_image(cohort, case), plan, name)
        # Seeded by case, so that a store filled in two starts equals one filled in one.
        store.add(case.name, prepared, mark(prepared), np.random.default_rng(i))
