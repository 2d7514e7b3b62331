"""The objects of a labelled picture: as they were told apart, else its connected components."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from suffice.core import Case, Cohort
from suffice.io import read_case_instances, read_case_mask
from suffice.metrics import components


@dataclass(frozen=True, eq=False)
class DrawnObjects:
    """The objects of one case.

    Parameters
    ----------
    instances : int32 array of the image's spatial shape
        Numbered from 1 on, 0 for none.
    classes : uint8 array of shape (n,)
        Of each object, from 0 on, the background left out.
    were_apart : bool
        Whether the source told them apart; connected components run together where they touch.
    """

    instances: npt.NDArray[np.int32]
    classes: npt.NDArray[np.uint8]
    were_apart: bool

    @property
    def boxes(self) -> npt.NDArray[np.int32]:
        """First and last index along each axis, ``(n, ndim, 2)``, the last not counted in."""
        found = ndimage.find_objects(self.instances, max_label=len(self.classes))
        places = [[(axis.start, axis.stop) for axis in place] for place in found]
        return np.array(places, dtype=np.int32).reshape(-1, self.instances.ndim, 2)


def drawn_objects(cohort: Cohort, case: Case) -> DrawnObjects:
    """Read the objects of a labelled case; each is of the structure that fills most of it."""
    mask = read_case_mask(cohort, case)
    classes = cohort.legend.to_classes(mask.array)
    told = read_case_instances(cohort, case)
    if told is None:
        return _from_components(classes)
    told = np.where(classes > 0, told, 0)
    values, inverse = np.unique(told, return_inverse=True)
    first = 0 if values[0] == 0 else 1
    numbers = inverse.reshape(told.shape).astype(np.int32) + np.int32(first)
    n, n_classes = int(numbers.max()), cohort.legend.n_classes
    pairs = numbers.astype(np.int64) * n_classes + classes
    counts = np.bincount(pairs.ravel(), minlength=(n + 1) * n_classes).reshape(n + 1, n_classes)
    kinds = counts[1:, 1:].argmax(1).astype(np.uint8)
    return DrawnObjects(numbers, kinds, were_apart=True)


def _from_components(classes: npt.NDArray[np.uint8]) -> DrawnObjects:
    numbers = np.zeros(classes.shape, dtype=np.int32)
    kinds: list[int] = []
    for k in np.unique(classes[classes > 0]):
        found = components(classes == k)
        numbers[found > 0] = found[found > 0] + len(kinds)
        kinds += [int(k) - 1] * int(found.max())
    return DrawnObjects(numbers, np.array(kinds, dtype=np.uint8), were_apart=False)
