"""Which metrics suit a cohort, and which do not, after Metrics Reloaded."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from suffice.core import UsageError
from suffice.metrics.facts import StructureFacts

# Below it, a mask that is off by one voxel, as two careful people are, loses a fifth of its Dice.
SMALL_SHIFTED_DICE = 0.8
# Tubes are several times as long as thick, and one along the centreline fills them: of sheets it
# fills far less, and closed shells are counted twice. Slanted lines count short, voxel by voxel.
TUBE_ELONGATION = 6.0
TUBE_SHARE = (0.35, 1.5)
# A mask of several pieces: at least this many in a typical image.
SEVERAL_PIECES = 2
# Pieces under this part of the largest one are more often slips of the pen than findings.
STRAY_PART = 0.01
RARE_SHARE = 0.05
THICK_SLICES = 2.0


@dataclass(frozen=True, slots=True)
class Counsel:
    """A metric to use or to leave, and why, in a sentence.

    Parameters
    ----------
    metric : str
        A name that a `Panel` knows, an outcome (``missed``, ``false``) or what another command
        reports.
    reason : str
        One sentence, with the numbers of this cohort.
    labels : tuple of str
        The structures that it concerns; empty for all of them.
    """

    metric: str
    reason: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Advice:
    """The metrics for a cohort and those to leave, each with its reason."""

    use: tuple[Counsel, ...]
    avoid: tuple[Counsel, ...]


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
    def is_tube(self) -> bool:
        low, high = TUBE_SHARE
        return self.elongation >= TUBE_ELONGATION and low <= self.tube_share <= high


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
    use = _overlap(structures) + _boundary(known, structures) + _shape(structures)
    use += _outcomes(structures) + _raters(n_raters)
    return Advice(tuple(use), tuple(_misleading(known, structures)))


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
    found = [Counsel("dice", "Overlap, the number that others report and compare.")]
    small = [s for s in structures if s.is_small]
    if small:
        found.append(
            Counsel(
                "sensitivity, precision",
                "Say whether a low Dice comes from voxels left out or from voxels too many.",
                _labels(small),
            )
        )
    return found


def _boundary(facts: list[StructureFacts], structures: list[_Structure]) -> list[Counsel]:
    has_spacing = all(fact.has_spacing for fact in facts)
    thick = max(fact.anisotropy for fact in facts)
    tolerance = "Share of the outline within a tolerance that you set to what two people differ by"
    tolerance += (
        f"; slices lie up to {thick:.1f} times as far apart as pixels, so set it no finer than "
        "the slices."
        if thick >= THICK_SLICES
        else "."
    )
    away = "Worst and typical distance between the outlines, which overlap does not tell"
    away += "." if has_spacing else ", in pixels, as not every image says what a pixel measures."
    size = "What the masks are for, and errors that cancel in Dice show as a bias."
    return [
        Counsel("nsd", tolerance),
        Counsel("hd95, assd", away),
        Counsel("volume_error", size),
    ]


def _shape(structures: list[_Structure]) -> list[Counsel]:
    found = [
        Counsel(
            "cldice",
            f"A tube, {s.elongation:.0f} times as long as thick: whether its course is whole "
            "matters more than its walls.",
            (s.label,),
        )
        for s in structures
        if s.is_tube
    ]
    found += [
        Counsel(
            "lesions",
            f"{s.n_pieces:.0f} pieces in a typical mask: count which were found and which "
            "invented, as the largest ones decide Dice.",
            (s.label,),
        )
        for s in structures
        if s.n_pieces >= SEVERAL_PIECES and not s.is_tube
    ]
    return found


def _outcomes(structures: list[_Structure]) -> list[Counsel]:
    return [
        Counsel(
            "missed, false",
            f"{s.n_empty} of {s.n_masks} masks do not have it: whether a model sees that is a "
            "rate of its own, and no Dice.",
            (s.label,),
        )
        for s in structures
        if s.n_empty
    ]


def _raters(n_raters: int) -> list[Counsel]:
    if n_raters < 2:
        return []
    reason = f"{n_raters} people drew: their agreement is the ceiling for every number here."
    return [Counsel("agree", reason)]


def _misleading(facts: list[StructureFacts], structures: list[_Structure]) -> list[Counsel]:
    found = []
    share = sum(s.image_share for s in structures)
    reason = "An empty mask is right on {:.1f} % of the voxels of a typical image."
    found.append(Counsel("accuracy, specificity", reason.format(100 * (1 - share))))
    if share < RARE_SHARE:
        reason = "With so much background it repeats Dice, which is read more easily."
        found.append(Counsel("kappa", reason))
    small = [s for s in structures if s.is_small]
    found += [
        Counsel(
            "dice alone",
            f"{s.n_voxels:.0f} voxels in a typical mask: one that is off by a single voxel has "
            f"Dice {s.shifted_dice:.2f}.",
            (s.label,),
        )
        for s in small
    ]
    strays = sum(s.n_with_strays for s in structures)
    reason = "One stray voxel decides it"
    reason += f", and {strays} of the drawn masks have some." if strays else "."
    found.append(Counsel("hd", reason))
    if any(fact.n_axes == 3 and fact.anisotropy >= THICK_SLICES for fact in facts):
        found.append(
            Counsel("distances in voxels", "Slices are thicker than pixels: use mm throughout.")
        )
    return found


def _labels(structures: list[_Structure]) -> tuple[str, ...]:
    return tuple(s.label for s in structures)
