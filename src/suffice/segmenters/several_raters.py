"""A U-Net that learns from all raters of a cohort at once."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from suffice.core import (
    Budget,
    Case,
    Cohort,
    CohortError,
    LabelMap,
    Listener,
    Progress,
    UsageError,
    silent,
)
from suffice.io import read_case_mask
from suffice.raters import soft_mean, staple
from suffice.segmenters.fitting import Fitting
from suffice.segmenters.protocol import refuse_lone_raters
from suffice.segmenters.unet import UNetSegmenter
from suffice.training.objective import Objective
from suffice.training.plan import Plan
from suffice.training.raters import EachRater, SoftMasks
from suffice.training.store import Store
from suffice.training.tuning import Tuning

FIRST, CONFUSION = "first", "confusion"
MATRICES = "raters.csv"

Classes = Mapping[str, npt.NDArray[np.uint8]]
Shares = npt.NDArray[np.float32]


def share_of_raters(masks: Classes, raters: Sequence[str], n_classes: int) -> Shares:
    """Share of a case's raters who gave each class, ``(K, *spatial)``."""
    return soft_mean(masks, tuple(range(1, n_classes)))


def posterior_of_staple(masks: Classes, raters: Sequence[str], n_classes: int) -> Shares:
    """Probability of each class by STAPLE, ``(K, *spatial)``; one rater alone is believed."""
    values = tuple(range(1, n_classes))
    return staple(masks, values).posterior if len(masks) > 1 else soft_mean(masks, values)


def each_apart(masks: Classes, raters: Sequence[str], n_classes: int) -> Shares:
    """Classes of every rater of the cohort, ``(R * K, *spatial)``; 0 where one has no mask."""
    shape = next(iter(masks.values())).shape
    shares = np.zeros((len(raters), n_classes, *shape), np.float32)
    for rater, mask in masks.items():
        for value in range(n_classes):
            shares[raters.index(rater), value] = mask == value
    return shares.reshape(-1, *shape)


WAYS: dict[str, Callable[[Classes, Sequence[str], int], Shares]] = {
    "soft": share_of_raters,
    "staple": posterior_of_staple,
    CONFUSION: each_apart,
}
"""What is learned of a case with several raters, by name."""


class RatersUNetSegmenter(UNetSegmenter):
    """A U-Net trained on what all raters drew, not on the first one's masks.

    What it leaves is a model of the rung ``unet``, and is saved and loaded as one; where each
    rater's habits were learned, ``raters.csv`` lies beside it.

    Parameters
    ----------
    way : str
        One of `WAYS`: the share of the raters, the posterior of STAPLE, or every rater with a
        confusion matrix that is learned.
    plan, init, tuning
        As for `UNetSegmenter`.

    Attributes
    ----------
    confusion_ : dict of str to float array of shape (K, K)
        ``[true, drawn]`` of each rater, where it was learned: which part of a class, as the
        network holds it to be, the rater gave to which.

    Raises
    ------
    UsageError
        If there is no such way.
    """

    _objective: EachRater | SoftMasks

    def __init__(
        self,
        way: str,
        *,
        plan: Plan | None = None,
        init: Path | None = None,
        tuning: Tuning | None = None,
    ) -> None:
        super().__init__(plan=plan, init=init, tuning=tuning)
        if way not in WAYS:
            raise UsageError(
                "There is no such way to learn from several raters",
                got=way,
                expected=", ".join((FIRST, *WAYS)),
            )
        self.way = way
        self.confusion_: dict[str, npt.NDArray[np.float32]] = {}

    @classmethod
    def refusal(cls, labelled: Cohort) -> CohortError | None:
        """Refuse cohorts in which nobody drew what somebody else drew, too."""
        return refuse_lone_raters(
            labelled, "Several raters cannot be learned from", "train on the first one's masks"
        )

    def fit(
        self,
        labelled: Cohort,
        *,
        budget: Budget,
        seed: int,
        workdir: Path,
        listener: Listener = silent,
    ) -> Self:
        """Train on every labelled case of the cohort, see `UNetSegmenter.fit`."""
        raters = labelled.raters
        self._objective = EachRater(len(raters)) if self.way == CONFUSION else SoftMasks()
        super().fit(labelled, budget=budget, seed=seed, workdir=workdir, listener=listener)
        self.notes_ = (*self.notes_, f"learned from {len(raters)} raters by {self.way}")
        if isinstance(self._objective, EachRater):
            matrices = self._objective.confusion_.numpy()
            self.confusion_ = dict(zip(raters, matrices, strict=True))
            self.notes_ = (*self.notes_, _account(self.confusion_))
        return self

    def _kind(self) -> str:
        return f"{self.rung} of raters by {self.way}"

    def _masks(self, labelled: Cohort, case: Case) -> list[LabelMap]:
        return [read_case_mask(labelled, case, rater) for rater in case.masks]

    def _fill(self, fitting: Fitting, plan: Plan) -> None:
        super()._fill(fitting, plan)
        labelled, store = fitting.labelled, fitting.store
        for i, case in enumerate(labelled.cases):
            stored = store.open(case.name)
            if stored.shares is not None:
                continue
            fitting.listener(Progress("raters", i / len(labelled), note=case.name))
            drawn = stored.labels[None] if stored.raters is None else stored.raters
            masks = {name: np.asarray(mask) for name, mask in zip(case.masks, drawn, strict=True)}
            store.add_shares(case.name, WAYS[self.way](masks, labelled.raters, plan.n_classes))

    def _learned(self, plan: Plan, store: Store, workdir: Path) -> Objective:
        if plan.mixing:
            raise UsageError(
                "Patches with several raters cannot be mixed",
                got=", ".join(plan.mixing),
                cure="Leave 'mixing' out of the plan, or learn from one rater.",
            )
        return self._objective

    def _own_files(self) -> dict[str, bytes]:
        if not self.confusion_:
            return {}
        names = ("background", *self.legend_.names)
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("rater", "true", "drawn", "share"))
        for rater, matrix in self.confusion_.items():
            for true, row in zip(names, matrix, strict=True):
                writer.writerows(
                    (rater, true, drawn, f"{share:.6f}")
                    for drawn, share in zip(names, row, strict=True)
                )
        return {MATRICES: text.getvalue().encode()}


def _account(confusion: Mapping[str, npt.NDArray[np.float32]]) -> str:
    """Name who leaves out and who adds the most, by matrices ``[true, drawn]``."""
    left_out = {rater: float(matrix[1:, 0].mean()) for rater, matrix in confusion.items()}
    added = {rater: float(1 - matrix[0, 0]) for rater, matrix in confusion.items()}
    most, least = max(left_out, key=left_out.__getitem__), max(added, key=added.__getitem__)
    return (
        f"{most} leaves out the most ({100 * left_out[most]:.0f} % of a structure),"
        f" {least} adds the most ({100 * added[least]:.2g} % of the background);"
        f" all raters are in {MATRICES}"
    )
