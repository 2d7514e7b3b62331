"""The template rung: the mean of the labelled scans is fitted to a new one, with its mean mask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from suffice.core import Cohort, CohortError, Listener, ModelError
from suffice.segmenters.atlasing import atlases_of, brightness
from suffice.segmenters.registration import Registration
from suffice.segmenters.searched import Arrays, SearchedSegmenter
from suffice.segmenters.searching import FloatArray, Sample, Search, View, read_samples
from suffice.segmenters.templating import Template, best_fitting, mean_template, shares_by_template

LEAST_SUBJECTS = 5
"""A mean of fewer still looks like one of them."""


@dataclass(frozen=True, kw_only=True)
class TemplateParameters:
    """What a template model knows besides its mean scan.

    Parameters
    ----------
    n_channels : int
        Of the images; their mean is registered where a file has colours, else the first.
    is_colour : bool
    fitting : Registration
        How the template is brought onto a scan.
    shape : tuple of int
        Of the template, in canonical axes.
    spacing : tuple of float
    """

    n_channels: int
    is_colour: bool
    fitting: Registration
    shape: tuple[int, ...]
    spacing: tuple[float, ...]


class TemplateSegmenter(SearchedSegmenter[TemplateParameters]):
    """A mean scan with a mean mask: for anatomy that all scans share, in much the same pose.

    Unlike an atlas it holds none of the labelled scans, only the mean of those of at least five
    subjects, one of each, sampled down, where at least five of them reach; and one registration
    segments a scan. What that gives is told by ``dice`` in the
    history: three templates, each of two thirds of the subjects, segment the others.
    """

    rung: ClassVar[str] = "template"
    library: ClassVar[str] = "SimpleITK"
    kind: ClassVar[type] = TemplateParameters
    most_structures: ClassVar[int] = 50
    most_voxels: ClassVar[Mapping[int, int]] = {2: 1 << 14, 3: 1 << 16}
    array_names: ClassVar[tuple[str, ...]] = ("scan", "shares")

    @classmethod
    def refusal(cls, labelled: Cohort) -> CohortError | None:
        """Refuse so few subjects that their mean would show them."""
        n_subjects = len(labelled.subjects)
        if n_subjects < LEAST_SUBJECTS:
            return CohortError(
                "A template is the mean of several subjects",
                got=f"{n_subjects} labelled subjects",
                expected=f"{LEAST_SUBJECTS} or more",
                cure="Take the rung 'atlas', which keeps the scans themselves, or label more.",
            )
        return super().refusal(labelled)

    def _read(
        self, labelled: Cohort, seed: int, search: Search, listener: Listener
    ) -> list[Sample]:
        """Read one scan of each subject: many of one would make the mean that subject's."""
        samples = read_samples(
            one_each(labelled, seed),
            seed=seed,
            search=search,
            listener=listener,
            least=LEAST_SUBJECTS,
        )
        return _distinct(samples)

    def _search(
        self, samples: list[Sample], labelled: Cohort, search: Search
    ) -> tuple[TemplateParameters, Arrays]:
        n_classes, n_channels = labelled.legend.n_classes, len(samples[0].view.array)
        is_colour = n_channels > len(labelled.channels)
        atlases = atlases_of(samples, self.most_voxels, n_classes, is_colour=is_colour)
        template = mean_template(atlases, n_classes, least=LEAST_SUBJECTS)
        subjects = [s.subject for s in samples]
        found = best_fitting(atlases, subjects, labelled.legend.names, search)
        for row in search.history:
            row["seconds_per_image"] = round(found.seconds, 3)
        parameters = TemplateParameters(
            n_channels=n_channels,
            is_colour=is_colour,
            fitting=found.fitting,
            shape=template.scan.shape,
            spacing=template.spacing,
        )
        arrays: Arrays = {
            "scan": template.scan.astype(np.float16),
            "shares": template.shares.astype(np.float16),
        }
        return parameters, arrays

    def _segment(self, view: View) -> tuple[npt.NDArray[np.uint8], FloatArray | None]:
        parameters = self.parameters_
        template = Template(
            self._arrays["scan"].astype(np.float32),
            self._arrays["shares"].astype(np.float32),
            parameters.spacing,
        )
        target = brightness(view.array, parameters.is_colour)
        shares = shares_by_template(target, view.spacing, template, parameters.fitting)
        return shares.argmax(axis=0).astype(np.uint8), shares

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a model that `save` wrote.

        Raises
        ------
        ModelError
            If a file is missing or damaged.
        """
        segmenter = super().load(folder)
        shape, n_classes = segmenter.parameters_.shape, segmenter.legend_.n_classes
        got = {name: segmenter._arrays[name].shape for name in cls.array_names}
        if got != {"scan": shape, "shares": (n_classes, *shape)}:
            raise ModelError(
                f"The template in '{folder}' is damaged",
                got=got,
                expected=f"{n_classes} classes on {shape}",
                cure="Take the model folder's own copy back.",
            )
        return segmenter


def one_each(labelled: Cohort, seed: int) -> Cohort:
    """Draw one case of each subject."""
    order = np.random.default_rng(seed).permutation(len(labelled))
    found = {labelled.cases[i].subject: i for i in order}
    return labelled.subset([labelled.cases[i].name for i in sorted(found.values())])


def _distinct(samples: list[Sample]) -> list[Sample]:
    """Keep one of scans that are the same, and refuse so few that their mean would show them."""
    kept: list[Sample] = []
    for sample in samples:
        if not any(np.array_equal(sample.view.array, other.view.array) for other in kept):
            kept.append(sample)
    if len(kept) < LEAST_SUBJECTS:
        raise CohortError(
            "A template is the mean of several subjects' scans",
            got=f"{len(kept)} that differ",
            expected=f"{LEAST_SUBJECTS} or more",
            cure="Run 'suffice check', which lists copies, and give each subject its own scan.",
        )
    return kept
