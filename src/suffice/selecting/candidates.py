"""What a strategy knows of the units that may be labelled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from suffice.core import UsageError

FloatArray = npt.NDArray[np.float64]

_TINY = 1e-12


@dataclass(frozen=True, eq=False, kw_only=True)
class Facts:
    """What a model makes of one unit.

    Parameters
    ----------
    entropy : float
        Of the classes, mean over voxels weighted by how likely each is no background, 0 to 1; of
        a part of a scan the plain mean.
    margin : float
        How far the second class is behind the first, 0 to 1, averaged likewise.
    shares : float array of shape (K - 1,)
        Part of the unit that each structure is expected to fill.
    doubts : float array of shape (K - 1,)
        Entropy averaged over where each structure is expected; of a part of a scan summed there,
        over its voxels.
    residuals : float array of shape (2 K,)
        Probability of each class less what the mask says, averaged over the unit: first where the
        mask says this class (0 or less), then where it says another (0 or more).
    """

    entropy: float
    margin: float
    shares: FloatArray
    doubts: FloatArray
    residuals: FloatArray


def facts_of(probabilities: npt.NDArray[Any], *, is_part: bool = False) -> Facts:
    """Sum up the probabilities of a unit.

    Parameters
    ----------
    probabilities : float array of shape (K, *spatial)
        The background first.
    is_part : bool
        Whether it is a slice or a patch. A part that holds next to nothing, doubtful though it
        be, is not worth labelling, so that doubt is then counted over all of the part.
    """
    shares = np.clip(probabilities.reshape(len(probabilities), -1).astype(np.float32), 0.0, 1.0)
    shares /= np.maximum(shares.sum(axis=0), _TINY)
    n_classes, n_voxels = shares.shape
    logs = np.log(np.maximum(shares, _TINY))
    entropy = -(shares * logs).sum(axis=0, dtype=np.float64) / np.log(n_classes)
    top = np.partition(shares, n_classes - 2, axis=0)[-2:]
    margin = (top[1] - top[0]).astype(np.float64)
    drawn = shares.argmax(axis=0)
    residuals = np.empty((2, n_classes))
    for k, share in enumerate(shares):
        is_it = drawn == k
        residuals[0, k] = (share[is_it] - 1.0).sum(dtype=np.float64) / n_voxels
        residuals[1, k] = share[~is_it].sum(dtype=np.float64) / n_voxels
    weights = np.asarray(shares[1:], dtype=np.float64)
    expected = weights.sum(axis=1)
    foreground = weights.sum(axis=0)
    per_class = expected
    if is_part:
        foreground, per_class = np.ones(n_voxels), np.full(len(expected), float(n_voxels))
    total = max(float(foreground.sum()), _TINY)
    return Facts(
        entropy=float((foreground * entropy).sum() / total),
        margin=float((foreground * margin).sum() / total),
        shares=expected / n_voxels,
        doubts=(weights * entropy).sum(axis=1) / np.maximum(per_class, _TINY),
        residuals=residuals.ravel(),
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class Candidates:
    """Units that may be labelled next, and the features of those that are.

    Parameters
    ----------
    names : tuple of str of length n
        Unique.
    subjects : tuple of str of length n
    structures : tuple of str of length K - 1
    features : float array of shape (n, D)
        Any unit of any of them; strategies see them standardised.
    known : float array of shape (m, D)
        Of what is labelled.
    known_subjects : tuple of str
        A subject for each case that is labelled.
    entropy, margin : float array of shape (n,)
    shares, doubts : float array of shape (n, K - 1)
    residuals : float array of shape (n, 2 K)
        See `Facts`.

    Raises
    ------
    UsageError
        If the lengths differ or names are not unique.
    """

    names: tuple[str, ...]
    subjects: tuple[str, ...]
    structures: tuple[str, ...]
    features: FloatArray
    known: FloatArray
    known_subjects: tuple[str, ...]
    entropy: FloatArray
    margin: FloatArray
    shares: FloatArray
    doubts: FloatArray
    residuals: FloatArray

    def __post_init__(self) -> None:
        lengths = {len(getattr(self, name)) for name in _ROWS}
        if lengths != {len(self.names)} or len(set(self.names)) != len(self.names):
            raise UsageError(
                "Each candidate needs a name of its own and all its facts",
                got=f"{len(set(self.names))} names, facts of {sorted(lengths)}",
            )

    def __len__(self) -> int:
        return len(self.names)

    @classmethod
    def of(
        cls,
        units: Sequence[tuple[str, str]],
        facts: Sequence[Facts],
        features: Sequence[FloatArray],
        *,
        known: Sequence[FloatArray],
        known_subjects: Sequence[str],
        structures: Sequence[str],
    ) -> Self:
        """Gather the facts of units, given as names and subjects."""
        width = len((*features, *known)[0]) if features or known else 0
        n = len(structures)

        def table(rows: Sequence[Any], width: int) -> FloatArray:
            return np.asarray([*rows], dtype=np.float64).reshape(len(rows), width)

        return cls(
            names=tuple(name for name, _ in units),
            subjects=tuple(subject for _, subject in units),
            structures=tuple(structures),
            features=table(features, width),
            known=table(known, width),
            known_subjects=tuple(known_subjects),
            entropy=np.asarray([one.entropy for one in facts], dtype=np.float64),
            margin=np.asarray([one.margin for one in facts], dtype=np.float64),
            shares=table([one.shares for one in facts], n),
            doubts=table([one.doubts for one in facts], n),
            residuals=table([one.residuals for one in facts], 2 * (n + 1)),
        )

    def taken(self, order: Sequence[int] | npt.NDArray[np.intp]) -> Self:
        """Return the candidates of these numbers, in this order."""
        index = np.asarray(order, dtype=np.intp)
        values: dict[str, Any] = {one.name: getattr(self, one.name) for one in fields(self)}
        for name in _ROWS:
            old = values[name]
            values[name] = tuple(old[i] for i in index) if isinstance(old, tuple) else old[index]
        return type(self)(**values)

    def standardised(self) -> Self:
        """Scale features to mean 0 and spread 1 over all units, and distances by their number.

        Features that hardly vary are left out: they would be noise.
        """
        everything = np.concatenate([self.known, self.features])
        values: dict[str, Any] = {one.name: getattr(self, one.name) for one in fields(self)}
        if len(everything):
            middle, spread = everything.mean(axis=0), everything.std(axis=0)
            varied = spread > 1e-6 * np.maximum(np.abs(middle), _TINY)
            scaled = (everything - middle)[:, varied] / spread[varied]
            # A width of one at least: where nothing varies, all are equally far from each other.
            scaled = scaled / np.sqrt(varied.sum()) if varied.any() else 0.0 * everything[:, :1]
            values |= {"known": scaled[: len(self.known)], "features": scaled[len(self.known) :]}
        return type(self)(**values)

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Give everything as arrays, for `numpy.savez`."""
        return {one.name: np.asarray(getattr(self, one.name)) for one in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """Take what `to_arrays` gave."""
        values: dict[str, Any] = {one.name: arrays[one.name] for one in fields(cls)}
        for name in ("names", "subjects", "structures", "known_subjects"):
            values[name] = tuple(str(text) for text in values[name])
        return cls(**values)


_ROWS = (
    "names",
    "subjects",
    "features",
    "entropy",
    "margin",
    "shares",
    "doubts",
    "residuals",
)
