"""A mean scan with a mean mask, of several labelled scans that were brought onto each other."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from suffice.segmenters.atlasing import (
    Aligned,
    Atlas,
    aligned,
    carried,
    carried_maps,
    in_parallel,
    shares_of,
    tell_best,
    with_background,
)
from suffice.segmenters.registration import Registration
from suffice.segmenters.searching import FloatArray, Search, dice
from suffice.training.resampling import resample_image

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
_INSIDE = 0.99
# The first round only moves scans, so that deformations lead to a mean and not to one scan's shape.
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


def mean_template(atlases: Sequence[Atlas], n_classes: int, *, least: int = 1) -> Template:
    """Bring labelled scans onto their own mean, again and again.

    After Guimond et al. [1]_, but for their last step, which takes the mean deformation out of
    the mean: the pose is that of the first scan.

    Parameters
    ----------
    atlases : sequence of Atlas
    n_classes : int
        The background counted in.
    least : int
        Where fewer scans reach there is nothing: a mean of fewer would show them.

    References
    ----------
    .. [1] A. Guimond, J. Meunier and J.-P. Thirion, "Average brain models: a convergence study",
       Computer Vision and Image Understanding 77 (2000), doi 10.1006/cviu.1999.0815
    """
    scan, spacing = _first_reference(atlases)
    shares = shares_of(np.zeros(scan.shape, np.uint8), n_classes)
    for settings in _ROUNDS:
        scan, shares = _mean_on(scan, spacing, atlases, settings, n_classes, least)
    return Template(scan, shares, spacing)


def _first_reference(atlases: Sequence[Atlas]) -> tuple[FloatArray, tuple[float, ...]]:
    """Give the first scan on a grid of the median size of all."""
    shapes = np.array([atlas.classes.shape for atlas in atlases])
    extents = np.median(shapes * np.array([atlas.spacing for atlas in atlases]), axis=0)
    shape = tuple(int(n) for n in np.median(shapes, axis=0))
    scan = resample_image(atlases[0].scan[None], shape)[0]
    return scan, tuple(float(e / n) for e, n in zip(extents, shape, strict=True))


def _mean_on(
    target: FloatArray,
    spacing: tuple[float, ...],
    atlases: Sequence[Atlas],
    settings: Registration,
    n_classes: int,
    least: int,
) -> tuple[FloatArray, FloatArray]:
    """Bring scans onto a target, and take the mean of those that reach each voxel."""

    def one(pair: Aligned) -> tuple[FloatArray, FloatArray]:
        classes = shares_of(pair.atlas.classes, n_classes)
        maps = np.concatenate([classes[1:], np.ones_like(classes[:1])])
        return carried_maps(target, spacing, pair, maps, settings)

    found = in_parallel(one, aligned(target, spacing, atlases, settings.metric))
    # Interpolated with what lies outside, the last voxel before an edge is not wholly a scan's.
    reaches = np.stack([maps[-1] > _INSIDE for _, maps in found])
    n_reaching = reaches.sum(axis=0)
    is_known, count = n_reaching >= least, np.maximum(n_reaching, 1)
    scan = np.sum([s * r for (s, _), r in zip(found, reaches, strict=True)], axis=0) / count
    structures = np.sum([m[:-1] * r for (_, m), r in zip(found, reaches, strict=True)], axis=0)
    dark = float(scan[is_known].min()) if is_known.any() else 0.0
    mean = np.where(is_known, scan, dark).astype(np.float32)
    shares = np.where(is_known, structures / count, 0.0).astype(np.float32)
    return mean, with_background(shares)


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
    # What is carried are its shares, not classes.
    atlas = Atlas(template.scan, template.spacing, np.zeros(template.scan.shape, np.uint8))
    (pair,) = aligned(target, spacing, [atlas], fitting.metric)
    return carried(target, spacing, pair, template.shares, fitting)[1]


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
        if not held or not others or not search.has_time():
            break
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
    tell_best(search, names, means[best], n_tried=len(means))
    return Fitted(best, float(means[best].mean()), seconds[best] / len(values[best]))
