"""The rung of a U-Net and a template together, which pictures of anatomy get by default."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from suffice.core import Cohort, CohortError, SufficeError
from suffice.io import read_case_mask, read_grid
from suffice.segmenters.partnered_unet import PartneredUNetSegmenter
from suffice.segmenters.preparing import occupancy_of
from suffice.segmenters.protocol import refuse_unlabelled
from suffice.segmenters.searched import SearchedSegmenter
from suffice.segmenters.template import LEAST_SUBJECTS, TemplateSegmenter, one_each
from suffice.training.fingerprint import is_posed

TEMPLATE = "template.zip"
# So many cases tell whether structures have their place.
_MOST_READ = 16


class TemplateUNetSegmenter(PartneredUNetSegmenter):
    """A U-Net and the mean of the labelled scans; their probabilities are averaged.

    The model holds none of the labelled scans, only the mean of those of at least five subjects.

    Parameters
    ----------
    plan, init, tuning, consistency
        As for `UNetSegmenter`.
    """

    rung: ClassVar[str] = "template-unet"
    own_names: ClassVar[tuple[str, ...]] = (TEMPLATE,)
    partner: ClassVar[type[SearchedSegmenter[Any]]] = TemplateSegmenter
    # Beside a U-Net of 0.96 on lungs templates of 0.92 and more were no loss, of 0.89 half a point.
    least_dice: ClassVar[float] = 0.9
    is_trusted: ClassVar[bool] = False

    @classmethod
    def refusal(cls, labelled: Cohort) -> CohortError | None:
        """Refuse partly labelled masks; with too few subjects for a mean the U-Net is alone."""
        return refuse_unlabelled(labelled)

    @classmethod
    def suits(cls, labelled: Cohort) -> bool:
        """Whether a template may help: pictures, of structures that have their place in all.

        It was measured on lungs in X-rays; volumes have more voxels to register and a U-Net that
        loses less. Reads masks of some subjects; where they cannot be read the answer is no, and
        the training says why.
        """
        try:
            if cls.refusal(labelled) or cls.partner.refusal(labelled):
                return False
            if read_grid(labelled.cases[0].images[labelled.channels[0].name]).ndim != 2:
                return False
            drawn = [occupancy for occupancy in _occupancies(labelled) if occupancy.any()]
        except SufficeError:
            return False
        return len(drawn) >= LEAST_SUBJECTS and is_posed(drawn)


def _occupancies(labelled: Cohort) -> Iterator[npt.NDArray[np.float64]]:
    """Tell where something is drawn, of one case of each of some subjects drawn by chance."""
    cases = one_each(labelled, 0).cases
    chosen = np.random.default_rng(0).permutation(len(cases))[:_MOST_READ]
    for case in (cases[i] for i in chosen):
        mask = read_case_mask(labelled, case)
        classes = mask.legend.to_classes(mask.array)
        yield occupancy_of((classes > 0) & (classes < mask.legend.n_classes))
