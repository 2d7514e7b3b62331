"""U-Nets, alone or with a partner, that learn from unlabelled scans as well."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from suffice.core import Cohort, CohortError, Progress, UsageError
from suffice.segmenters.atlas_unet import AtlasUNetSegmenter
from suffice.segmenters.fitting import Fitting
from suffice.segmenters.registered_pool import share_by_registration
from suffice.segmenters.template_unet import TemplateUNetSegmenter
from suffice.segmenters.unet import UNetSegmenter
from suffice.segmenters.unlabelled import store_unlabelled
from suffice.training.loop import augmentation_of, hounsfield_of
from suffice.training.objective import Objective
from suffice.training.plan import Plan
from suffice.training.pool import (
    BidirectionalCopyPaste,
    CrossPseudo,
    MeanTeacher,
    PoolFeed,
    PoolStrategy,
    SelfTraining,
    SoftTeacher,
    StrongViews,
    UncertaintyAwareTeacher,
)
from suffice.training.store import Store
from suffice.training.tuning import Tuning

STRATEGIES: dict[str, type[PoolStrategy]] = {
    kind.name: kind
    for kind in (
        SelfTraining,
        MeanTeacher,
        UncertaintyAwareTeacher,
        SoftTeacher,
        BidirectionalCopyPaste,
        StrongViews,
        CrossPseudo,
    )
}
"""Ways to learn from a pool, by name."""

REGISTRATION = "registration"
STRATEGIES[REGISTRATION] = SelfTraining
SHARES = "registered"


class PooledUNetSegmenter(UNetSegmenter):
    """A U-Net trained on labelled scans and a pool of unlabelled ones of the same kind.

    What it leaves is a model of the rung ``unet``, and is saved and loaded as one; a kind with a
    partner leaves one of that kind.

    Parameters
    ----------
    pool : Cohort
        Scans of the same channels; masks that they may have are not looked at.
    strategy : str
        One of `STRATEGIES`.
    plan, init, tuning
        As for `UNetSegmenter`.

    Raises
    ------
    UsageError
        If there is no such strategy.
    CohortError
        If the pool is empty.
    """

    def __init__(
        self,
        pool: Cohort,
        *,
        strategy: str,
        plan: Plan | None = None,
        init: Path | None = None,
        tuning: Tuning | None = None,
    ) -> None:
        super().__init__(plan=plan, init=init, tuning=tuning)
        if strategy not in STRATEGIES:
            raise UsageError(
                "There is no such way to learn from a pool",
                got=strategy,
                expected=", ".join(STRATEGIES),
            )
        if not len(pool):
            raise CohortError(
                "There is no unlabelled scan to learn from",
                cure="Add scans without masks to the cohort, or train without a pool.",
            )
        self.strategy = strategy
        bare = tuple(replace(case, masks={}) for case in pool.cases)
        self.pool = replace(pool, cases=bare)
        self.notes_ = (f"learned from {len(bare)} scans without masks, too, by {strategy}",)

    def _kind(self) -> str:
        return f"{self.rung} and {self.strategy}"

    def _seen(self, labelled: Cohort) -> Cohort:
        whole_masks = (BidirectionalCopyPaste.name, REGISTRATION)
        if labelled.legend.ignore is not None and self.strategy in whole_masks:
            raise CohortError(
                f"The way '{self.strategy}' needs masks that label every voxel",
                got=f"masks whose value {labelled.legend.ignore} says nothing",
                cure=f"Give another: {', '.join(w for w in STRATEGIES if w not in whole_masks)}.",
            )
        known = {case.name for case in labelled.cases}
        both = sorted(known & {case.name for case in self.pool.cases})
        if both:
            raise CohortError(
                "Cases are to be learned from with their masks and without",
                got=", ".join(both[:5]),
                cure="Take them out of the pool.",
            )
        return replace(labelled, cases=(*labelled.cases, *self.pool.cases))

    def _fill(self, fitting: Fitting, plan: Plan) -> None:
        super()._fill(fitting, plan)
        store_unlabelled(fitting.store, self.pool, plan, listener=fitting.listener)
        if self.strategy == REGISTRATION:
            account = share_by_registration(fitting, self.pool, plan, fitting.workdir / SHARES)
            self.notes_ = (*self.notes_, account)
            fitting.listener(Progress("register", 1.0, note=account))

    def _learned(self, plan: Plan, store: Store, workdir: Path) -> Objective:
        feed = PoolFeed(
            store.read(self.pool.names),
            patch_size=plan.patch_size,
            augmentation=augmentation_of(plan),
            spacing=plan.patch_spacing_mm,
            hounsfield=hounsfield_of(plan),
        )
        kind = STRATEGIES[self.strategy]
        if issubclass(kind, SelfTraining):
            first = workdir / SHARES if self.strategy == REGISTRATION else None
            return kind(feed, workdir / "pool", first=first)
        return kind(feed)


# Of these the pool's part comes first: their ``_fill`` lets the partner be fitted, and the pool be
# stored after it; their rung and their files are the partner's.
class PooledTemplateUNetSegmenter(PooledUNetSegmenter, TemplateUNetSegmenter):
    """A U-Net that learns from a pool as well, and a template of the labelled scans."""


class PooledAtlasUNetSegmenter(PooledUNetSegmenter, AtlasUNetSegmenter):
    """A U-Net that learns from a pool as well, and the labelled scans as atlases."""


POOLED: dict[type[UNetSegmenter], type[PooledUNetSegmenter]] = {
    UNetSegmenter: PooledUNetSegmenter,
    TemplateUNetSegmenter: PooledTemplateUNetSegmenter,
    AtlasUNetSegmenter: PooledAtlasUNetSegmenter,
}
"""Kinds of models that can learn from a pool, and what does so."""
