"""A cohort in a few numbers."""

from __future__ import annotations

import numpy as np
import pytest

from suffice.core import CohortError
from suffice.training.fingerprint import CaseFacts, fingerprint


def facts(
    shape: tuple[int, ...] = (40, 40, 20),
    spacing_mm: tuple[float, ...] = (1.0, 1.0, 2.0),
    voxels: tuple[int, ...] = (900, 100),
    centres: tuple[tuple[float, ...], ...] = ((0.5, 0.5, 0.5),),
    values: tuple[float, ...] = (1.0, 2.0, 3.0),
    contrast: float = 1.0,
    occupancy: np.ndarray | None = None,
) -> CaseFacts:
    return CaseFacts(
        shape=shape,
        spacing_mm=spacing_mm,
        class_voxels=voxels,
        class_centres=centres,
        occupancy=np.zeros((8,) * len(shape)) if occupancy is None else occupancy,
        foreground=np.array([values], np.float32),
        contrast=contrast,
        is_colour=False,
    )


def pair(left: float, right: float, sizes: tuple[int, int] = (50, 50)) -> CaseFacts:
    return facts(voxels=(900, *sizes), centres=((left, 0.5, 0.5), (right, 0.5, 0.5)))


def test_spacing_and_shape_are_medians() -> None:
    cohort = [
        facts((20, 20, 20), (2.0, 2.0, 2.0)),
        facts((40, 40, 20), (1.0, 1.0, 2.0)),
        facts((44, 40, 20), (1.0, 1.0, 2.0)),
    ]
    found = fingerprint(cohort)
    assert found.n_cases == 3 and found.ndim == 3
    assert found.spacing_mm == (1.0, 1.0, 2.0)
    assert found.median_shape == (40, 40, 20)


def test_left_and_right_are_told_apart() -> None:
    assert fingerprint([pair(0.25, 0.75), pair(0.3, 0.7)]).sided_axes == (0,)


def test_one_structure_has_no_side() -> None:
    assert fingerprint([facts(centres=((0.2, 0.2, 0.2),))] * 3).sided_axes == ()


@pytest.mark.parametrize(
    "cohort",
    [
        [pair(0.25, 0.75), pair(0.75, 0.25)],
        [pair(0.45, 0.55)] * 2,
        [pair(0.25, 0.75, (100, 10))] * 2,
        [pair(0.25, float("nan"), (50, 0))] * 2,
    ],
    ids=["either way round", "too near", "of unlike size", "never both"],
)
def test_pairs_without_a_side(cohort: list[CaseFacts]) -> None:
    assert fingerprint(cohort).sided_axes == ()


def test_cases_without_the_pair_do_not_hide_it() -> None:
    alone = pair(0.25, float("nan"), (50, 0))
    assert fingerprint([pair(0.25, 0.75), alone]).sided_axes == (0,)


def test_intensities_are_pooled_and_bounded() -> None:
    values = tuple(np.linspace(-100, 300, 1001))
    ((low, high, mean, sd),) = fingerprint([facts(values=values)] * 2).intensity
    assert (low, high) == pytest.approx((-98, 298))
    assert mean == pytest.approx(100, abs=0.1)
    assert sd == pytest.approx(np.std(values), rel=0.02)


def test_polarity_is_mixed_where_cases_differ() -> None:
    assert not fingerprint([facts(contrast=1.0)] * 2).mixed_polarity
    assert fingerprint([facts(contrast=1.0), facts(contrast=-1.0)]).mixed_polarity


def test_cohorts_that_say_nothing_are_refused() -> None:
    with pytest.raises(CohortError, match="No labelled case"):
        fingerprint([])
    with pytest.raises(CohortError, match="Every mask is empty"):
        fingerprint([facts(values=())])


def test_structures_in_one_place_are_posed_and_scattered_or_filling_ones_are_not() -> None:
    organ = np.zeros((8, 8))
    organ[2:5, 3:6] = 1
    scattered = [np.roll(organ, shift, axis=0) for shift in (0, 3, 6)]
    filling = np.full((8, 8), 0.9)

    def posed(*maps: np.ndarray) -> bool:
        return fingerprint(
            [facts((64, 64), (1.0, 1.0), centres=((0.5, 0.5),), occupancy=m) for m in maps]
        ).is_posed

    assert posed(organ, organ * 0.8, organ)
    assert not posed(*scattered)
    assert not posed(filling, filling)
    assert posed(organ)
