"""What learns, from what and how: an untrained model of the choices that a person makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from suffice.core import Cohort, UsageError
from suffice.segmenters import RUNGS, Segmenter
from suffice.segmenters.pooled_unet import POOLED
from suffice.segmenters.several_raters import FIRST, RatersUNetSegmenter
from suffice.segmenters.starting import read_source
from suffice.segmenters.unet import UNetSegmenter
from suffice.segmenters.yolo import YoloSegmenter
from suffice.study import Caution
from suffice.training.partly_labelled import PartlyLabelled
from suffice.training.tuning import tuning_named
from suffice.workflows.allotting import AUTO, DEFAULT_RUNG, Rungs, choose_rung_for

POOLED_RUNGS = tuple(kind.rung for kind in POOLED)


def untrained(
    labelled: Cohort,
    pool: Cohort,
    *,
    model: str = AUTO,
    init: Path | None = None,
    tune: Sequence[str] = (),
    unlabelled: str | None = None,
    raters: str = FIRST,
    consistency: bool = True,
    devices: int = 1,
    rungs: Rungs = RUNGS,
) -> Segmenter:
    """Make an untrained model.

    Parameters
    ----------
    labelled, pool : Cohort
        Cases that are learned from, and scans without masks.
    model : str
        Kind of the model, see `suffice.segmenters.RUNGS`; ``auto`` is a U-Net, with a template
        beside it where that suits the cases and nothing is asked for that it cannot do.
    init : Path, optional
        Trained weights to start a U-Net or a YOLO from.
    tune : sequence of str
        How those of a U-Net are changed, see `suffice.training.tuning.TUNINGS`.
    unlabelled : str, optional
        Let a U-Net, alone or with a partner, learn from the pool as well, in one of the ways of
        `suffice.segmenters.pooled_unet.STRATEGIES`.
    raters : str
        What a U-Net learns of a case that several people drew: the first one's mask, or one of
        `suffice.segmenters.several_raters.WAYS`.
    consistency : bool
        Whether a U-Net learns from voxels that masks leave unlabelled, too, see
        `suffice.training.partly_labelled`.
    devices : int
        How many a U-Net trains on together.
    rungs : dict of str to type of Segmenter
        The kinds to choose from.

    Raises
    ------
    UsageError
        If a choice is unknown, or one that this kind of model does not have.
    CohortError
        If the cases do not allow what is chosen.
    ModelError
        If the weights cannot be read.
    """
    is_usual = consistency and raters == FIRST and devices == 1
    rung = choose_rung_for(labelled, model, rungs, is_usual=is_usual)
    made = _started(rung, init, tune, rungs)
    if not consistency:
        made = _without_consistency(made)
    if unlabelled is not None:
        made = with_pool(made, pool, unlabelled)
    made = made if raters == FIRST else with_raters(made, labelled, raters)
    return made if devices == 1 else _on_devices(made, devices)


def _started(rung: str, init: Path | None, tune: Sequence[str], rungs: Rungs) -> Segmenter:
    kind = rungs[rung]
    if init is None:
        starting(init, tune)
        return kind()
    if issubclass(kind, YoloSegmenter) and not tune:
        return kind(init=init)
    if not issubclass(kind, UNetSegmenter):
        raise UsageError(
            "Weights to start from are for U-Nets and YOLO, ways of tuning for U-Nets",
            got=rung,
            cure="Give --model unet, another kind with a U-Net, or yolo without --tune.",
        )
    return kind(init=init, tuning=tuning_named(tune))


def _without_consistency(segmenter: Segmenter) -> Segmenter:
    """Let a U-Net learn nothing from voxels that masks leave unlabelled."""
    if isinstance(segmenter, UNetSegmenter) and isinstance(segmenter.objective, PartlyLabelled):
        segmenter.consistency = False
        return segmenter
    raise UsageError(
        "Only a U-Net learns from voxels that masks leave unlabelled",
        got=f"--no-consistency for '{segmenter.rung}'",
        cure="Leave --no-consistency out.",
    )


def _on_devices(segmenter: Segmenter, n_devices: int) -> Segmenter:
    """Let a U-Net train on several devices together."""
    # Others' losses look past the wrapper that keeps the devices in step.
    if type(segmenter) is UNetSegmenter:
        segmenter.devices = n_devices
        return segmenter
    raise UsageError(
        "Only a U-Net that learns in no other way trains on several devices",
        got=segmenter._kind() if isinstance(segmenter, UNetSegmenter) else segmenter.rung,
        cure="Give --model unet without --unlabelled and --raters, or leave --devices out.",
    )


def with_pool(segmenter: Segmenter, pool: Cohort, strategy: str) -> Segmenter:
    """Let a U-Net learn from scans without masks as well.

    Raises
    ------
    UsageError
        If the segmenter is none that can, or there is no such way.
    CohortError
        If there is no such scan.
    """
    unet = segmenter if isinstance(segmenter, UNetSegmenter) else None
    kind = None if unet is None else POOLED.get(type(unet))
    if unet is None or kind is None or not unet.consistency:
        raise UsageError(
            "Only a U-Net, alone or with a partner, learns from scans without masks",
            got=segmenter.rung if unet is None else unet._kind(),
            expected=", ".join(POOLED_RUNGS),
            cure="Give one of them as --model, and no other way of learning, or leave"
            " --unlabelled out.",
        )
    return kind(pool, strategy=strategy, init=unet.init, tuning=unet.tuning)


def with_raters(segmenter: Segmenter, labelled: Cohort, way: str) -> Segmenter:
    """Let a U-Net learn from all raters of its cases.

    Raises
    ------
    UsageError
        If the segmenter is none that can, or there is no such way.
    CohortError
        If each case has one rater.
    """
    if type(segmenter) is not UNetSegmenter or not segmenter.consistency:
        raise UsageError(
            "Only a U-Net without a pool learns from several raters",
            got=segmenter._kind() if isinstance(segmenter, UNetSegmenter) else segmenter.rung,
            cure="Give --model unet, and no other way of learning, or leave --raters out.",
        )
    found = RatersUNetSegmenter(way, init=segmenter.init, tuning=segmenter.tuning)
    refusal = found.refusal(labelled)
    if refusal is not None:
        raise refusal
    return found


def starting(
    init: Path | None, tune: Sequence[str], *, unlabelled: str | None = None, raters: str = FIRST
) -> dict[str, Any]:
    """Say for the record of a study how its U-Nets learn; nothing where as usual.

    Raises
    ------
    SufficeError
        If there is nothing to tune, or no such way.
    """
    ways: dict[str, Any] = {} if unlabelled is None else {"unlabelled": unlabelled}
    if raters != FIRST:
        ways["raters"] = raters
    if init is None and not tune:
        return ways
    if init is None:
        raise UsageError("Only weights to start from can be tuned", cure="Give --init too.")
    tuning_named(tune)
    read_source(init)
    return {"init": init.resolve().as_posix(), "tune": list(tune), **ways}


def started(settings: Mapping[str, Any], kind: type[Segmenter]) -> dict[str, Any]:
    """Read from the record of a study how a kind of model learns."""
    if not issubclass(kind, UNetSegmenter):
        return {}
    found: dict[str, Any] = {}
    if "init" in settings:
        found = {"init": Path(settings["init"]), "tune": tuple(settings["tune"])}
    if kind is UNetSegmenter:
        found |= {way: settings[way] for way in ("unlabelled", "raters") if way in settings}
    elif kind in POOLED and "unlabelled" in settings:
        found["unlabelled"] = settings["unlabelled"]
    return found


def doubt_of_start(settings: Mapping[str, Any]) -> Caution | None:
    """Warn where weights to start from may have learned from the masks that are scored.

    What they learned from is not written in them. Weights of `suffice pretrain` saw no mask.

    Parameters
    ----------
    settings : mapping
        As `starting` says them.
    """
    if "init" not in settings or not read_source(Path(settings["init"])).from_masks:
        return None
    name = Path(settings["init"]).name
    return Caution(
        "weights-may-know",
        (),
        f"The U-Nets of this study start from '{name}', and nothing tells whether it has learned "
        "from masks of these subjects; if it has, the score is too good",
        "Start from weights of other subjects, or from what 'suffice pretrain' made of the scans.",
    )


def check_ways(
    labelled: Cohort, pool: Cohort, names: Sequence[str], how: Mapping[str, Any]
) -> None:
    """Refuse at once what the first training of a study would refuse.

    Parameters
    ----------
    labelled, pool : Cohort
    names : sequence of str
        Kinds of models.
    how : dict
        As `starting` says it.

    Raises
    ------
    SufficeError
        If a pool or several raters are to be learned from and cannot be.
    """
    ways = {way: how[way] for way in ("unlabelled", "raters") if way in how}
    if not ways:
        return
    wanted = (DEFAULT_RUNG,) if "raters" in ways else POOLED_RUNGS
    able = [name for name in wanted if name in names]
    if not able:
        raise UsageError(
            "Only a U-Net learns from a pool or from several raters",
            got=", ".join(names),
            cure=f"Name {' or '.join(wanted)} among the kinds of models.",
        )
    untrained(labelled, pool, model=able[0], **ways)
