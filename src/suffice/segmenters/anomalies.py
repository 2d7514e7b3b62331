"""Search when a residual is an anomaly: side, averaging and threshold, by the cases' masks."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from suffice.core import Listener, Progress
from suffice.nets import SIDES, VAE, AnomalyRule, average, residual
from suffice.training.inference import predict_probabilities
from suffice.training.machine import Machine, autocast_dtype
from suffice.training.plan import Plan
from suffice.training.store import StoredCase

WINDOWS = (1, 3, 5, 9)
# In standard deviations of a scan.
THRESHOLDS = np.linspace(0.05, 6.0, 120)
MAX_CASES = 64

Residual = tuple[Tensor, npt.NDArray[np.bool_]]


class _Signed(nn.Module):
    """The residual as the logit of a second class, so that it is tiled as any prediction is."""

    def __init__(self, network: VAE) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> list[Tensor]:
        signed = residual(self.network, images)
        return [torch.cat([torch.zeros_like(signed), signed], dim=1)]


def residual_maps(
    network: VAE,
    cases: Sequence[StoredCase],
    plan: Plan,
    machine: Machine,
    seed: int,
    listener: Listener,
) -> Iterator[Residual]:
    """Give the residual and the mask of case after case, in random order.

    Yields
    ------
    residual : float32 tensor of shape (n, 1, *spatial)
        Of one volume, or of ``n`` slices.
    drawn : bool array of shape (n, *spatial)
    """
    signed = _Signed(network).to(machine.accelerator).eval()
    slicewise = plan.slice_axis is not None
    order = np.random.default_rng(seed).permutation(len(cases))[:MAX_CASES]
    for done, index in enumerate(order):
        case = cases[int(index)]
        listener(Progress("search", done / len(order), note=case.name))
        shares = predict_probabilities(
            signed,
            case.image,
            patch_size=plan.patch_size,
            divisible_by=plan.divisible_by,
            n_classes=2,
            device=torch.device(machine.accelerator),
            autocast=autocast_dtype(plan.precision),
            slicewise=slicewise,
        )
        values = torch.logit(torch.from_numpy(shares[1].astype(np.float32)), eps=1e-4)
        drawn = np.asarray(case.labels) > 0
        yield (values[:, None], drawn) if slicewise else (values[None, None], drawn[None])


def search_rule(maps: Iterator[Residual], *, until: float) -> AnomalyRule:
    """Find the rule with the highest mean Dice; an empty case left empty counts 1.

    Parameters
    ----------
    maps : iterator
        As `residual_maps` gives them.
    until : float
        Of `time.monotonic`, when the search ends; but not before it saw a structure.

    Notes
    -----
    The network has not learned what was drawn, so that its residual there is as in unseen cases.
    The threshold has seen them: its own Dice is that of the cases it was searched on.
    """
    rules = list(itertools.product(SIDES, WINDOWS))
    total = np.zeros((len(rules), len(THRESHOLDS)))
    n_cases, seen_structure = 0, False
    for values, drawn in maps:
        for row, (side, window) in enumerate(rules):
            score = SIDES[side](average(values, window)).squeeze(1).numpy()
            total[row] += _dice_by_threshold(score, drawn)
        n_cases += 1
        seen_structure |= bool(drawn.any())
        if time.monotonic() >= until and seen_structure:
            break
    best = np.unravel_index(int(total.argmax()), total.shape)
    side, window = rules[int(best[0])]
    return AnomalyRule(
        side=side,
        window=window,
        threshold=float(THRESHOLDS[best[1]]),
        dice=float(total[best] / n_cases),
    )


def _dice_by_threshold(
    score: npt.NDArray[np.float32], drawn: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """Dice of ``score > t`` and what was drawn for all thresholds at once."""
    # Bin k holds what is above the first k thresholds and not above the next.
    bins = np.searchsorted(THRESHOLDS, score.ravel())
    inside = np.bincount(bins[drawn.ravel()], minlength=len(THRESHOLDS) + 1)
    every = np.bincount(bins, minlength=len(THRESHOLDS) + 1)
    hits = np.cumsum(inside[::-1])[::-1][1:]
    marked = np.cumsum(every[::-1])[::-1][1:]
    sizes = marked + drawn.sum()
    return np.asarray(np.divide(2.0 * hits, sizes, out=np.ones(len(hits)), where=sizes > 0))
