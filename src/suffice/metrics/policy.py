"""What every metric gives where a mask is empty: the one place that says so."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from suffice.core import UsageError
from suffice.metrics.overlap import Overlap

Rule = Literal["count", "perfect", "leave"]
Farthest = Literal["infinite", "diagonal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptyPolicy:
    """What a metric is where the reference, the prediction or both lack a structure.

    Parameters
    ----------
    both_empty, only_predicted, only_reference : {'count', 'perfect', 'leave'}
        ``count``: each metric as its formula has it, so overlap 0 and distances as ``farthest``
        says; a share of nothing is not a number and in no mean, but counted. ``perfect``: the
        best value of each metric. ``leave``: no row; ``absent``, ``false`` and ``missed`` tell.
    farthest : {'infinite', 'diagonal'}
        A distance to what is not there: infinite, in no mean but counted; or the diagonal of
        the image, which a mean takes in and a larger image makes larger.

    Raises
    ------
    UsageError
        If a value is none of these.

    Notes
    -----
    The default, with the outcome as 0 or 1 so that its mean is a rate:

    =========  =========  ============================  ========================================
    reference  predicted  outcome                       other metrics
    =========  =========  ============================  ========================================
    present    present    ``missed`` 0                  all
    present    empty      ``missed`` 1                  overlap and NSD 0; distances infinite
    empty      present    ``false`` 1, ``absent`` 0     overlap and NSD 0; distances, % infinite
    empty      empty      ``false`` 0, ``absent`` 1     none: there is nothing to overlap
    =========  =========  ============================  ========================================

    So ``missed`` has a row wherever the reference has the structure, ``false`` and ``absent``
    wherever it has not; no policy changes them. Infinite values stay in the tables; summaries
    count them as undefined beside the mean. A share of nothing, as the sensitivity where the
    reference is empty, has no row.

    Examples
    --------
    >>> EmptyPolicy() == EmptyPolicy.named("suffice")
    True
    >>> EmptyPolicy.named("brats").farthest
    'diagonal'
    """

    both_empty: Rule = "leave"
    only_predicted: Rule = "count"
    only_reference: Rule = "count"
    farthest: Farthest = "infinite"

    def __post_init__(self) -> None:
        for name in ("both_empty", "only_predicted", "only_reference"):
            _require(name, getattr(self, name), get_args(Rule))
        _require("farthest", self.farthest, get_args(Farthest))

    @classmethod
    def named(cls, name: str) -> EmptyPolicy:
        """Return a policy that others use, to compare with their numbers.

        ``suffice`` is the default. ``perfect``: an absent structure that is not predicted has
        Dice 1, as in MetricsReloaded, and distance 0. ``brats``: that, and a missed or false
        structure is a diagonal of the image away, as in the BraTS challenges. ``monai``: what
        the reference lacks is left out, as MONAI's ``ignore_empty`` does.

        Raises
        ------
        UsageError
            If no policy is called so.
        """
        if name not in _NAMED:
            raise UsageError(
                "No policy for empty masks is called so", got=name, cure=cure_for(name, _NAMED)
            )
        return _NAMED[name]

    def rule_for(self, overlap: Overlap) -> Rule:
        """Return the rule for two masks; where neither is empty, they count."""
        if overlap.n_predicted and overlap.n_reference:
            return "count"
        if overlap.n_predicted:
            return self.only_predicted
        return self.only_reference if overlap.n_reference else self.both_empty


def cure_for(name: str, known: Iterable[str]) -> str:
    """Name what was probably meant, or all that there is."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=3)
    return f"Did you mean {' or '.join(near)}?" if near else f"There are {', '.join(names)}."


def _require(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UsageError(f"'{name}' of an EmptyPolicy cannot be so", got=value, expected=known)


_NAMED = {
    "suffice": EmptyPolicy(),
    "perfect": EmptyPolicy(both_empty="perfect"),
    "brats": EmptyPolicy(both_empty="perfect", farthest="diagonal"),
    "monai": EmptyPolicy(both_empty="leave", only_predicted="leave"),
}

POLICIES = tuple(_NAMED)
"""Names that `EmptyPolicy.named` knows."""
