from __future__ import annotations

import numpy as np
import pytest

from suffice.segmenters.label_fusion import FUSIONS, fuse

RNG = np.random.default_rng(0)


def one_hot(mask: np.ndarray) -> np.ndarray:
    return np.stack([~mask, mask]).astype(np.float32)


def test_fused_probabilities_add_up_to_one() -> None:
    scans = RNG.normal(size=(4, 12, 14)).astype(np.float32)
    shares = [one_hot(RNG.random((12, 14)) < 0.5) for _ in range(3)]
    for found in fuse(scans[0], list(scans[1:]), shares).values():
        assert found.min() >= 0
        np.testing.assert_allclose(found.sum(axis=0), 1, atol=1e-5)


def test_atlases_that_agree_decide() -> None:
    scans = RNG.normal(size=(3, 9, 9)).astype(np.float32)
    mask = RNG.random((9, 9)) < 0.5
    for found in fuse(scans[0], list(scans[1:]), [one_hot(mask)] * 2).values():
        np.testing.assert_array_equal(found[1] > 0.5, mask)


def test_copies_that_are_wrong_together_lose_jointly_to_one_that_is_right() -> None:
    target = RNG.normal(size=(15, 15)).astype(np.float32)
    right = target + 0.6 * RNG.normal(size=(15, 15)).astype(np.float32)
    wrong = target + 0.9 * RNG.normal(size=(15, 15)).astype(np.float32)
    full, empty = np.ones((15, 15), bool), np.zeros((15, 15), bool)
    found = fuse(target, [right, wrong, wrong, wrong], [one_hot(full), *[one_hot(empty)] * 3])
    assert found["majority"][1].max() < 0.5
    assert found["joint"][1].mean() > found["local"][1].mean() > found["majority"][1].mean()


@pytest.mark.parametrize("method", FUSIONS)
def test_one_atlas_is_taken_as_it_is(method: str) -> None:
    scan, share = np.zeros((5, 5, 5), np.float32), one_hot(np.eye(5) > 0)[:, None].repeat(5, 1)
    found = fuse(scan, [scan], [share], [method])[method]  # type: ignore[list-item,index]
    np.testing.assert_array_equal(found, share)
