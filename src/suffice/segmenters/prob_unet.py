"""The probabilistic U-Net rung: it learns from several raters and draws what they may draw."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import torch

from suffice.core import Case, Cohort, CohortError, Image, LabelMap, UsageError
from suffice.io import read_case_mask
from suffice.nets import EachMask, MeanMask, ProbUNet
from suffice.segmenters.on_grid import run_on_grid
from suffice.segmenters.protocol import refuse_lone_raters
from suffice.segmenters.unet import PREDICT_CURE, UNetSegmenter
from suffice.training.machine import detect_machine, threads_on
from suffice.training.memory import naming_full_memory
from suffice.training.objective import Objective
from suffice.training.plausible import PlausibleMasks

# Masks whose mean `predict` gives; always drawn from the same noise.
N_MEAN = 16
# Of the masks that `draw` holds at once.
MAX_BYTES = 2**29


class ProbUNetSegmenter(UNetSegmenter):
    """A probabilistic U-Net: one latent sample is one plausible mask of a whole image.

    Trained with one rater's mask for each patch, drawn anew each time. ``predict`` gives the mean
    of 16 masks, whose probabilities say how many raters would draw a voxel; `draw` gives masks.

    References
    ----------
    Kohl et al., NeurIPS 2018, https://arxiv.org/abs/1806.05034
    """

    rung: ClassVar[str] = "prob_unet"
    objective: ClassVar[Objective] = PlausibleMasks()
    _network: ProbUNet

    @classmethod
    def refusal(cls, labelled: Cohort) -> CohortError | None:
        """Refuse cohorts in which nobody drew what somebody else drew, too."""
        return refuse_lone_raters(
            labelled, "A probabilistic U-Net learns how raters differ", "train a 'unet'"
        )

    def _masks(self, labelled: Cohort, case: Case) -> list[LabelMap]:
        return [read_case_mask(labelled, case, rater) for rater in case.masks]

    def _predictor(self) -> MeanMask:
        return MeanMask(self._network, self._noise(N_MEAN, seed=0))

    def _noise(self, n: int, *, seed: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        # Row by row: torch fills short and long tensors in different orders.
        size = self._network.n_latent
        return torch.stack([torch.randn(size, generator=generator) for _ in range(n)])

    def draw(self, image: Image, n: int, *, seed: int) -> list[LabelMap]:
        """Draw plausible masks of an image, each as likely as any other.

        Parameters
        ----------
        image : Image
            As for ``predict``.
        n : int
            How many.
        seed : int
            The same seed draws the same masks; fewer are the first of more.

        Returns
        -------
        list of LabelMap
            On the image's own grid.

        Raises
        ------
        UsageError
            If ``n`` is not positive.
        ModelError, OutOfMemoryError
            As for ``predict``.
        """
        if n < 1:
            raise UsageError("At least one mask is to be drawn", got=n)
        self._require_fitted()
        n_classes, found = self.plan_.n_classes, []
        # As many in one run as fit: the features are the same for all.
        at_once = max(1, MAX_BYTES // (2 * n_classes * math.prod(image.grid.shape)))
        with naming_full_memory("this scan", cure=PREDICT_CURE):
            machine = detect_machine()
            with threads_on(machine.n_cores):
                every = self._noise(n, seed=seed)
                for noise in (every[i : i + at_once] for i in range(0, n, at_once)):
                    out = run_on_grid(
                        EachMask(self._network, noise),
                        image,
                        self.plan_,
                        machine=machine,
                        n_classes=len(noise) * n_classes,
                        probabilities=True,
                    )
                    masks = out.reshape(len(noise), n_classes, *image.grid.shape).argmax(1)
                    found += [self._labels(mask.astype(np.uint8), image) for mask in masks]
        return found
