"""The ways to augment that an ablation trains and compares."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from suffice.augment import POLICIES, families_of
from suffice.augment.mixing import Mixing
from suffice.core import UsageError
from suffice.training.plan import Plan

FULL, NONE = "full", "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One way to augment, and the one that it is compared with.

    Parameters
    ----------
    name : str
    against : str
        Name of the other arm; empty for one that others are compared with.
    sign : int
        1 where the arm has what its comparison lacks, -1 where it lacks it: effects are what the
        family is worth.
    policy : str
    left_out, mixing : tuple of str
    """

    name: str
    against: str = ""
    sign: int = 1
    policy: str
    left_out: tuple[str, ...] = ()
    mixing: tuple[str, ...] = ()

    def plan(self, plan: Plan) -> Plan:
        """Change a plan to train this arm."""
        return replace(
            plan,
            augmentation=self.policy,
            augmentation_without=self.left_out,
            mixing=self.mixing,
            mixing_probabilities=Mixing(self.mixing).probabilities,
        )

    @property
    def folder(self) -> str:
        """Name without what a file system may not like."""
        return re.sub("[^a-z0-9_]+", "-", self.name.lower())


def arms_of(
    policy: str, families: Sequence[str] = (), mix: Sequence[str] = (), *, alone: bool = True
) -> tuple[Arm, ...]:
    """List what is trained: the full policy, none, and each family left out and alone.

    Raises
    ------
    UsageError
        If the policy has not a family that is named.

    Examples
    --------
    >>> [arm.name for arm in arms_of("light", ["flip", "gamma+noise"], alone=False)]
    ['full', 'none', 'without flip', 'without gamma+noise']
    """
    present = families_of(POLICIES[policy])
    groups = [tuple(each.split("+")) for each in families] or [(name,) for name in present]
    unknown = [name for group in groups for name in group if name not in present]
    if unknown or (not groups and not mix):
        raise UsageError(
            f"The policy '{policy}' has not these families of augmentation",
            got=", ".join(unknown) or "no family",
            expected=", ".join(present) or "a policy that changes anything",
        )
    arms = [
        Arm(name=FULL, policy=policy, against=NONE),
        Arm(name=NONE, policy=policy, left_out=present),
    ]
    for group in groups:
        name = "+".join(group)
        arms.append(
            Arm(name=f"without {name}", policy=policy, left_out=group, against=FULL, sign=-1)
        )
        if alone:
            others = tuple(each for each in present if each not in group)
            arms.append(Arm(name=f"only {name}", policy=policy, left_out=others, against=NONE))
    arms += [Arm(name=f"with {way}", policy=policy, mixing=(way,), against=FULL) for way in mix]
    return tuple(arms)
