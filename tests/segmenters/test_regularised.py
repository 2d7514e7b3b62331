"""Options are compared on the same cases, and within the budget."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from suffice.core import Budget
from suffice.segmenters.regularised import _compared
from suffice.segmenters.searching import Sample, Search, View

OPTIONS = [(1.0, 0.0), (2.0, 0.0), (3.0, 0.0)]


def samples(n: int) -> list[Sample]:
    drawn = np.arange(16, dtype=np.uint8).reshape(4, 4) % 2
    view = View(drawn[None].astype(np.float32), (1.0, 1.0))
    return [Sample(f"c{i}", f"s{i}", view, drawn) for i in range(n)]


@pytest.mark.parametrize(
    ("seconds", "n_cases", "n_options"), [(1e6, 6, 3), (100, 5, 1), (10, 1, 1)]
)
def test_a_slow_option_leaves_fewer_cases_and_options(
    seconds: float, n_cases: int, n_options: int
) -> None:
    ticks = itertools.count()
    search = Search(["a"], Budget(minutes=seconds / 60), clock=lambda: 11.0 * next(ticks))
    tried: list[tuple[float, float]] = []

    def smooth(sample: Sample, option: tuple[float, float]) -> np.ndarray:
        tried.append(option)
        return np.asarray(sample.classes, dtype=np.intp) * (option == OPTIONS[1])

    best, score, found = _compared(samples(6), 2, OPTIONS, smooth, search)
    assert len(found) == n_cases == tried.count(OPTIONS[0])
    assert search.n_tried == n_options
    assert (best, score) == ((OPTIONS[1], 1.0) if n_options > 1 else (OPTIONS[0], 0.0))
