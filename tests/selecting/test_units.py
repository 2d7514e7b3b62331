"""Facts of a unit by hand, and how scans are divided."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy

from suffice.core import UsageError
from suffice.selecting import Candidates, Unit, boxes_of, facts_of, pooled


@given(
    shape=st.lists(st.integers(1, 40), min_size=2, max_size=3),
    unit=st.sampled_from(["case", "patch"]),
    side=st.integers(1, 20),
)
def test_units_cover_a_scan_once(shape: list[int], unit: str, side: int) -> None:
    covered = np.zeros(shape, int)
    boxes = boxes_of(unit, shape, side=max(side, max(shape) // 4))
    for box in boxes:
        covered[box] += 1
    assert (covered == 1).all()


def test_slices_lie_across_their_axis() -> None:
    boxes = boxes_of("slice", (4, 5, 6), slice_axis=1)
    assert [Unit("a", "s", box).start for box in boxes] == [(0, i, 0) for i in range(5)]
    assert {Unit("a", "s", box).size for box in boxes} == {(4, 1, 6)}
    with pytest.raises(UsageError, match="no slices"):
        boxes_of("slice", (4, 5))


def test_facts_are_those_of_scipy_and_of_counting() -> None:
    rng = np.random.default_rng(0)
    shares = rng.dirichlet([1.0, 0.5, 0.2], size=(7, 8))
    facts = facts_of(np.moveaxis(shares, -1, 0))
    each = entropy(shares, axis=-1, base=3)
    weights = 1 - shares[..., 0]
    top = np.sort(shares, axis=-1)
    assert facts.entropy == pytest.approx((weights * each).sum() / weights.sum(), rel=1e-5)
    gap = top[..., -1] - top[..., -2]
    assert facts.margin == pytest.approx((weights * gap).sum() / weights.sum(), rel=1e-5)
    np.testing.assert_allclose(facts.shares, shares[..., 1:].mean((0, 1)), rtol=1e-5)
    expected = [(shares[..., k] * each).sum() / shares[..., k].sum() for k in (1, 2)]
    np.testing.assert_allclose(facts.doubts, expected, rtol=1e-5)
    mask = np.eye(3)[shares.argmax(-1)]
    residual = (shares - mask).mean((0, 1))
    np.testing.assert_allclose(facts.residuals[:3] + facts.residuals[3:], residual, atol=1e-6)
    assert (facts.residuals[:3] <= 0).all() and (facts.residuals[3:] >= 0).all()


def test_a_dot_of_doubt_makes_a_scan_unsure_but_no_slice_worth_labelling() -> None:
    def of(n_doubtful: int) -> np.ndarray:
        foreground = np.zeros(100)
        foreground[:n_doubtful] = 0.5
        return np.stack([1 - foreground, foreground])

    assert facts_of(of(1)).entropy == pytest.approx(facts_of(of(50)).entropy)
    dot, half = (facts_of(of(n), is_part=True) for n in (1, 50))
    assert (dot.entropy, half.entropy) == pytest.approx((0.01, 0.5), rel=1e-4)
    assert (1 - dot.margin, 1 - half.margin) == pytest.approx((0.01, 0.5), rel=1e-4)
    assert (dot.doubts[0], half.doubts[0]) == pytest.approx((0.005, 0.25), rel=1e-4)


def test_a_sure_mask_has_no_entropy() -> None:
    sure = np.zeros((2, 4, 4), np.float16)
    sure[0] = 1
    facts = facts_of(sure)
    assert facts.entropy == pytest.approx(0, abs=1e-6) and facts.shares.tolist() == [0.0]


def test_pooling_takes_the_part_of_the_map() -> None:
    rows = np.arange(12.0).reshape(1, 3, 4)
    assert pooled(rows, boxes_of("case", (6, 8))[0], (6, 8)) == pytest.approx([5.5])
    assert pooled(rows, (slice(0, 2), slice(6, 8)), (6, 8)) == pytest.approx([3.0])
    # A box smaller than a cell of the map is seen by that cell.
    assert pooled(rows, (slice(5, 6), slice(7, 8)), (6, 8)) == pytest.approx([11.0])


def test_candidates_come_back_from_arrays() -> None:
    facts = [facts_of(np.full((2, 3, 3), 0.5)) for _ in range(2)]
    rows = [np.array([1.0, 2.0]), np.array([3.0, 2.0])]
    units = [("001", "NA"), ("002", "s")]
    made = Candidates.of(
        units, facts, rows, known=rows[:1], known_subjects=["k"], structures=["lung"]
    )
    back = Candidates.from_arrays(made.to_arrays())
    assert (back.names, back.subjects) == (("001", "002"), ("NA", "s"))
    np.testing.assert_array_equal(back.features, made.features)
    # The second feature is the same in all, so it says nothing.
    assert made.standardised().features.shape == (2, 1)
