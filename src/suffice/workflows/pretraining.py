"""Learn from the scans of a cohort, masks left aside, and keep the weights in a folder."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from suffice.core import Budget, Cohort, Listener, silent
from suffice.files import require_free
from suffice.segmenters.pretrained import PretrainedUNet
from suffice.workflows.locking import working_in
from suffice.workflows.training import MODEL_MARK, Trained


def pretrain(
    cohort: Cohort,
    out: Path,
    *,
    minutes: float,
    method: str = "spark",
    cases: Sequence[str] | None = None,
    seed: int = 0,
    workdir: Path | None = None,
    overwrite: bool = False,
    listener: Listener = silent,
) -> Trained:
    """Teach a U-Net to draw scans, and save it as the folder ``out`` for `train` to start from.

    Masks are not learned from; where there are some, the plan of the network is made for them. A
    pretraining that is killed goes on when it is called again with the same arguments.

    Parameters
    ----------
    cohort : Cohort
        All its scans are learned from, labelled or not.
    out : Path
        Folder of the weights; it appears when the pretraining is done.
    minutes : float
        Wall-clock minutes for reading, planning and learning.
    method : str
        One of `suffice.segmenters.pretrained.METHODS`.
    cases : sequence of str, optional
        Learn from these cases and no others: leave out what a score is to be trusted on.
    seed : int
        Seed of the initial weights and the batches.
    workdir : Path, optional
        Where checkpoints lie meanwhile; ``OUT.work`` by default. Removed at the end.
    overwrite : bool
        Whether weights at ``out`` may be replaced.
    listener : callable
        Is told the progress.

    Raises
    ------
    SufficeError
        If the budget, the cases or ``out`` cannot be used, the disk is full, or another run is
        at work in ``workdir``.
    """
    out = Path(out)
    segmenter = PretrainedUNet(method=method)
    require_free(out, overwrite=overwrite, mark=MODEL_MARK)
    budget = Budget(minutes=minutes)
    chosen = cohort if cases is None else cohort.subset(cases)
    refusal = PretrainedUNet.refusal(chosen)
    if refusal is not None:
        raise refusal
    workdir = workdir or out.with_name(out.name + ".work")
    started = time.monotonic()
    with working_in(workdir):
        segmenter.fit(chosen, budget=budget, seed=seed, workdir=workdir, listener=listener)
        segmenter.save(out, overwrite=overwrite)
    spent = round((time.monotonic() - started) / 60, 2)
    explained = segmenter.history_[-1]["explained"]
    drawn = f"the network draws {100 * max(0.0, explained):.0f} % of the scans' variance"
    return Trained(model=out, cases=chosen.names, minutes=spent, notes=(drawn,))
