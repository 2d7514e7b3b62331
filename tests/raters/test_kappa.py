import krippendorff
import numpy as np
import pytest

from suffice.core import UsageError
from suffice.raters import fleiss_kappa, krippendorff_alpha
from suffice.raters.votes import collect_votes


def by_pairs(voxels):
    """Fleiss' kappa from every pair of raters of every voxel, as first written down."""
    n_voxels, n_raters = voxels.shape
    agreed = np.mean(
        [voxels[:, i] == voxels[:, j] for i in range(n_raters) for j in range(n_raters) if i != j]
    )
    _, counts = np.unique(voxels, return_counts=True)
    chance = ((counts / (n_voxels * n_raters)) ** 2).sum()
    return (agreed - chance) / (1 - chance)


def test_fleiss_equals_pairs_of_raters_and_krippendorff(draw_raters):
    """Alpha is kappa but for the correction for few ratings."""
    for seed in range(200):
        masks = draw_raters(seed, n_classes=2 + seed % 4)
        votes = collect_votes(masks)
        ours = fleiss_kappa(votes.tallies, votes.counts)
        voxels = np.stack([mask.ravel() for mask in masks.values()], axis=1)
        assert ours == pytest.approx(by_pairs(voxels), abs=1e-9)
        alpha = krippendorff.alpha(voxels.T.astype(float), level_of_measurement="nominal")
        assert ours == pytest.approx(1 - (1 - alpha) * voxels.size / (voxels.size - 1), abs=1e-9)


def test_alpha_equals_krippendorff_with_raters_missing():
    rng = np.random.default_rng(0)
    n_compared = 0
    for number in range(220):
        n_classes = 2 + number % 4
        tallies = rng.multinomial(4, rng.dirichlet(np.ones(n_classes)), size=30)
        tallies[rng.random(tallies.shape) < 0.2] = 0
        counts = rng.integers(0, 5, 30)
        ours = krippendorff_alpha(tallies, counts)
        if np.isnan(ours):
            continue  # one class alone: the peer divides by zero
        n_compared += 1
        units = np.repeat(tallies, counts, axis=0)
        theirs = krippendorff.alpha(
            value_counts=units[units.sum(1) > 0], level_of_measurement="nominal"
        )
        assert ours == pytest.approx(theirs, abs=1e-9)
    assert n_compared >= 200


def test_perfect_and_undefined():
    assert fleiss_kappa([[3, 0], [0, 3]]) == 1 == krippendorff_alpha([[3, 0], [0, 2]])
    assert np.isnan(fleiss_kappa([[3, 0]])) and np.isnan(krippendorff_alpha([[3, 0]]))
    assert np.isnan(krippendorff_alpha([[1, 0], [0, 1]]))


@pytest.mark.parametrize(("tallies", "counts"), [([[3, 0], [1, 1]], None), ([[1, 0]], None)])
def test_fleiss_needs_the_same_raters_everywhere(tallies, counts):
    with pytest.raises(UsageError, match="same number of raters"):
        fleiss_kappa(tallies, counts)


def test_tables_that_do_not_fit():
    with pytest.raises(UsageError, match="one count"):
        fleiss_kappa([[3, 0]], [1, 2])
    with pytest.raises(UsageError, match="a row a kind"):
        krippendorff_alpha([1, 2])
