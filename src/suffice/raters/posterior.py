"""The posterior of a consensus: a table for the vote patterns, spread over the voxels on demand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from suffice.raters.em import Evidence, SpatialEvidence
from suffice.raters.votes import BoolArray, FloatArray, Votes

Inside = tuple[slice, ...] | BoolArray
"""The voxels that count, as what indexes an array of the spatial shape."""


@dataclass(frozen=True, eq=False)
class Posterior:
    """Probability of each class in each voxel.

    Parameters
    ----------
    votes : Votes
    of_patterns : float array of shape (n_patterns, n_classes)
        For voxels inside, unless they have their own.
    inside : tuple of slice or bool array, optional
        Outside, the share of the votes stands. Everywhere, where not given.
    of_voxels : float32 array of shape (n_classes, n_voxels inside), optional
        Where voxels of one pattern differ.
    """

    votes: Votes
    of_patterns: FloatArray
    inside: Inside | None = None
    of_voxels: npt.NDArray[np.float32] | None = None

    @classmethod
    def of(cls, evidence: Evidence, confusion: FloatArray, inside: Inside | None) -> Posterior:
        """Work out the posterior of one case from the raters' confusions."""
        votes = evidence.votes
        counted = evidence.counts[:, None] > 0
        if isinstance(evidence, SpatialEvidence):
            if inside is None and not counted.all():
                inside = votes.spread(counted[:, 0])
            voxels = evidence.posterior_of_voxels(confusion)
            return cls(votes, votes.shares, inside, voxels)
        return cls(votes, np.where(counted, evidence.posterior(confusion), votes.shares), inside)

    def of_class(self, number: int) -> npt.NDArray[np.float32]:
        """Probability of one class, in the spatial shape."""
        column = self.votes.spread(self.of_patterns[:, number].astype(np.float32))
        if self.inside is None and self.of_voxels is None:
            return column
        index = ... if self.inside is None else self.inside
        whole = self.votes.spread(self.votes.shares[:, number].astype(np.float32))
        if self.of_voxels is None:
            whole[index] = column[index]
        else:
            whole[index] = self.of_voxels[number].reshape(whole[index].shape)
        return whole

    def labels(self) -> npt.NDArray[np.uint16]:
        """Label value of the likeliest class of each voxel; the lowest of those that tie."""
        if self.inside is None and self.of_voxels is None:
            return self.votes.labels(self.of_patterns.argmax(axis=1))
        best = self.of_class(0)
        labels = np.zeros_like(best, dtype=np.uint16)
        for number, value in enumerate(self.votes.values[1:], start=1):
            other = self.of_class(number)
            labels[other > best] = value
            np.maximum(best, other, out=best)
        return labels
