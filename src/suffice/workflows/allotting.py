"""How the minutes of a study are divided among the rungs and their models."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from suffice.core import Budget, Cohort, CohortError, Listener, UsageError, silent
from suffice.segmenters import RUNGS, Segmenter
from suffice.segmenters.expecting import expect_each
from suffice.segmenters.template_unet import TemplateUNetSegmenter

ALL = "all"
AUTO = "auto"
DEFAULT_RUNG = "unet"

Rungs = Mapping[str, type[Segmenter]]


@dataclass(frozen=True, slots=True)
class Allotment:
    """Minutes for each training of each rung, and the rungs that do not apply, with reasons."""

    minutes: Mapping[str, float]
    refused: Mapping[str, str] = field(default_factory=dict)


def choose_rung(name: str, rungs: Rungs = RUNGS) -> str:
    """Resolve the name of a kind of model.

    Raises
    ------
    UsageError
        If it is unknown.
    """
    name = DEFAULT_RUNG if name == AUTO else name
    if name not in rungs:
        raise UsageError(
            "There is no such kind of model", got=name, expected=", ".join([AUTO, *rungs])
        )
    return name


def choose_rung_for(
    labelled: Cohort, name: str, rungs: Rungs = RUNGS, *, is_usual: bool = True
) -> str:
    """Resolve the name of a kind of model for a cohort: what ``auto`` is depends on its scans.

    Parameters
    ----------
    labelled : Cohort
        Cases that are learned from; no others may have a say.
    name : str
    rungs : dict of str to type of Segmenter
    is_usual : bool
        Whether nothing is asked for that only the U-Net itself does.

    Raises
    ------
    UsageError
        If it is unknown.
    """
    rung = TemplateUNetSegmenter.rung
    if name == AUTO and is_usual and rung in rungs and TemplateUNetSegmenter.suits(labelled):
        return rung
    return choose_rung(name, rungs)


def choose_rungs(
    models: Sequence[str],
    rungs: Rungs = RUNGS,
    *,
    labelled: Cohort | None = None,
    is_usual: bool = True,
) -> tuple[str, ...]:
    """Resolve names of kinds of models, ``all`` too, in the order of the ladder.

    Parameters
    ----------
    models : sequence of str
    rungs : dict of str to type of Segmenter
    labelled, is_usual : optional
        Where given, ``auto`` is what suits these cases, see `choose_rung_for`.

    Raises
    ------
    UsageError
        If a name is unknown, or none is given.

    Examples
    --------
    >>> choose_rungs(["unet", "unet-plain"]), choose_rungs(["auto"])
    (('unet-plain', 'unet'), ('unet',))
    """
    if not models:
        raise UsageError("No kind of model is named", expected=", ".join([ALL, AUTO, *rungs]))
    if ALL in models:
        return tuple(rungs)
    if labelled is None:
        wanted = {choose_rung(name, rungs) for name in models}
    else:
        wanted = {choose_rung_for(labelled, name, rungs, is_usual=is_usual) for name in models}
    return tuple(name for name in rungs if name in wanted)


def allot(
    labelled: Cohort,
    names: Sequence[str],
    *,
    minutes: float,
    n_folds: int,
    seed: int,
    rungs: Rungs = RUNGS,
    listener: Listener = silent,
) -> Allotment:
    """Divide the minutes of a study: none gets more than it expects to need.

    One rung alone gets an equal share for each of its models. Of several, each trains a model
    for each fold, and the best one the final model. Each gets what a short trial says it will
    take at most; those that would take any time share the rest equally.

    Raises
    ------
    CohortError
        If no rung applies: the reason of the first.
    """
    refusals = [rungs[name].refusal(labelled) for name in names]
    if None not in refusals:
        raise next(error for error in refusals if error is not None)
    most = minutes / (1 + n_folds)
    if len(names) == 1:
        return Allotment({names[0]: most})
    known = expect_each(
        {name: rungs[name] for name in names},
        labelled,
        budget=Budget(minutes=most),
        seed=seed,
        listener=listener,
    )
    needs, refused = {}, {}
    for name, expected in known.items():
        if isinstance(expected, CohortError):
            refused[name] = str(expected)
        else:
            needs[name] = math.inf if expected.takes_all else expected.minutes
    shares = share_minutes(needs, minutes=minutes, n_folds=n_folds)
    return Allotment({name: round(share, 4) for name, share in shares.items()}, refused)


def share_minutes(needs: Mapping[str, float], *, minutes: float, n_folds: int) -> dict[str, float]:
    """Give each rung what it needs for a training, or an equal share where that is less.

    Parameters
    ----------
    needs : dict of str to float
        Minutes for one training; infinite for a rung that takes all it is given.
    minutes : float
        For ``n_folds`` trainings of each rung and one more of the dearest.
    n_folds : int

    Examples
    --------
    >>> share_minutes({"threshold": 0.5, "unet": float("inf")}, minutes=13.5, n_folds=3)
    {'threshold': 0.5, 'unet': 3.0}
    """
    order = sorted(needs, key=needs.__getitem__)
    left, n_left = minutes, len(order)
    shares: dict[str, float] = {}
    for name in order:
        # The last model of all, for the scans without a mask, may be one of the dearest.
        equal = left / (n_folds * n_left + 1)
        shares[name] = min(needs[name], equal)
        left -= n_folds * shares[name]
        n_left -= 1
    return {name: shares[name] for name in needs}
