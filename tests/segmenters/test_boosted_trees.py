from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from suffice.segmenters.boosted_trees import BoostedTrees


def rows(n: int, n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, 6)).astype(np.float32)
    # Repeated values make thresholds that lie on features.
    x[:, 2] = np.round(x[:, 2])
    y = np.digitize(x[:, 0] * x[:, 1] + x[:, 2], np.linspace(-1, 1, n_classes - 1))
    return x, y.astype(np.uint8)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_probabilities_are_those_of_scikit_learn(n_classes: int) -> None:
    x, y = rows(3000, n_classes)
    model = HistGradientBoostingClassifier(max_iter=20, random_state=0).fit(x[:2000], y[:2000])
    ours = BoostedTrees.of(model).probabilities(np.ascontiguousarray(x.T), n_classes)
    np.testing.assert_allclose(ours.T, model.predict_proba(x), atol=1e-5)


def test_a_class_never_seen_has_no_probability() -> None:
    x, y = rows(600, 2)
    trees = BoostedTrees.grow(x, 2 * y, seed=0, n_rounds=5)
    shares = trees.probabilities(np.ascontiguousarray(x.T), 4)
    assert not shares[[1, 3]].any()
    np.testing.assert_allclose(shares.sum(0), 1, atol=1e-6)


def test_taken_apart_and_put_together_they_say_the_same() -> None:
    x, y = rows(600, 3)
    trees = BoostedTrees.grow(x, y, seed=0, n_rounds=5)
    again = BoostedTrees.from_arrays(trees.arrays())
    columns = np.ascontiguousarray(x.T)
    assert (again.probabilities(columns, 3) == trees.probabilities(columns, 3)).all()


def test_a_node_that_leads_nowhere_is_refused() -> None:
    x, y = rows(600, 3)
    arrays = BoostedTrees.grow(x, y, seed=0, n_rounds=2).arrays()
    with pytest.raises(ValueError, match="leads nowhere"):
        BoostedTrees.from_arrays({**arrays, "left": arrays["left"] + 10_000})
