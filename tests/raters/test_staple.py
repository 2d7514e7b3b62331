import numpy as np
import pytest
import SimpleITK as sitk

from suffice.core import GeometryError, Grid, UsageError
from suffice.metrics import Overlap
from suffice.phantoms import ball, chest_ct
from suffice.raters import majority, staple, staple_cohort


def itk_images(masks):
    return [sitk.GetImageFromArray(np.asarray(mask, np.uint8)) for mask in masks.values()]


def err(rng, truth, sensitivity, specificity):
    """A rater of known skill."""
    hit = rng.random(truth.shape)
    return np.where(truth, hit < sensitivity, hit >= specificity).astype(np.uint8)


def test_binary_equals_simpleitk(draw_raters):
    for seed in range(200):
        masks = draw_raters(seed)
        peer = sitk.STAPLEImageFilter()
        peer.SetForegroundValue(1)
        peer.SetMaximumIterations(1001)  # of which the first is but the start
        theirs = sitk.GetArrayFromImage(peer.Execute(itk_images(masks)))
        ours = staple(masks, (1,))
        np.testing.assert_allclose(ours.probability(1), theirs, atol=1e-6)
        np.testing.assert_allclose(ours.sensitivity[:, 0], peer.GetSensitivity(), atol=1e-9)
        np.testing.assert_allclose(ours.specificity[:, 0], peer.GetSpecificity(), atol=1e-9)
        assert ours.n_iterations == min(peer.GetElapsedIterations(), 1000)


def test_labels_equal_simpleitk_where_the_optimum_is_plain():
    """SimpleITK starts from the majority, we from the shares: few voxels lead elsewhere."""
    rng = np.random.default_rng(2)
    n_different = n_voxels = 0
    for number in range(200):
        shape = (30, 30) if number % 2 else (12, 10, 8)
        n_classes = 3 + number % 3
        truth = np.sort(rng.integers(0, n_classes, shape), axis=0)
        masks = {}
        for rater in range(5):
            wrong = rng.random(shape) < 0.02 * (rater + 1)
            masks[f"r{rater}"] = np.where(wrong, rng.integers(0, n_classes, shape), truth)
        theirs = sitk.GetArrayFromImage(sitk.MultiLabelSTAPLE(itk_images(masks)))
        ours = staple(masks, tuple(range(1, n_classes)))
        two = np.sort(ours.posterior, axis=0)[-2:]
        sure = two[1] - two[0] > 0.1
        n_different += int((ours.labels != theirs)[sure].sum())
        n_voxels += int(sure.sum())
    assert n_voxels > 150_000
    assert n_different < 1e-4 * n_voxels


def by_voxels(masks, n_classes, n_iterations):
    """STAPLE as in the paper, voxel by voxel, with no thought for speed."""
    drawn = np.stack([mask.ravel() for mask in masks.values()])
    weights = np.stack([(drawn == k).mean(0) for k in range(n_classes)])
    prior = weights.mean(1)
    confusions = None
    for step in range(n_iterations + 1):
        if step:
            weights = np.tile(prior[:, None], drawn.shape[1])
            for votes, confusion in zip(drawn, confusions, strict=True):
                weights *= confusion[:, votes]
            weights /= weights.sum(0)
        confusions = [
            np.stack([(weights * (v == k)).sum(1) for k in range(n_classes)], 1)
            / weights.sum(1)[:, None]
            for v in drawn
        ]
    return np.array(confusions)


def test_confusions_equal_those_found_voxel_by_voxel(draw_raters):
    for seed in range(200):
        masks = draw_raters(seed, n_classes=2 + seed % 4, n_raters=4)
        ours = staple(masks, tuple(range(1, 2 + seed % 4)), max_iterations=8)
        theirs = by_voxels(masks, 2 + seed % 4, ours.n_iterations)
        np.testing.assert_allclose(ours.confusion, theirs, atol=1e-9)


def test_two_structures_apart_are_two_binary_problems(draw_raters):
    """A third class that nobody drew changes nothing."""
    for seed in range(20):
        masks = draw_raters(5 * seed)
        two, three = staple(masks, (1,)), staple(masks, (1, 2))
        np.testing.assert_allclose(two.posterior, three.posterior[:2], atol=1e-6)
        assert np.isnan(three.sensitivity[:, 1]).all()


@pytest.mark.parametrize("where", ["ball", "lungs"])
def test_finds_the_skill_of_simulated_raters(where):
    rng = np.random.default_rng(3)
    if where == "ball":
        truth = ball(16.0, Grid.from_spacing((44, 44, 44), (1, 1, 1))).truth.array > 0
    else:
        truth = chest_ct(np.random.default_rng(1), spacing_mm=(6, 6, 8)).truth.array > 0
    skills = [(0.95, 0.99), (0.9, 0.97), (0.85, 0.99), (0.8, 0.95), (0.97, 0.9)]
    masks = {f"r{i}": err(rng, truth, *skill) for i, skill in enumerate(skills)}
    found = staple(masks, (1,))
    np.testing.assert_allclose(found.sensitivity[:, 0], [s for s, _ in skills], atol=0.01)
    np.testing.assert_allclose(found.specificity[:, 0], [s for _, s in skills], atol=0.01)
    best = max(Overlap.of(mask > 0, truth).dice for mask in masks.values())
    assert Overlap.of(found.labels > 0, truth).dice >= best
    assert found.converged and found.n_iterations < 100


def test_confusions_of_simulated_raters():
    rng = np.random.default_rng(4)
    truth = np.zeros((60, 60, 20), np.uint8)
    truth[10:40, 10:40], truth[40:55, 20:50] = 1, 2
    chance = np.array([[0.97, 0.02, 0.01], [0.1, 0.85, 0.05], [0.05, 0.15, 0.8]])
    drawn = {
        f"r{i}": (rng.random((*truth.shape, 1)) > chance[truth].cumsum(-1)).sum(-1)
        for i in range(5)
    }
    found = staple(drawn, (1, 2))
    np.testing.assert_allclose(found.confusion, np.stack([chance] * 5), atol=0.015)
    assert (found.labels == truth).mean() > 0.99
    assert (majority(drawn, (1, 2)) == truth).mean() < (found.labels == truth).mean()


def test_a_prior_that_is_the_same_everywhere_is_no_other(draw_raters):
    for seed in range(12):
        masks = draw_raters(5 * seed, n_classes=3)
        shape = masks["rater0"].shape
        plain = staple(masks, (1, 2))
        spatial = np.broadcast_to(plain.prior.reshape(3, *[1] * len(shape)), (3, *shape))
        for prior in (plain.prior, spatial):
            found = staple(masks, (1, 2), prior=prior)
            np.testing.assert_allclose(found.posterior, plain.posterior, atol=1e-5)
            np.testing.assert_array_equal(found.labels, plain.labels)


def test_a_spatial_prior_mends_what_the_raters_leave_open():
    rng = np.random.default_rng(5)
    truth = np.zeros((40, 40), bool)
    truth[10:30, 10:30] = True
    masks = {f"r{i}": err(rng, truth, 0.7, 0.7) for i in range(3)}
    inside = np.where(truth, 0.9, 0.1)
    plain = staple(masks, (1,)).labels > 0
    guided = staple(masks, (1,), prior=np.stack([1 - inside, inside])).labels > 0
    assert Overlap.of(guided, truth).dice > Overlap.of(plain, truth).dice + 0.05


@pytest.mark.parametrize("region", ["box", "disagreement", "given"])
def test_voxels_outside_the_region_keep_their_share_of_votes(draw_raters, region):
    for seed in range(12):
        masks = {name: np.pad(mask, 3) for name, mask in draw_raters(5 * seed).items()}
        shares = np.mean(list(masks.values()), axis=0)
        outside = {"box": np.ones(shares.shape, bool), "disagreement": (shares % 1) == 0}.get(
            region
        )
        if region == "box":
            drawn = np.argwhere(shares > 0)
            extent = drawn.min(0), drawn.max(0)
            outside[tuple(slice(a, b + 1) for a, b in zip(*extent, strict=True))] = False
        given = region
        if region == "given":
            given = np.random.default_rng(seed).random(shares.shape) < 0.7
            outside = ~given
        found = staple(masks, (1,), region=given)
        np.testing.assert_allclose(found.posterior[1][outside], shares[outside], atol=1e-6)
        # The same as if nothing else had been in view.
        alone = staple({name: mask[~outside][None] for name, mask in masks.items()}, (1,))
        np.testing.assert_allclose(found.posterior[:, ~outside], alone.posterior[:, 0], atol=1e-6)
        np.testing.assert_allclose(found.sensitivity, alone.sensitivity, atol=1e-9)
        flat = np.broadcast_to(found.prior.reshape(2, *[1] * shares.ndim), (2, *shares.shape))
        spatial = staple(masks, (1,), region=given, prior=flat)
        np.testing.assert_allclose(spatial.posterior, found.posterior, atol=1e-5)
        np.testing.assert_array_equal(spatial.labels, found.labels)


def test_a_cohort_shares_what_it_knows_of_raters():
    rng = np.random.default_rng(6)
    skills = {"anna": (0.95, 0.99), "ben": (0.8, 0.97), "cleo": (0.9, 0.9)}
    cases = {}
    for number in range(6):
        truth = np.zeros((30, 30 + number), bool)
        truth[5 : 12 + number, 8:20] = True
        # ben is missing in one case, anna in another
        there = [n for n in skills if (n, number) not in {("ben", 1), ("anna", 2)}]
        cases[f"c{number}"] = {name: err(rng, truth, *skills[name]) for name in there}
    found = staple_cohort(cases.items(), (1,))
    assert found["c1"].raters == ("anna", "cleo")
    for result in found.values():
        for rater, sensitivity, specificity in zip(
            result.raters, result.sensitivity[:, 0], result.specificity[:, 0], strict=True
        ):
            assert sensitivity == pytest.approx(skills[rater][0], abs=0.05)
            assert specificity == pytest.approx(skills[rater][1], abs=0.02)
    alone = staple(cases["c0"], (1,))
    np.testing.assert_array_equal(
        staple_cohort([("c0", cases["c0"])], (1,))["c0"].posterior, alone.posterior
    )


def test_nothing_drawn_alike_drawn_and_one_rater():
    nothing = np.zeros((4, 5), np.uint8)
    found = staple({"a": nothing, "b": nothing}, (1,))
    assert not found.labels.any() and not found.probability(1).any() and found.converged
    assert np.isnan(found.sensitivity).all() and (found.specificity == 1).all()
    full = staple({"a": nothing + 1, "b": nothing + 1}, (1,), region="box")
    assert full.labels.all() and np.isnan(full.specificity).all()
    some = np.eye(5, dtype=np.uint8)
    for region in ("all", "box", "disagreement"):
        np.testing.assert_array_equal(staple({"a": some}, (1,), region=region).labels, some)
        np.testing.assert_array_equal(staple({"a": some, "b": some}, region=region).labels, some)


def test_too_few_iterations_are_told():
    rng = np.random.default_rng(7)
    masks = {f"r{i}": rng.integers(0, 2, (9, 9)) for i in range(4)}
    found = staple(masks, max_iterations=2)
    assert not found.converged and found.n_iterations == 2 and found.change > 1e-7


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"prior": [0.5, 0.2, 0.3]}, GeometryError, "background first"),
        ({"prior": [-1.0, 2.0]}, UsageError, "0 or more"),
        ({"prior": [np.nan, 1.0]}, UsageError, "0 or more"),
        ({"prior": [0.0, 0.0]}, UsageError, "some class"),
        ({"region": "somewhere"}, UsageError, "Unknown region"),
        ({"region": np.ones((2, 2), bool)}, GeometryError, "shape of the masks"),
        ({"max_iterations": 0}, UsageError, "at least one iteration"),
    ],
)
def test_bad_options_are_refused(options, error, words):
    with pytest.raises(error, match=words):
        staple({"a": np.eye(3, dtype=int)}, **options)


def test_an_empty_cohort_and_an_unknown_label():
    with pytest.raises(UsageError, match="no case"):
        staple_cohort([], (1,))
    with pytest.raises(UsageError, match="No such label"):
        staple({"a": np.eye(3, dtype=int)}).probability(2)
