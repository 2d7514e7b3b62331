"""Calibration: whether 80 % sure means right in 80 % of the voxels. In bounded memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from suffice.core import GeometryError, LabelError, UsageError
from suffice.metrics.reliability import (
    N_CELLS,
    FloatArray,
    ReliabilityCurve,
    add_to_cells,
    curve_of,
)

_CHUNK_VOXELS = 1 << 19
_SUM_TOLERANCE = 1e-2


@dataclass(frozen=True, eq=False)
class CalibrationCounts:
    """Sums over voxels that every calibration metric follows from; sums pool cases.

    They take the same memory however many voxels went in: the probabilities are counted in
    25,200 cells.

    Parameters
    ----------
    top : float array of shape (3, 25200)
        Number, sum of confidences and number right, by the confidence of the likeliest class.
    by_class : float array of shape (C, 3, 25200)
        The same of each class by its own probability; of a binary structure the structure alone.
    n_voxels : int
        How many went in.
    squared_error, log_loss : float
        Sums over voxels.
    clip : float
        Least probability of the right class in the log loss.

    Notes
    -----
    In a scan nearly all voxels are background that any model is sure of, so that errors over
    the whole scan are near 0 and say little. Count a band around the structures instead:
    ``within=near_structures(...)``.

    Examples
    --------
    >>> counts = CalibrationCounts.of(np.array([0.8, 0.8, 0.6, 0.1]), np.array([1, 1, 0, 0]))
    >>> round(counts.brier(), 4), round(counts.expected_error(n_bins=10), 3)
    (0.1125, 0.275)
    """

    top: FloatArray
    by_class: FloatArray
    n_voxels: int
    squared_error: float
    log_loss: float
    clip: float

    @classmethod
    def of(
        cls,
        probabilities: npt.NDArray[np.floating[Any]],
        labels: npt.NDArray[Any],
        *,
        within: npt.NDArray[np.bool_] | None = None,
        clip: float = 1e-7,
    ) -> CalibrationCounts:
        """Count the voxels of one case.

        Parameters
        ----------
        probabilities : float array of shape (*spatial) or (C, *spatial)
            Of the structure, or of each of C classes, background included.
        labels : bool or integer array of shape (*spatial)
            Whether the structure is there (0 or 1), or the class, 0 to C - 1.
        within : bool array of shape (*spatial), optional
            Voxels to count; all by default.
        clip : float
            The log loss takes this for smaller probabilities of the right class, as it would
            be infinite where a model is wrong and quite sure.

        Raises
        ------
        GeometryError, LabelError, UsageError
            If shapes do not fit, labels are no classes, or probabilities are none.
        """
        is_binary = probabilities.ndim == labels.ndim
        classes = probabilities[None] if is_binary else probabilities
        _check(classes, labels, within, is_binary, clip)
        n_classes = len(classes)
        top, by_class = np.zeros((3, N_CELLS)), np.zeros((n_classes, 3, N_CELLS))
        flat, known = classes.reshape(n_classes, -1), labels.ravel()
        chosen = None if within is None else within.ravel()
        n_voxels, squared_error, log_loss = 0, 0.0, 0.0
        for start in range(0, known.size, _CHUNK_VOXELS):
            part = slice(start, start + _CHUNK_VOXELS)
            keep = slice(None) if chosen is None else chosen[part]
            p = flat[:, part][:, keep].astype(np.float64)
            is_right = _one_hot(known[part][keep], n_classes, is_binary)
            _check_probabilities(p, is_binary)
            add_to_cells(top, *_likeliest(p, is_right, is_binary))
            for cells, values, right in zip(by_class, p, is_right, strict=True):
                add_to_cells(cells, values, right)
            of_right = np.where(is_right, p, 1 - p)[0] if is_binary else (p * is_right).sum(axis=0)
            n_voxels += p.shape[1]
            squared_error += float(np.square(p - is_right).sum())
            log_loss -= float(np.log(np.maximum(of_right, clip)).sum())
        return cls(top, by_class, n_voxels, squared_error, log_loss, clip)

    def __add__(self, other: CalibrationCounts) -> CalibrationCounts:
        if self.by_class.shape != other.by_class.shape or self.clip != other.clip:
            raise UsageError(
                "Calibration counts of different kinds cannot be added",
                got=f"{len(other.by_class)} classes, clip {other.clip}",
                expected=f"{len(self.by_class)} classes, clip {self.clip}",
            )
        return CalibrationCounts(
            self.top + other.top,
            self.by_class + other.by_class,
            self.n_voxels + other.n_voxels,
            self.squared_error + other.squared_error,
            self.log_loss + other.log_loss,
            self.clip,
        )

    def brier(self) -> float:
        """Mean squared error of the probabilities, lower is better; NaN without a voxel.

        Of a binary structure the error of its own probability, 0 to 1; of several classes the
        sum over them, 0 to 2, as Brier defined it. Two classes so give twice the binary value.
        """
        return _mean(self.squared_error, self.n_voxels)

    def negative_log_likelihood(self) -> float:
        """Mean log loss in nats, of probabilities of at least ``clip``; NaN without a voxel."""
        return _mean(self.log_loss, self.n_voxels)

    def reliability_curve(
        self, n_bins: int = 15, *, class_index: int | None = None, adaptive: bool = False
    ) -> ReliabilityCurve:
        """Confidence against accuracy in bins.

        Parameters
        ----------
        n_bins : int
            A divisor of 25,200, e.g. 10, 15, 20, 25, 50 or 100.
        class_index : int, optional
            Regard this class's probability against how often it is there; 0 is the structure
            of binary counts. By default the likeliest class's against how often it is right.
        adaptive : bool
            Bins of equal number of voxels rather than equal width. Equal probabilities stay
            together (to 1 in 25,200), so bins may differ in number, or be empty.
        """
        cells = self.top if class_index is None else self.by_class[class_index]
        return curve_of(cells, n_bins, adaptive=adaptive)

    def expected_error(self, n_bins: int = 15, *, adaptive: bool = False) -> float:
        """Expected calibration error (ECE) of the likeliest class.

        References
        ----------
        .. [1] Guo et al., ICML 2017, https://arxiv.org/abs/1706.04599
        .. [2] Nixon et al., 2019 (adaptive bins), https://arxiv.org/abs/1904.01685
        """
        return self.reliability_curve(n_bins, adaptive=adaptive).error

    def classwise_error(self, n_bins: int = 15, *, adaptive: bool = False) -> float:
        """Mean over classes of the ECE of each class's own probability (classwise ECE).

        Of a binary structure the error of its own probability.

        References
        ----------
        .. [1] Kull et al., NeurIPS 2019, https://arxiv.org/abs/1910.12656
        """
        errors = [
            self.reliability_curve(n_bins, class_index=i, adaptive=adaptive).error
            for i in range(len(self.by_class))
        ]
        return float(np.mean(errors))


def _mean(total: float, n: int) -> float:
    return total / n if n else float("nan")


def _check(
    classes: npt.NDArray[Any],
    labels: npt.NDArray[Any],
    within: npt.NDArray[np.bool_] | None,
    is_binary: bool,
    clip: float,
) -> None:
    for name, shape in (
        ("probabilities", classes.shape[1:]),
        ("voxels to count", labels.shape if within is None else within.shape),
    ):
        if shape != labels.shape:
            raise GeometryError(
                f"The {name} do not fit the labels", got=shape, expected=labels.shape
            )
    n_classes = 2 if is_binary else len(classes)
    if labels.dtype.kind not in "iub" or (
        labels.size and (labels.min() < 0 or labels.max() >= n_classes)
    ):
        raise LabelError(
            "The labels must be classes", got=labels.dtype, expected=f"0 to {n_classes - 1}"
        )
    if not 0 < clip < 1:
        raise UsageError("The least probability must lie between 0 and 1", got=clip)


def _check_probabilities(p: FloatArray, is_binary: bool) -> None:
    # Negated, so that what is not a number fails too.
    if not ((p >= 0) & (p <= 1 + _SUM_TOLERANCE)).all():
        raise UsageError("Probabilities must lie between 0 and 1", got=f"{p.min()} to {p.max()}")
    if not is_binary and p.size and np.abs(p.sum(axis=0) - 1).max() > _SUM_TOLERANCE:
        raise UsageError(
            "The probabilities of the classes must add up to 1",
            got=p.sum(axis=0)[np.abs(p.sum(axis=0) - 1).argmax()],
            cure="Include the background.",
        )


def _one_hot(labels: npt.NDArray[Any], n_classes: int, is_binary: bool) -> npt.NDArray[np.bool_]:
    if is_binary:
        return np.asarray(labels[None] > 0)
    return np.asarray(labels[None] == np.arange(n_classes)[:, None])


def _likeliest(
    p: FloatArray, is_right: npt.NDArray[np.bool_], is_binary: bool
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Confidence of the likeliest class and whether it is the right one; ties go to the first."""
    if is_binary:
        says_yes = p[0] > 0.5
        return np.where(says_yes, p[0], 1 - p[0]), says_yes == is_right[0]
    best = p.argmax(axis=0)[None]
    return np.take_along_axis(p, best, 0)[0], np.take_along_axis(is_right, best, 0)[0]
