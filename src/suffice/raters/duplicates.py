"""Raters whose masks are copies of another's: a false gold standard, a file saved twice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from suffice.core import UsageError
from suffice.raters.agreement import PairAgreement


@dataclass(frozen=True, slots=True, kw_only=True)
class DuplicateRaters:
    """Two raters with the same masks on nearly all cases that both drew.

    Parameters
    ----------
    rater_a, rater_b : str
    n_shared : int
        Cases that both have a mask of and at least one of the two drew something in.
    n_identical, n_near : int
        Of these, cases equal in every voxel; cases equal or nearly so in every structure.
    different : tuple of str
        The cases that are neither.
    """

    rater_a: str
    rater_b: str
    n_shared: int
    n_identical: int
    n_near: int
    different: tuple[str, ...]

    @property
    def share(self) -> float:
        """Share of the shared cases that are equal or nearly so."""
        return self.n_near / self.n_shared

    def __str__(self) -> str:
        text = (
            f"'{self.rater_a}' and '{self.rater_b}' are the same on {self.n_near} of "
            f"{self.n_shared} cases ({100 * self.share:.0f} %; {self.n_identical} to the voxel)"
        )
        return text + (f", not on {', '.join(self.different[:5])}" if self.different else "")


def find_duplicate_raters(
    pairs: Iterable[PairAgreement],
    *,
    min_share: float = 0.8,
    min_dice: float = 0.995,
    min_cases: int = 2,
) -> list[DuplicateRaters]:
    """Find raters who copy one another.

    Parameters
    ----------
    pairs : iterable of PairAgreement
        The rows of `agreement` of all cases.
    min_share : float
        Share of the shared cases that must be equal or nearly so.
    min_dice : float
        What counts as nearly equal, for every structure of the case.
    min_cases : int
        Equal cases needed. Two people may well draw one small structure alike.

    Returns
    -------
    list of DuplicateRaters
        The largest share first.

    Notes
    -----
    Cases that neither rater drew anything in say nothing about copying and are not counted.
    """
    if not (0 < min_share <= 1 and 0 < min_dice <= 1 and min_cases >= 1):
        raise UsageError(
            "Shares lie above 0 and up to 1, and at least one case must be equal",
            got=(min_share, min_dice, min_cases),
        )
    dice: dict[tuple[str, str], dict[str, list[float]]] = {}
    for row in pairs:
        if row.state != "neither":
            pair = (row.rater_a, row.rater_b)
            if pair[::-1] in dice:
                pair = pair[::-1]
            dice.setdefault(pair, {}).setdefault(row.case, []).append(row.dice)
    found = [_duplicates(pair, cases, min_dice) for pair, cases in dice.items()]
    found = [d for d in found if d.share >= min_share and d.n_near >= min_cases]
    return sorted(found, key=lambda d: (-d.share, -d.n_identical))


def _duplicates(
    pair: tuple[str, str], cases: dict[str, list[float]], min_dice: float
) -> DuplicateRaters:
    worst = {case: min(values) for case, values in cases.items()}
    return DuplicateRaters(
        rater_a=pair[0],
        rater_b=pair[1],
        n_shared=len(worst),
        n_identical=sum(value == 1.0 for value in worst.values()),
        n_near=sum(value >= min_dice for value in worst.values()),
        different=tuple(case for case, value in worst.items() if value < min_dice),
    )
