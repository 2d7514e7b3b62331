"""The rung of a U-Net and a template together, which pictures of anatomy get by default."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from suffice.core import Cohort, CohortError
from suffice.io import read_case_image, read_case_mask, read_grid
from suffice.segmenters.partnered_unet import PartneredUNetSegmenter
from suffice.segmenters.preparing import case_facts
from suffice.segmenters.protocol import refuse_unlabelled
from suffice.segmenters.searched import SearchedSegmenter
from suffice.segmenters.template import TemplateSegmenter
from suffice.training.fingerprint import fingerprint

TEMPLATE = "template.zip"
# So many cases tell whether structures have their place.
_MOST_READ = 12


class TemplateUNetSegmenter(PartneredUNetSegmenter):
    """A U-Net and the mean of the labelled scans; their probabilities are averaged.

    The model holds none of the labelled scans, only the mean of at least five.

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
        loses less.
        """
        refusal = cls.refusal(labelled) or cls.partner.refusal(labelled)
        if refusal is not None:
            return False
        rng = np.random.default_rng(0)
        facts = []
        for case in labelled.cases[:_MOST_READ]:
            if read_grid(case.images[labelled.channels[0].name]).ndim != 2:
                return False
            image = read_case_image(labelled, case)
            facts.append(case_facts(image, read_case_mask(labelled, case), rng))
        return fingerprint(facts).is_posed
