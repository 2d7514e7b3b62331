"""Ways to train that a learning curve compares on the same cases."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from suffice.core import Case, Cohort, UsageError
from suffice.segmenters import RUNGS, Segmenter
from suffice.segmenters.pooled_unet import STRATEGIES
from suffice.segmenters.several_raters import FIRST
from suffice.segmenters.several_raters import WAYS as RATERS_WAYS
from suffice.segmenters.starting import read_source
from suffice.segmenters.unaugmented_unet import UnaugmentedUNetSegmenter
from suffice.study import data_hash
from suffice.study.curve_design import USUAL, Training
from suffice.training.tuning import tuning_named
from suffice.workflows.allotting import DEFAULT_RUNG
from suffice.workflows.learning import untrained

UNAUGMENTED, TRANSFER, POOL, CONSENSUS = "unaugmented", "transfer", "pool", "consensus"
WAYS = (USUAL, UNAUGMENTED, TRANSFER, POOL, CONSENSUS)
# What helped most where a pool helped at all, see docs/unlabelled.md.
_POOL_WAY, _RATERS_WAY = "uncertainty-aware", "soft"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How a U-Net is trained; all else as usual.

    Parameters
    ----------
    name : str
        In the table of a curve.
    kind : str
        One of `WAYS`.
    init : Path or None
        Weights that a transfer starts from, and
    tune : tuple of str
        how they change.
    unlabelled : str or None
        How the pool is learned from.
    raters : str
        What is learned of a case that several people drew.
    """

    name: str
    kind: str
    init: Path | None = None
    tune: tuple[str, ...] = ()
    unlabelled: str | None = None
    raters: str = FIRST

    @property
    def words(self) -> str:
        """What is worth labelled cases: an arm without augmentation tells what that is worth."""
        return "augmentation" if self.kind == UNAUGMENTED else self.name

    @property
    def may_know(self) -> bool:
        """Whether the weights that it starts from may have learned from masks that are scored.

        What they learned from is not written in them; those of `suffice pretrain` saw no mask.
        """
        return self.init is not None and read_source(self.init).from_masks

    def segmenter(self, rung: str, labelled: Cohort, pool: Cohort) -> Segmenter:
        """Make an untrained model.

        Raises
        ------
        CohortError
            If there is no pool, or each case has one rater.
        ModelError
            If the weights cannot be read.
        """
        if self.kind == USUAL:
            return RUNGS[rung]()
        if self.kind == UNAUGMENTED:
            return UnaugmentedUNetSegmenter()
        return untrained(
            labelled,
            pool,
            model=rung,
            init=self.init,
            tune=self.tune,
            unlabelled=self.unlabelled,
            raters=self.raters,
        )

    def pool(self, cohort: Cohort, training: Training) -> Cohort:
        """Gather the scans of a pool: of nobody who is scored, and not those learned from.

        Masks that they have are not looked at: they stand for scans that nobody has drawn yet.
        """
        if self.kind != POOL:
            return replace(cohort, cases=())
        taught, scored = set(training.cases), set(training.test)
        unseen = {case.subject for case in cohort.cases if case.name in scored}

        def is_in(case: Case) -> bool:
            return case.name not in taught and case.subject not in unseen

        return cohort.where(is_in)

    def record(self, cohort: Cohort) -> dict[str, Any]:
        """Say what rows of this way are of, for the record of a curve."""
        found: dict[str, Any] = {k: v for k, v in asdict(self).items() if k not in ("name", "init")}
        if self.init is not None:
            found["weights"] = read_source(self.init).digest
        if self.kind == POOL:
            found["scans"] = data_hash(cohort)
        return found


USUALLY = Way(name=USUAL, kind=USUAL)


def parse_ways(
    texts: Sequence[str],
    *,
    init: Path | None = None,
    tune: Sequence[str] = (),
    unlabelled: str | None = None,
    raters: str = FIRST,
) -> tuple[Way, ...]:
    """Read ways to train from the command line; the usual one is always the first.

    Parameters
    ----------
    texts : sequence of str
        ``unaugmented``, ``transfer``, ``pool``, ``consensus``; ``transfer=WEIGHTS``,
        ``pool=WAY``, ``consensus=WAY`` where one is to be compared with another of its kind.
    init, tune, unlabelled, raters : optional
        What transfers start from and how that changes, how a pool is learned from, and what of
        several raters is, where a way does not say so itself.

    Raises
    ------
    UsageError
        If there is no such way, one is there twice, or it lacks what it is to use.

    Examples
    --------
    >>> ways = parse_ways(["unaugmented", "pool", "pool=mean-teacher"])
    >>> [(way.name, way.unlabelled) for way in ways[2:]]
    [('pool', 'uncertainty-aware'), ('pool-mean-teacher', 'mean-teacher')]
    """
    found = {USUAL: USUALLY}
    for text in texts:
        kind, _, value = text.partition("=")
        if kind == USUAL and not value:
            continue
        way = _way(kind, value, init, tuple(tune), unlabelled, raters)
        if way.name in found:
            raise UsageError("A way to train is named twice", got=way.name)
        found[way.name] = way
    kinds = {way.kind for way in found.values()}
    unused = {
        "--init or --tune": (init is not None or bool(tune), TRANSFER),
        "--unlabelled": (unlabelled is not None, POOL),
        "--raters": (raters != FIRST, CONSENSUS),
    }
    for option, (is_given, kind) in unused.items():
        if is_given and kind not in kinds:
            raise UsageError(f"No way to train uses {option}", cure=f"Name '{kind}' in --ways.")
    return tuple(found.values())


def _way(
    kind: str,
    value: str,
    init: Path | None,
    tune: tuple[str, ...],
    unlabelled: str | None,
    raters: str,
) -> Way:
    if kind not in WAYS or (value and kind == UNAUGMENTED) or kind == USUAL:
        raise UsageError("There is no such way to train", got=kind, expected=", ".join(WAYS))
    # Weights lie in a folder or file whose last name tells them apart.
    last = Path(value).name if kind == TRANSFER else value
    name = f"{kind}-{re.sub('[^a-z0-9]+', '-', last.lower()).strip('-')}" if value else kind
    if kind == TRANSFER:
        weights = Path(value) if value else init
        if weights is None:
            raise UsageError(
                "A transfer starts from trained weights", cure="Give --init or transfer=WEIGHTS."
            )
        tuning_named(tune)
        return Way(name=name, kind=kind, init=weights.absolute(), tune=tune)
    if kind == POOL:
        way = value or unlabelled or _POOL_WAY
        if way not in STRATEGIES:
            raise UsageError(
                "There is no such way to learn from a pool", got=way, expected=", ".join(STRATEGIES)
            )
        return Way(name=name, kind=kind, unlabelled=way)
    if kind == CONSENSUS:
        way = value or (_RATERS_WAY if raters == FIRST else raters)
        if way not in RATERS_WAYS:
            raise UsageError(
                "There is no such way to learn from several raters",
                got=way,
                expected=", ".join(RATERS_WAYS),
            )
        return Way(name=name, kind=kind, raters=way)
    return Way(name=name, kind=kind)


def ways_by_rung(
    ways: Sequence[Way], rungs: Sequence[str], labelled: Cohort
) -> dict[str, tuple[str, ...]]:
    """Say which kinds of models are trained in which ways: other ones than the usual are U-Nets'.

    Raises
    ------
    SufficeError
        If no U-Net is among the kinds, or what a way needs is not there: before any training.
    """
    others = [way for way in ways if way.kind != USUAL]
    if others and DEFAULT_RUNG not in rungs:
        raise UsageError(
            "Only a U-Net is trained in other ways",
            got=", ".join(rungs),
            cure=f"Name {DEFAULT_RUNG} among the kinds of models.",
        )
    for way in others:
        if way.init is not None:
            read_source(way.init)
        if way.kind == CONSENSUS:
            untrained(labelled, labelled, model=DEFAULT_RUNG, raters=way.raters)
    names = tuple(way.name for way in ways)
    return {rung: names if rung == DEFAULT_RUNG else (USUAL,) for rung in rungs}
