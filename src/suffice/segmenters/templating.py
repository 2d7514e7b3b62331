"""A mean scan with a mean mask: made of many labelled scans, it shows none of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from suffice.segmenters.atlasing import Atlas, aligned, carried, moved, shares_of
from suffice.segmenters.registration import Registration
from suffice.segmenters.searching import FloatArray, Search, dice

BUILDING = Registration(deformation="local", stiffness=3.0)
"""How labelled scans are brought onto the mean of the round before."""
FITTINGS = (
    Registration(deformation="global", stiffness=0.7),
    Registration(deformation="global", stiffness=1.5),
    Registration(deformation="local", stiffness=2.0),
    Registration(deformation="none"),
)
"""How a template may be brought onto a new scan."""
N_FOLDS = 3
# The first round only moves scans, so that the template is not shaped like the one it began with.
_ROUNDS = (Registration(deformation="none"), BUILDING, BUILDING)


@dataclass(frozen=True, eq=False)
class Template:
    """The mean of labelled scans that lie on each other.

    Parameters
    ----------
    scan : float32 array of shape (*spatial)
        Brightness, see `suffice.segmenters.atlasing.brightness`.
    shares : float32 array of shape (n_classes, *spatial)
        How many of the scans have each class there; the background first.
    spacing : tuple of float
    """

    scan: FloatArray
    shares: FloatArray
    spacing: tuple[float, ...]


def mean_template(atlases: Sequence[Atlas], n_classes: int) -> Template:
    """Bring labelled scans onto their own mean, again and again [1]_.

    Parameters
    ----------
    atlases : sequence of Atlas
        The first one's grid becomes that of the template.
    n_classes : int
        The background counted in.

    References
    ----------
    .. [1] A. Guimond, J. Meunier and J.-P. Thirion, "Average brain models: a convergence study",
       Computer Vision and Image Understanding 77 (2000), doi 10.1006/cviu.1999.0815
    """
    first = atlases[0]
    found = Template(first.scan, shares_of(first.classes, n_classes), first.spacing)
    for settings in _ROUNDS:
        pairs = aligned(found.scan, found.spacing, atlases, settings.metric)
        scans, shares = moved(found.scan, found.spacing, pairs, settings, n_classes)
        found = Template(_mean(scans), _mean(shares), found.spacing)
    return found


def shares_by_template(
    target: FloatArray, spacing: Sequence[float], template: Template, fitting: Registration
) -> FloatArray:
    """Probabilities of the classes on a scan, ``(n_classes, *spatial)``.

    Parameters
    ----------
    target : float32 array of shape (*spatial)
        As `suffice.segmenters.atlasing.brightness` gives it.
    spacing : sequence of float
    template : Template
    fitting : Registration
        How the template is brought onto the scan.
    """
    classes = template.shares.argmax(axis=0).astype(np.uint8)
    atlas = Atlas(template.scan, template.spacing, classes)
    (pair,) = aligned(target, spacing, [atlas], fitting.metric)
    return carried(target, spacing, pair, template.shares, fitting)[1]


def _mean(arrays: Sequence[FloatArray]) -> FloatArray:
    return np.asarray(np.mean(arrays, axis=0, dtype=np.float32))


@dataclass(frozen=True)
class Fitted:
    """The best way to fit a template on labelled cases; ``nan`` where there was no time to compare.

    Parameters
    ----------
    fitting : Registration
    dice : float
        Mean over cases and structures, each case segmented by a template of others.
    seconds : float
        For a case.
    """

    fitting: Registration
    dice: float
    seconds: float


def best_fitting(
    atlases: Sequence[Atlas], subjects: Sequence[str], names: Sequence[str], search: Search
) -> Fitted:
    """Compare ways to fit a template on cases that had no part in it, fold by fold.

    Parameters
    ----------
    atlases : sequence of Atlas
    subjects : sequence of str
        Whose scan each is; a subject's scans are left out together.
    names : sequence of str
        Of the structures.
    search : Search
    """
    n_classes = len(names) + 1
    order = {subject: i for i, subject in enumerate(dict.fromkeys(subjects))}
    folds = [order[subject] % N_FOLDS for subject in subjects]
    values: dict[Registration, list[list[float]]] = {}
    seconds = dict.fromkeys(FITTINGS, 0.0)
    for fold in range(N_FOLDS):
        held = [a for a, k in zip(atlases, folds, strict=True) if k == fold]
        others = [a for a, k in zip(atlases, folds, strict=True) if k != fold]
        if not held or not others or not search.has_time(0.8 * (fold + 1) / (N_FOLDS + 1)):
            continue
        template = mean_template(others, n_classes)
        for target in held:
            for fitting in FITTINGS:
                begun = time.monotonic()
                shares = shares_by_template(target.scan, target.spacing, template, fitting)
                seconds[fitting] += time.monotonic() - begun
                found = shares.argmax(axis=0)
                each = [dice(found == k, target.classes == k) for k in range(1, n_classes)]
                values.setdefault(fitting, []).append(each)
    if not values:
        search.history.append({"step": 0.0, "seconds": 0.0, "dice": float("nan")})
        return Fitted(FITTINGS[0], float("nan"), float("nan"))
    means = {fitting: np.mean(each, axis=0) for fitting, each in values.items()}
    best = max(means, key=lambda fitting: float(means[fitting].mean()))
    for name, value in zip(names, means[best], strict=True):
        search.tell(name, float(value), n_tried=len(means))
    return Fitted(best, float(means[best].mean()), seconds[best] / len(values[best]))
