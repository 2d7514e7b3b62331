"""What each family of augmentation is worth on a cohort: left out, and alone."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from suffice.augment import POLICIES
from suffice.augment.mixing import Mixing
from suffice.core import Budget, Cohort, Listener, Progress, UsageError, silent
from suffice.files import write_text
from suffice.report.effects_figure import write_effects_figure
from suffice.segmenters import UNetSegmenter
from suffice.segmenters.planning import plan_for
from suffice.study import (
    Split,
    compare_scores,
    data_hash,
    hold_out,
    pair_scores,
    read_scores,
    write_scores,
    write_splits,
)
from suffice.training.plan import Plan, plan_from_toml, plan_to_toml
from suffice.training.sizing import MIN_STEPS
from suffice.workflows.arms import Arm, arms_of
from suffice.workflows.locking import alone_in
from suffice.workflows.recording import known_settings, write_settings
from suffice.workflows.training import choose_labelled
from suffice.workflows.trying import fit_and_score

RECORD, PLAN, EFFECTS = "ablation.json", "plan.toml", "effects.csv"
# Shorter trainings say more of their start than of what they were augmented with.
LEAST_MINUTES, GOOD_MINUTES = 2.0, 5.0
# One seed cannot tell a family from luck; with more than five the minutes are better spent.
LEAST_SEEDS, MOST_SEEDS = 2, 5
# With fewer no difference can be shown at the level of 0.05.
LEAST_TEST = 6
_TEST_FRACTION = 1 / 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Ablation:
    """What was found, and where it lies."""

    folder: Path
    policy: str
    effects: pd.DataFrame
    n_seeds: int
    minutes_each: float
    n_train: int
    n_test: int


def ablate(
    cohort: Cohort,
    out: Path,
    *,
    minutes: float,
    policy: str | None = None,
    families: Sequence[str] = (),
    mix: Sequence[str] = (),
    alone: bool = True,
    n_labels: int | None = None,
    seed: int = 0,
    listener: Listener = silent,
) -> Ablation:
    """Train with and without each family, on the same cases for the same minutes, and compare.

    A third of the labelled subjects, six at least, is scored on and never learned from. Every
    arm is trained with several seeds; the scores of a case are averaged over them and paired by
    subject. Killed, the same call goes on where it was.

    Parameters
    ----------
    cohort : Cohort
    out : Path
        Folder of ``effects.csv``, ``scores.csv``, ``ablation.png``, ``splits.csv``, ``plan.toml``.
    minutes : float
        For all trainings together.
    policy : str, optional
        The full policy; by default the one that a training would plan.
    families : sequence of str
        Which to try, ``rotation+scale`` being tried as one; by default each of the policy.
    mix : sequence of str
        Ways of mixing that are tried on top of the full policy.
    alone : bool
        Whether each family is tried alone too, against no augmentation.
    n_labels : int, optional
        Learn from as many subjects.
    seed : int
        Of the split, the draw and the first of the trainings.

    Raises
    ------
    UsageError
        If the minutes or the subjects do not suffice to say anything, with those that would; if a
        name is not known, or ``out`` holds another ablation.
    """
    Mixing(tuple(mix))
    _require_subjects(cohort)
    with alone_in(out):
        split = _set_apart(cohort, seed)
        train = choose_labelled(cohort.subset(split.train), n_labels=n_labels, seed=seed)
        base = _known_policy(out, policy, train, minutes, seed, listener)
        arms = arms_of(base, families, mix, alone=alone)
        n_seeds, each = share(minutes, len(arms))
        plan = _plan(out, train, each, len(arms) * n_seeds, seed, listener)
        _claim(out, cohort, train, arms, minutes=minutes, seed=seed)
        write_splits(out / "splits.csv", cohort, split.test)
        test, seeds = cohort.subset(split.test), range(seed, seed + n_seeds)
        scores = _scores_of_all(out, arms, seeds, plan, train, test, each, listener)
        effects = effects_of(scores, arms, seed=seed)
        write_scores(out / "scores.csv", scores)
        write_scores(out / EFFECTS, effects)
        write_effects_figure(out / "ablation.png", effects)
    return Ablation(
        folder=out,
        policy=base,
        effects=effects,
        n_seeds=n_seeds,
        minutes_each=each,
        n_train=len(train.subjects),
        n_test=len(test.subjects),
    )


def _set_apart(cohort: Cohort, seed: int) -> Split:
    n_test = max(LEAST_TEST, round(_TEST_FRACTION * len(cohort.labelled().subjects)))
    return hold_out(cohort, n_test=n_test, seed=seed)


def _scores_of_all(
    out: Path,
    arms: Sequence[Arm],
    seeds: Sequence[int],
    plan: Plan,
    train: Cohort,
    test: Cohort,
    minutes: float,
    listener: Listener,
) -> pd.DataFrame:
    """Train every arm with every seed and score it; all arms once before any of them again."""
    parts = []
    for number, (seed, arm) in enumerate(itertools.product(seeds, arms)):
        done = number / (len(seeds) * len(arms))
        listener(Progress("ablate", done, note=f"{arm.name}, seed {seed}"))
        scores = _scores(out, arm, plan, train, test, minutes, seed, listener)
        parts.append(scores.assign(arm=arm.name, seed=seed))
    return pd.concat(parts, ignore_index=True)


def share(minutes: float, n_arms: int) -> tuple[int, float]:
    """Divide the minutes: how many seeds, and the minutes of each training.

    Raises
    ------
    UsageError
        If the minutes are too few to say anything, with those that would do.

    Examples
    --------
    >>> share(100, 5)
    (4, 5.0)
    """
    needed = n_arms * LEAST_SEEDS * LEAST_MINUTES
    if not minutes >= needed:
        raise UsageError(
            f"{minutes:g} minutes are too few for {n_arms} ways to augment",
            expected=f"{needed:g} or more: {LEAST_SEEDS} seeds of {LEAST_MINUTES:g} minutes each,"
            f" and {n_arms * LEAST_SEEDS * GOOD_MINUTES:g} are better",
            cure="Give more, or try fewer with --families rotation+scale,noise and --no-alone.",
        )
    wanted = int(minutes / (n_arms * GOOD_MINUTES))
    n_seeds = int(np.clip(wanted, LEAST_SEEDS, MOST_SEEDS))
    return n_seeds, minutes / (n_arms * n_seeds)


def effects_of(scores: pd.DataFrame, arms: Sequence[Arm], *, seed: int) -> pd.DataFrame:
    """Compare each arm with its counterpart by Dice, paired by subject.

    Parameters
    ----------
    scores : DataFrame
        Columns ``case, subject, label, metric, value, arm, seed``.
    arms : sequence of Arm
    seed : int
        Of the bootstrap.

    Returns
    -------
    DataFrame
        A row for each arm that is compared, its ``arm``, and what the family is worth:
        ``difference`` in Dice with ``low`` and ``high``, ``p`` and ``p_holm`` over all rows, and
        ``seed_sd``, how far the difference varies from seed to seed, which the interval over
        subjects does not hold.
    """
    dice = scores[scores["metric"] == "dice"]
    keys = ["case", "subject", "label", "metric"]
    mean = {
        str(name): pd.DataFrame(part.groupby(keys, sort=False)["value"].mean().reset_index())
        for name, part in dice.groupby("arm")
    }
    compared = [arm for arm in arms if arm.against]
    paired = []
    for arm in compared:
        names = (arm.name, arm.against) if arm.sign > 0 else (arm.against, arm.name)
        ((one,), _) = pair_scores({name: mean[name] for name in names})
        paired.append(one)
    table = compare_scores(paired, seed=seed)
    by_seed = dice.groupby(["arm", "seed"])["value"].mean().unstack("arm")
    spread = [float((by_seed[arm.name] - by_seed[arm.against]).std(ddof=1)) for arm in compared]
    table.insert(0, "arm", [arm.name for arm in compared])
    return table.assign(seed_sd=spread, n_seeds=len(by_seed))


def _require_subjects(cohort: Cohort) -> None:
    n = len(cohort.labelled().subjects)
    if n < LEAST_TEST + 2:
        raise UsageError(
            "Too few subjects are labelled to tell what augmentation is worth",
            got=n,
            expected=f"{LEAST_TEST + 2} or more, of which {LEAST_TEST} are scored on",
            cure="Draw more masks; until then the planned policy is the best guess.",
        )


def _known_policy(
    out: Path, policy: str | None, train: Cohort, minutes: float, seed: int, listener: Listener
) -> str:
    """Name the full policy: as asked, as begun, or as a training of this cohort would plan."""
    if policy is not None:
        if policy not in POLICIES:
            raise UsageError("There is no such policy", got=policy, expected=", ".join(POLICIES))
        return policy
    if (out / RECORD).is_file():
        return str(json.loads((out / RECORD).read_text(encoding="utf-8"))["policy"])
    # Too few minutes must be told before any are spent: the least that any policy takes.
    share(minutes, 2)
    budget = Budget(minutes=GOOD_MINUTES)
    return plan_for(train, budget=budget, seed=seed, listener=listener).augmentation


def _claim(
    out: Path, cohort: Cohort, train: Cohort, arms: Sequence[Arm], *, minutes: float, seed: int
) -> None:
    """Write what the ablation is of, or check that the one there is the same."""
    record = {
        "policy": arms[0].policy,
        "data": data_hash(cohort),
        "cases": list(train.names),
        "arms": [asdict(arm) for arm in arms],
        "minutes": float(minutes),
        "seed": seed,
    }
    if known_settings(out / RECORD, record, "an ablation") is None:
        write_settings(out / RECORD, record)


def _plan(
    out: Path, train: Cohort, each: float, n_trainings: int, seed: int, listener: Listener
) -> Plan:
    """Plan once, so that all arms train the same network, and keep the plan."""
    path = out / PLAN
    if path.is_file() and (out / RECORD).is_file():
        return plan_from_toml(path.read_text(encoding="utf-8"))
    plan = plan_for(train, budget=Budget(minutes=each), seed=seed, listener=listener)
    if plan.n_steps < MIN_STEPS / 2:
        needed = each * n_trainings * MIN_STEPS / max(plan.n_steps, 1)
        raise UsageError(
            f"{each:.1f} minutes a training are {plan.n_steps} steps here, which say nothing",
            expected=f"about {needed:.0f} minutes in all",
            cure="Give more, try fewer families, or use a machine with a GPU.",
        )
    write_text(path, plan_to_toml(plan))
    return plan


def _scores(
    out: Path,
    arm: Arm,
    plan: Plan,
    train: Cohort,
    test: Cohort,
    minutes: float,
    seed: int,
    listener: Listener,
) -> pd.DataFrame:
    """Train and score one arm with one seed, unless an earlier start did."""
    place = out / "runs" / f"{arm.folder}-{seed}"
    if not (place / "scores.csv").is_file():
        segmenter = UNetSegmenter(plan=arm.plan(plan))
        scores = fit_and_score(
            segmenter, train, test, place, minutes=minutes, seed=seed, listener=listener
        )
        write_scores(place / "scores.csv", scores)
    return read_scores(place / "scores.csv")
