"""Boosted trees as arrays: grown by scikit-learn, kept and followed without it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int32]

# Rows whose features stay in the cache of a core.
_CHUNK = 8192
_SETTINGS = {
    "max_leaf_nodes": 15,
    "max_depth": 8,
    "max_features": 0.3,
    "early_stopping": False,
}


@dataclass(frozen=True, eq=False, kw_only=True)
class BoostedTrees:
    """Trees whose leaves are added up to a score for each class; all nodes in one row.

    Parameters
    ----------
    feature : int32 array of shape (n_nodes,)
        Whose value decides; in a leaf 0.
    threshold : float32 array of shape (n_nodes,)
        Up to which it goes left.
    left, right : int32 arrays of shape (n_nodes,)
        The next node; a leaf leads to itself.
    value : float32 array of shape (n_nodes,)
        Of leaves.
    roots : int32 array of shape (n_rounds, n_scores)
    depths : int32 array of shape (n_rounds, n_scores)
        Steps from a root to its deepest leaf.
    baseline : float32 array of shape (n_scores,)
        One score where there are two classes: that of the second.
    classes : int32 array of shape (n_classes_seen,)
    """

    feature: IntArray
    threshold: FloatArray
    left: IntArray
    right: IntArray
    value: FloatArray
    roots: IntArray
    depths: IntArray
    baseline: FloatArray
    classes: IntArray

    @classmethod
    def grow(
        cls, rows: FloatArray, classes: npt.NDArray[np.uint8], *, seed: int, n_rounds: int
    ) -> Self:
        """Learn classes from rows of features, shape (n_rows, n_features)."""
        from sklearn.ensemble import HistGradientBoostingClassifier
        from threadpoolctl import threadpool_limits

        model = HistGradientBoostingClassifier(max_iter=n_rounds, random_state=seed, **_SETTINGS)
        # So few rows are faster on one core; on a busy machine many threads wait for each other.
        with threadpool_limits(1, user_api="openmp"):
            return cls.of(model.fit(rows, classes))

    @classmethod
    def of(cls, model: Any) -> Self:
        """Take the trees out of a fitted ``HistGradientBoostingClassifier``."""
        # scikit-learn has no public way to them; a test compares its probabilities with ours.
        trees = [[predictor.nodes for predictor in row] for row in model._predictors]
        nodes = np.concatenate([tree for row in trees for tree in row])
        sizes = np.array([[len(tree) for tree in row] for row in trees])
        starts = (np.cumsum(sizes) - sizes.ravel()).astype(np.int32)
        offset = np.repeat(starts, sizes.ravel())
        is_leaf = nodes["is_leaf"].astype(bool)
        here = np.arange(len(nodes), dtype=np.int32)
        depths = [[int(tree["depth"].max()) for tree in row] for row in trees]
        return cls(
            feature=np.where(is_leaf, 0, nodes["feature_idx"]).astype(np.int32),
            threshold=_rounded_down(np.where(is_leaf, 0.0, nodes["num_threshold"])),
            left=np.where(is_leaf, here, nodes["left"] + offset).astype(np.int32),
            right=np.where(is_leaf, here, nodes["right"] + offset).astype(np.int32),
            value=nodes["value"].astype(np.float32),
            roots=starts.reshape(sizes.shape),
            depths=np.array(depths, np.int32),
            baseline=np.ravel(model._baseline_prediction).astype(np.float32),
            classes=model.classes_.astype(np.int32),
        )

    def probabilities(self, columns: FloatArray, n_classes: int) -> FloatArray:
        """Probability of each class, float32 of shape ``(n_classes, n_rows)``.

        Parameters
        ----------
        columns : float32 array of shape (n_features, n_rows)
        n_classes : int
            Those never seen have probability 0.
        """
        out = np.zeros((n_classes, columns.shape[1]), np.float32)
        for begin in range(0, columns.shape[1], _CHUNK):
            part = np.ascontiguousarray(columns[:, begin : begin + _CHUNK])
            out[self.classes, begin : begin + _CHUNK] = _softmax(self._scores(part))
        return out

    def _scores(self, columns: FloatArray) -> FloatArray:
        n_rows = columns.shape[1]
        flat, row = columns.ravel(), np.arange(n_rows)
        # A feature's place in the flat columns, looked up by node.
        start = self.feature.astype(np.intp) * n_rows
        scores = np.repeat(self.baseline[:, None], n_rows, axis=1)
        for roots, depths in zip(self.roots, self.depths, strict=True):
            for k, (root, depth) in enumerate(zip(roots, depths, strict=True)):
                node = np.full(n_rows, root, np.int32)
                for _ in range(depth):
                    goes_left = flat.take(start.take(node) + row) <= self.threshold.take(node)
                    node = np.where(goes_left, self.left.take(node), self.right.take(node))
                scores[k] += self.value.take(node)
        return scores

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The arrays by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """Put together what `arrays` took apart.

        Raises
        ------
        ValueError
            If a node leads out of the arrays, which damage would do.
        """
        trees = cls(**arrays)
        n = len(trees.feature)
        lengths = {len(a) for a in (trees.threshold, trees.left, trees.right, trees.value)}
        ends = [a for a in (trees.left, trees.right, trees.roots) if a.size]
        if lengths != {n} or any(a.min() < 0 or a.max() >= n for a in ends):
            raise ValueError("a node of a tree leads nowhere")
        return trees


def _rounded_down(threshold: npt.NDArray[np.float64]) -> FloatArray:
    """The largest single-precision numbers not above: features of that precision go as before."""
    single = threshold.astype(np.float32)
    return np.where(single > threshold, np.nextafter(single, np.float32(-np.inf)), single)


def _softmax(scores: FloatArray) -> FloatArray:
    if len(scores) == 1:
        scores = np.concatenate([np.zeros_like(scores), scores])
    shares = np.exp(scores - scores.max(axis=0))
    return np.asarray(shares / shares.sum(axis=0))
