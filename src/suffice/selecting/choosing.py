"""Every strategy by name, and one call for all of them."""

from __future__ import annotations

import itertools

import numpy as np

from suffice.core import UsageError
from suffice.selecting.badge import take_diverse_gradients
from suffice.selecting.candidates import Candidates
from suffice.selecting.clasp import take_unsure_by_class
from suffice.selecting.k_centre import cover
from suffice.selecting.picking import Free, Pick, Strategy
from suffice.selecting.random_draw import draw_any, draw_foreground
from suffice.selecting.typiclust import take_typical
from suffice.selecting.uncertainty import least_margin, most_entropy

STRATEGIES: dict[str, Strategy] = {
    "foreground": draw_foreground,
    "random": draw_any,
    "entropy": most_entropy,
    "margin": least_margin,
    "typiclust": take_typical,
    "k-centre": cover,
    "badge": take_diverse_gradients,
    "clasp": take_unsure_by_class,
}
"""From features and probabilities to an order: `foreground` is the one to beat."""
DOUBTING = ("entropy", "margin", "badge", "clasp")
"""Those that ask how sure a model is."""
BASELINE = "foreground"
AUTO, DEFAULT = "auto", BASELINE
_NO_DOUBT = 1e-4


def strategy_named(name: str) -> str:
    """Resolve the name of a strategy.

    Raises
    ------
    UsageError
        If there is none of this name.
    """
    name = DEFAULT if name == AUTO else name
    if name not in STRATEGIES:
        raise UsageError(
            "There is no such strategy", got=name, expected=", ".join([AUTO, *STRATEGIES])
        )
    return name


def choose(
    candidates: Candidates, strategy: str, count: int, *, seed: int, per_subject: int = 1
) -> tuple[Pick, ...]:
    """Pick units to label, the most wanted first.

    Parameters
    ----------
    candidates : Candidates
    strategy : str
    count : int
    seed : int
        The same seed picks the same units, whatever the order of the candidates.
    per_subject : int
        Units of one subject at most, its labelled cases included; 0 for any number.

    Raises
    ------
    UsageError
        If there is no such strategy, so many cannot be picked, or a strategy asks for doubts and
        the model has none.
    """
    pick = STRATEGIES[strategy_named(strategy)]
    if count < 1 or per_subject < 0:
        raise UsageError("Numbers to pick are 1 or more", got=count)
    if strategy in DOUBTING and candidates.entropy.max(initial=0.0) < _NO_DOUBT:
        raise UsageError(
            "This model does not say how sure it is",
            got=strategy,
            expected=", ".join(name for name in STRATEGIES if name not in DOUBTING),
            cure="Or train a model that gives probabilities, such as a 'unet'.",
        )
    order = sorted(range(len(candidates)), key=lambda i: candidates.names[i])
    ordered = candidates.taken(order).standardised()
    free = Free(ordered.subjects, per_subject=per_subject, known=ordered.known_subjects)
    if count > free.most:
        whom = f", {per_subject} of a subject" if per_subject else ""
        raise UsageError(
            f"{count} cannot be picked",
            got=f"{free.most} that may be{whom}",
            cure="Ask for fewer, or for more of each subject (--per-subject)."
            if free.most < len(candidates)
            else "Ask for fewer.",
        )
    picks = pick(ordered, count, rng=np.random.default_rng(seed), free=free)
    return tuple(
        Pick(order[one.index], one.score, one.reason) for one in itertools.islice(picks, count)
    )
