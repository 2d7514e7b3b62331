"""Whether the course of a tube is whole: clDice."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

BoolArray = npt.NDArray[np.bool_]


def centreline(mask: BoolArray) -> BoolArray:
    """Thin a structure to lines one voxel wide.

    Parameters
    ----------
    mask : bool array of shape (N0, N1) or (N0, N1, N2)

    Notes
    -----
    In two dimensions by Zhang and Suen, in three by Lee, Kashyap and Chu, as scikit-image has
    them. A row of background is laid around the mask first, so that tubes that leave the image
    are thinned as those that end in it.
    """
    from skimage.morphology import skeletonize  # half a second to import, and needed only here

    line = skeletonize(np.pad(mask, 1))  # type: ignore[no-untyped-call]
    return np.asarray(line[(slice(1, -1),) * mask.ndim], dtype=bool)


def cl_dice(predicted: BoolArray, reference: BoolArray) -> float:
    """Centreline Dice: the part of each centreline that lies within the other mask, balanced.

    Parameters
    ----------
    predicted, reference : bool array of shape (N0, N1) or (N0, N1, N2)

    Returns
    -------
    float
        The harmonic mean of the share of the predicted centreline within the reference
        (precision of the course) and of the reference's within the prediction (sensitivity); 0
        where one mask is empty, not a number where both are.

    References
    ----------
    .. [1] Shit et al., CVPR 2021, https://doi.org/10.1109/CVPR46437.2021.01629

    Examples
    --------
    >>> tube = np.zeros((9, 30), dtype=bool)
    >>> tube[3:6, 2:28] = True
    >>> broken, thin = tube.copy(), np.zeros_like(tube)
    >>> broken[:, 14:20], thin[4, 2:28] = False, True
    >>> round(cl_dice(broken, tube), 2), round(cl_dice(thin, tube), 2)
    (0.86, 0.98)
    """
    if not (predicted.any() and reference.any()):
        return 0.0 if predicted.any() or reference.any() else float("nan")
    predicted_line, reference_line = centreline(predicted), centreline(reference)
    precision = np.count_nonzero(predicted_line & reference) / np.count_nonzero(predicted_line)
    sensitivity = np.count_nonzero(reference_line & predicted) / np.count_nonzero(reference_line)
    total = precision + sensitivity
    return float(2 * precision * sensitivity / total) if total else 0.0
