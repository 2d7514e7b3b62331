"""Test-time augmentation: a scan seen several times, a little changed each, and averaged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from suffice.core import Grid, Image, LabelMap, Listener, Progress, UsageError, silent
from suffice.quality import changed_image
from suffice.segmenters.protocol import Prediction, Segmenter
from suffice.training.memory import naming_full_memory
from suffice.training.resampling import resample_image

# Exponent of brightness and size against the scan as it is, the most telling first.
VIEWS = (
    (1.0, 1.0),
    (0.7, 1.0),
    (1.4, 1.0),
    (1.0, 1.1),
    (1.0, 0.9),
    (0.85, 1.05),
    (1.2, 0.95),
    (0.55, 1.0),
)
# Shorter axes are not scaled: a voxel more is no small change to them.
_SHORTEST = 16


def predict_views(
    segmenter: Segmenter,
    image: Image,
    n_views: int,
    *,
    mirror: bool = False,
    keep_probabilities: bool = False,
    listener: Listener = silent,
) -> Prediction:
    """Segment an image as it is, brighter, darker, larger and smaller, and average.

    Parameters
    ----------
    segmenter : Segmenter
    image : Image
    n_views : int
        The first is the image as it is; one changes nothing. The time that a scan takes grows
        with them.
    mirror : bool
        Average over the mirrored images of each view as well, where mirroring was trained.
    keep_probabilities : bool
        Return the averaged probabilities, too.
    listener : callable

    Raises
    ------
    UsageError
        If so many views cannot be had, or the model tells objects apart, which have no mean.
    ModelError
        If the image does not fit the model.

    Notes
    -----
    Probabilities of all classes are held in memory twice in single precision.
    """
    require_views(n_views)
    if n_views == 1:
        return segmenter.predict(
            image, mirror=mirror, keep_probabilities=keep_probabilities, listener=listener
        )
    total: npt.NDArray[np.float32] | None = None
    with naming_full_memory("several views of this scan", cure="Predict it without --views."):
        for done, (power, scale) in enumerate(VIEWS[:n_views]):
            view = scaled(_bent(image, power), scale)
            found = segmenter.predict(
                view,
                mirror=mirror,
                keep_probabilities=True,
                listener=_within(listener, done, n_views),
            )
            if found.instances is not None:
                raise UsageError(
                    "Views of single objects cannot be averaged", cure="Leave --views out."
                )
            if found.probabilities is None:
                raise UsageError("The model gives no probabilities", cure="Leave --views out.")
            shares = resample_image(found.probabilities, image.grid.shape)
            total = shares if total is None else np.add(total, shares, out=total)
        mean = np.asarray(total) / np.float32(n_views)
        labels = segmenter.legend_.from_classes(mean.argmax(axis=0).astype(np.uint8))
    return Prediction(
        LabelMap(labels, image.grid, segmenter.legend_),
        mean.astype(np.float16) if keep_probabilities else None,
    )


def require_views(n_views: int) -> int:
    """Return a number of views, or raise a `UsageError` if it cannot be had."""
    if not 1 <= n_views <= len(VIEWS):
        raise UsageError(
            "So many views of a scan cannot be had", got=n_views, expected=f"1 to {len(VIEWS)}"
        )
    return n_views


def scaled(image: Image, scale: float) -> Image:
    """Show an image larger or smaller: more or fewer voxels of the same size.

    Examples
    --------
    >>> scaled(Image(np.zeros((1, 40, 10)), Grid((40, 10))), 1.1).grid.shape
    (44, 10)
    """
    shape = _scaled_shape(image.grid.shape, scale)
    if shape == image.grid.shape:
        return image
    grid = Grid(shape, image.grid.affine, image.grid.pixel_spacing_mm)
    return replace(image, array=resample_image(image.array, shape), grid=grid)


def _scaled_shape(shape: Sequence[int], scale: float) -> tuple[int, ...]:
    return tuple(n if n < _SHORTEST else round(scale * n) for n in shape)


def _within(listener: Listener, done: int, n_views: int) -> Listener:
    """Make the progress within one view a part of the whole."""

    def listen(progress: Progress) -> None:
        listener(replace(progress, fraction=(done + progress.fraction) / n_views))

    return listen


def _bent(image: Image, power: float) -> Image:
    # No noise is added, so that the generator is never asked.
    return image if power == 1 else changed_image(image, power, 0.0, np.random.default_rng(0))
