"""Which cases raters should look at again together, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from suffice.raters.agreement import PairAgreement, StructureAgreement

# Sizes that vary less are no reason to look again.
_WIDE_VARIATION = 0.2
# A rater stands apart whose Dice with the others is lower by this than theirs among themselves.
_APART = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """One structure of one case that raters see differently.

    Parameters
    ----------
    case, subject, label : str
    mean_dice, min_dice : float
        Over all pairs of raters of whom at least one drew it.
    worst_pair : tuple of str
        The pair with the lowest Dice; of several, the first.
    n_pairs, n_one_sided : int
        How many pairs, and of how many only one drew it.
    reasons : tuple of str
        In words.
    """

    case: str
    subject: str
    label: str
    mean_dice: float
    min_dice: float
    worst_pair: tuple[str, str]
    n_pairs: int
    n_one_sided: int
    reasons: tuple[str, ...]


def adjudicate(
    pairs: Iterable[PairAgreement],
    structures: Iterable[StructureAgreement],
    *,
    enough_dice: float = 1.0,
) -> list[Dispute]:
    """Rank structures by how far raters disagree, the worst first.

    Parameters
    ----------
    pairs, structures : iterables of the rows of `agreement`
        Of all cases.
    enough_dice : float
        Structures with a higher mean Dice are left out; by default only what all drew alike.

    Returns
    -------
    list of Dispute
        Lowest mean Dice between raters first; of those alike, the larger spread of sizes. A pair
        of whom only one drew the structure has Dice 0.

    Examples
    --------
    >>> from suffice.core import Grid, Legend
    >>> from suffice.raters import agreement
    >>> drawn = np.ones((4, 4), dtype=np.uint8)
    >>> masks = {"anna": drawn, "ben": drawn, "cleo": 0 * drawn}
    >>> found = agreement(masks, Grid((4, 4)), Legend.from_names({1: "cell"}), case="a")
    >>> adjudicate(found.pairs, found.structures)[0].reasons
    ('cleo drew nothing where anna, ben drew it', 'mean Dice 0.33 between raters')
    """
    of_structure: dict[tuple[str, str], list[PairAgreement]] = {}
    for row in pairs:
        if row.state != "neither":
            of_structure.setdefault((row.case, row.label), []).append(row)
    ranked = []
    for structure in structures:
        rows = of_structure.get((structure.case, structure.label), [])
        if not rows:
            continue
        mean = float(np.mean([row.dice for row in rows]))
        if mean < enough_dice:
            spread = _variation(structure)
            worst = min(rows, key=lambda row: row.dice)
            dispute = Dispute(
                case=structure.case,
                subject=structure.subject,
                label=structure.label,
                mean_dice=mean,
                min_dice=worst.dice,
                worst_pair=(worst.rater_a, worst.rater_b),
                n_pairs=len(rows),
                n_one_sided=sum(row.state == "one" for row in rows),
                reasons=tuple(_reasons(rows, structure, mean, spread)),
            )
            ranked.append((mean, -spread, dispute))
    return [dispute for *_, dispute in sorted(ranked, key=lambda entry: entry[:2])]


def _reasons(
    rows: list[PairAgreement], structure: StructureAgreement, mean: float, spread: float
) -> list[str]:
    sizes = dict(structure.sizes)
    empty = [rater for rater, size in sizes.items() if not size]
    drew = [rater for rater, size in sizes.items() if size]
    reasons = []
    if empty:
        reasons.append(f"{', '.join(empty)} drew nothing where {', '.join(drew)} drew it")
    reasons.append(f"mean Dice {mean:.2f} between raters")
    apart = _standing_apart(rows)
    if apart and not empty:
        reasons.append(apart)
    if len(drew) > 1 and spread >= _WIDE_VARIATION and not empty:
        low, high = min(sizes.values()), max(sizes.values())
        reasons.append(
            f"sizes from {low:.3g} to {high:.3g} {structure.size_unit} "
            f"(coefficient of variation {100 * spread:.0f} %)"
        )
    return reasons


def _standing_apart(rows: list[PairAgreement]) -> str:
    """Name the one rater who differs from others that agree among themselves."""
    raters = {rater for row in rows for rater in (row.rater_a, row.rater_b)}
    if len(raters) < 3:
        return ""
    gaps = []
    for rater in sorted(raters):
        mine = [row.dice for row in rows if rater in (row.rater_a, row.rater_b)]
        others = [row.dice for row in rows if rater not in (row.rater_a, row.rater_b)]
        if mine and others:
            gaps.append((float(np.mean(others) - np.mean(mine)), rater, mine, others))
    if not gaps:
        return ""
    gap, rater, mine, others = max(gaps, key=lambda entry: entry[0])
    if gap < _APART:
        return ""
    return (
        f"{rater} stands apart: Dice {np.mean(mine):.2f} with the others, "
        f"{np.mean(others):.2f} among them"
    )


def _variation(structure: StructureAgreement) -> float:
    """Coefficient of variation of the raters' sizes."""
    sizes = [size for _, size in structure.sizes]
    if len(sizes) < 2 or not any(sizes):
        return 0.0
    return float(np.std(sizes, ddof=1) / np.mean(sizes))
