"""Whether the course of a tube is whole: clDice."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from suffice.metrics.thinning import centreline

BoolArray = npt.NDArray[np.bool_]


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

    Notes
    -----
    The authors' code takes its centrelines from scikit-image, which loses vessels with an even
    number of voxels across in volumes; ours keeps them, and differs by a voxel or two at the ends.

    References
    ----------
    .. [1] Shit et al., CVPR 2021, https://doi.org/10.1109/CVPR46437.2021.01629

    Examples
    --------
    >>> tube = np.zeros((9, 30), dtype=bool)
    >>> tube[3:6, 2:28] = True
    >>> broken, thin = tube.copy(), np.zeros_like(tube)
    >>> broken[:, 14:20], thin[4, 2:28] = False, True
    >>> round(cl_dice(broken, tube), 2), cl_dice(thin, tube)
    (0.86, 1.0)
    """
    if not (predicted.any() and reference.any()):
        return 0.0 if predicted.any() or reference.any() else float("nan")
    predicted_line, reference_line = centreline(predicted), centreline(reference)
    precision = np.count_nonzero(predicted_line & reference) / np.count_nonzero(predicted_line)
    sensitivity = np.count_nonzero(reference_line & predicted) / np.count_nonzero(reference_line)
    total = precision + sensitivity
    return float(2 * precision * sensitivity / total) if total else 0.0
