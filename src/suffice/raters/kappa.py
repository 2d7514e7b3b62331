"""Agreement beyond chance of any number of raters: Fleiss' kappa and Krippendorff's alpha.

Both need only how many raters gave a unit (a voxel) each class, and how often each such tally
occurs. So millions of voxels are a table of a few rows.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from suffice.core import UsageError


def fleiss_kappa(tallies: npt.ArrayLike, counts: npt.ArrayLike | None = None) -> float:
    """Fleiss' kappa of raters who all rated every unit.

    Parameters
    ----------
    tallies : int array of shape (n_rows, n_classes)
        How many raters gave each class; every row has the same sum, at least 2.
    counts : int array of shape (n_rows,), optional
        How many units have the tally; one each, where not given.

    Returns
    -------
    float
        1 is perfect, 0 what chance gives. Not a number where only one class occurs: there is
        nothing to tell apart.

    Raises
    ------
    UsageError
        If rows have different sums; Krippendorff's alpha takes those.

    Notes
    -----
    The value depends on how much background is in view [1]_: a wider one makes chance agree more
    on background and, nearly always, kappa larger.

    References
    ----------
    .. [1] Fleiss, Psychol. Bull. 1971, https://doi.org/10.1037/h0031619

    Examples
    --------
    >>> round(fleiss_kappa([[3, 0], [2, 1], [0, 3]], [90, 4, 6]), 3)
    0.804
    """
    votes, weights = _table(tallies, counts)
    n_raters = votes.sum(axis=1)
    if n_raters.size == 0 or n_raters.min() < 2 or n_raters.min() != n_raters.max():
        raise UsageError(
            "Fleiss' kappa needs the same number of raters, two or more, for every unit",
            got=sorted({int(n) for n in n_raters})[:5],
            cure="Krippendorff's alpha takes missing raters.",
        )
    n = n_raters[0]
    n_units = weights.sum()
    if not n_units:
        return float("nan")
    agreed = weights @ ((votes * (votes - 1)).sum(axis=1) / (n * (n - 1))) / n_units
    shares = weights @ votes / (n * n_units)
    chance = float((shares**2).sum())
    return float((agreed - chance) / (1 - chance)) if shares.max() < 1 else float("nan")


def krippendorff_alpha(tallies: npt.ArrayLike, counts: npt.ArrayLike | None = None) -> float:
    """Krippendorff's alpha for names (nominal), raters missing or not.

    Parameters
    ----------
    tallies : int array of shape (n_rows, n_classes)
        How many raters gave each class. A unit that fewer than two rated tells nothing.
    counts : int array of shape (n_rows,), optional
        How many units have the tally; one each, where not given.

    Returns
    -------
    float
        1 is perfect, 0 what chance gives. Not a number where only one class occurs.

    References
    ----------
    .. [1] Hayes and Krippendorff, Communication Methods and Measures 2007,
       https://doi.org/10.1080/19312450709336664

    Examples
    --------
    >>> round(krippendorff_alpha([[3, 0], [1, 1], [0, 3]], [90, 4, 6]), 3)
    0.804
    """
    votes, weights = _table(tallies, counts)
    n_raters = votes.sum(axis=1)
    paired = n_raters >= 2
    votes, weights, n_raters = votes[paired], weights[paired], n_raters[paired]
    of_class = weights @ votes
    total = of_class.sum()
    if total == 0 or of_class.max() == total:
        return float("nan")
    unlike = n_raters**2 - (votes**2).sum(axis=1)
    observed = weights @ (unlike / (n_raters - 1)) / total
    expected = (total**2 - (of_class**2).sum()) / (total * (total - 1))
    return float(1 - observed / expected)


def _table(
    tallies: npt.ArrayLike, counts: npt.ArrayLike | None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    votes = np.asarray(tallies, dtype=np.float64)
    if votes.ndim != 2:
        raise UsageError("Tallies are a row a kind of unit, a column a class", got=votes.shape)
    weights = np.ones(len(votes)) if counts is None else np.asarray(counts, dtype=np.float64)
    if weights.shape != (len(votes),) or votes.min(initial=0) < 0 or weights.min(initial=0) < 0:
        raise UsageError("Each tally needs one count, and none may be negative", got=weights.shape)
    return votes, weights
