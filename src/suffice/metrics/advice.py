"""Which metrics suit a cohort, and which do not, after Metrics Reloaded."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from suffice.core import UsageError
from suffice.metrics.catalogue import METRICS
from suffice.metrics.facts import StructureFacts
from suffice.metrics.panel import Panel

# Below it, a mask that is off by one voxel, as two careful people are, loses a fifth of its Dice.
SMALL_SHIFTED_DICE = 0.8
# Tubes are several times as long as thick, and one along the centreline fills them: of sheets it
# fills far less. Slanted lines count short, voxel by voxel.
TUBE_ELONGATION = 6.0
TUBE_SHARE = 0.35
# Objects to count, not two halves of an organ.
SEVERAL_PIECES = 3
# Pieces under this part of the largest one are more often slips of the pen than findings.
STRAY_PART = 0.01
RARE_SHARE = 0.05
THICK_SLICES = 2.0


@dataclass(frozen=True, slots=True)
class Counsel:
    """Metrics to use or to leave, and why, in a sentence.

    Parameters
    ----------
    metrics : tuple of str
        Names that a `Panel` knows, or outcomes (``missed``, ``false``), which always have rows.
    reason : str
        One sentence, with the numbers of this cohort.
    labels : tuple of str
        The structures that it concerns; empty for all of them.
    """

    metrics: tuple[str, ...]
    reason: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Advice:
    """The metrics for a cohort and those to leave, each with its reason, and what else to know."""

    use: tuple[Counsel, ...]
    avoid: tuple[Counsel, ...]
    notes: tuple[str, ...]

    @property
    def panel(self) -> Panel:
        """The panel of the metrics to use."""
        wanted = {name for counsel in self.use for name in counsel.metrics}
        return Panel.of(name for name in METRICS if name in wanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Structure:
    """One structure over the cohort: medians over the masks that have it."""

    label: str
    n_masks: int
    n_empty: int
    n_with_strays: int
    n_voxels: float
    n_pieces: float
    shifted_dice: float
    elongation: float
    tube_share: float
    image_share: float

    @property
    def is_small(self) -> bool:
        return self.shifted_dice < SMALL_SHIFTED_DICE

    @property
    def is_many(self) -> bool:
        return self.n_pieces >= SEVERAL_PIECES

    @property
    def is_tube(self) -> bool:
        return self.elongation >= TUBE_ELONGATION and self.tube_share >= TUBE_SHARE


def advise(facts: Iterable[StructureFacts], *, n_raters: int = 1) -> Advice:
    """Name the metrics that suit a cohort and those that mislead on it.

    Parameters
    ----------
    facts : iterable of StructureFacts
        From `mask_facts`, of all reference masks together.
    n_raters : int
        How many people drew masks.

    Returns
    -------
    Advice

    Raises
    ------
    UsageError
        If there are no facts, or every mask is empty.

    References
    ----------
    .. [1] Maier-Hein et al., Nat. Methods 2024, https://doi.org/10.1038/s41592-023-02151-z
    """
    known = list(facts)
    structures = _structures(known)
    if not structures:
        raise UsageError(
            "There is nothing to advise on",
            got=f"{len(known)} empty structures",
            cure="Give masks in which somebody drew something.",
        )
    use = _overlap(structures) + _boundary(known) + _shape(structures) + _outcomes(structures)
    return Advice(tuple(use), tuple(_misleading(structures)), tuple(_notes(known, n_raters)))


def _structures(facts: list[StructureFacts]) -> list[_Structure]:
    by_label: dict[str, list[StructureFacts]] = {}
    for fact in facts:
        by_label.setdefault(fact.label, []).append(fact)
    drawn = {name: [f for f in all_ if f.piece_voxels] for name, all_ in by_label.items()}
    return [_structure(name, masks, len(by_label[name])) for name, masks in drawn.items() if masks]


def _structure(label: str, masks: list[StructureFacts], n_masks: int) -> _Structure:
    def median(of: Callable[[StructureFacts], float]) -> float:
        return statistics.median(of(fact) for fact in masks)

    return _Structure(
        label=label,
        n_masks=n_masks,
        n_empty=n_masks - len(masks),
        n_with_strays=sum(_n_findings(fact) < len(fact.piece_voxels) for fact in masks),
        n_voxels=median(lambda fact: fact.n_voxels),
        n_pieces=median(_n_findings),
        shifted_dice=median(lambda fact: fact.shifted_dice),
        elongation=median(lambda fact: fact.elongation),
        tube_share=median(lambda fact: fact.tube_share),
        image_share=median(lambda fact: fact.n_voxels / fact.n_image_voxels),
    )


def _n_findings(fact: StructureFacts) -> int:
    return sum(size >= STRAY_PART * fact.piece_voxels[0] for size in fact.piece_voxels)


def _overlap(structures: list[_Structure]) -> list[Counsel]:
    found = [Counsel(("dice",), "Overlap, the number that others report and compare.")]
    small = tuple(s.label for s in structures if s.is_small)
    if small:
        reason = "Say whether a low Dice comes from voxels left out or from voxels too many."
        found.append(Counsel(("sensitivity", "precision"), reason, small))
    return found


def _boundary(facts: list[StructureFacts]) -> list[Counsel]:
    thick = max(fact.anisotropy for fact in facts)
    tolerance = "Share of the outline within a tolerance, to be set to what two people differ by"
    if thick >= THICK_SLICES:
        tolerance += f"; with slices {thick:.1f} times as far apart as pixels, no finer than those"
    away = "Worst and typical distance between the outlines, which overlap does not tell"
    if not all(fact.has_spacing for fact in facts):
        away += "; in pixels where nobody says what one measures"
    size = "What the masks are for: a size that is wrong on average goes unseen in Dice."
    return [
        Counsel(("nsd",), f"{tolerance}."),
        Counsel(("hd95", "assd"), f"{away}."),
        Counsel(("volume_error",), size),
    ]


def _shape(structures: list[_Structure]) -> list[Counsel]:
    found = []
    for s in structures:
        if s.is_tube:
            reason = (
                f"A tube or net, {s.elongation:.0f} times as long as thick: whether its course is "
                "whole matters more than its walls."
            )
            found.append(Counsel(("cldice",), reason, (s.label,)))
        elif s.is_many:
            reason = (
                f"{s.n_pieces:.0f} pieces in a typical mask: count how many are found and how many "
                "are invented, as the largest ones decide Dice."
            )
            found.append(Counsel(("lesion_f1", "pq"), reason, (s.label,)))
    return found


def _outcomes(structures: list[_Structure]) -> list[Counsel]:
    return [
        Counsel(
            ("missed", "false"),
            f"{s.n_empty} of {s.n_masks} masks do not have it: whether a model sees that is a "
            "rate of its own, and no Dice.",
            (s.label,),
        )
        for s in structures
        if s.n_empty
    ]


def _misleading(structures: list[_Structure]) -> list[Counsel]:
    share = sum(s.image_share for s in structures)
    reason = f"An empty mask is right on {100 * (1 - share):.1f} % of a typical image."
    found = [Counsel(("accuracy", "specificity"), reason)]
    if share < RARE_SHARE:
        reason = "With so much background it repeats Dice, which is read more easily."
        found.append(Counsel(("kappa",), reason))
    for s in structures:
        if s.is_small:
            reason = (
                f"Not alone: of {s.n_voxels:.0f} voxels in a typical mask, one that is off by a "
                f"single voxel has Dice {s.shifted_dice:.2f}."
            )
            found.append(Counsel(("dice",), reason, (s.label,)))
    strays = [s for s in structures if s.n_with_strays and not s.is_many]
    n_strays = sum(s.n_with_strays for s in strays)
    reason = "One stray voxel decides it"
    reason += f", and {n_strays} of the drawn structures have stray pieces." if strays else "."
    return [*found, Counsel(("hd",), reason, tuple(s.label for s in strays))]


def _notes(facts: list[StructureFacts], n_raters: int) -> list[str]:
    notes = []
    if n_raters > 1:
        notes.append(
            f"{n_raters} people drew masks: how far they agree is the ceiling for every number "
            "here, and tells the tolerance."
        )
    if len({fact.n_axes for fact in facts}) > 1:
        notes.append("Pictures and volumes are mixed: areas and volumes have rows of their own.")
    return notes
