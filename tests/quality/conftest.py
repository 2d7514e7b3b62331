from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from suffice.quality import HeldBack

CaseMaker = Callable[..., list[HeldBack]]


@pytest.fixture
def make_cases() -> CaseMaker:
    """Cases with two structures, whose Dice falls with one doubt and has naught to do with
    another."""

    def make(rng: np.random.Generator, n: int, *, visits: int = 1, noise: float = 0.02):
        cases = []
        for i in range(n):
            of_subject = rng.normal(0, noise)
            for j in range(visits):
                dice, doubts = {}, {}
                for label, level in (("anterior", 0.85), ("posterior", 0.8)):
                    unsure = rng.gamma(2.0, 0.02)
                    true = level - 2 * (unsure - 0.04) + of_subject + rng.normal(0, noise)
                    dice[label] = float(np.clip(true, 0, 1))
                    doubts[label] = {"unsure": float(unsure), "pieces": float(rng.random())}
                cases.append(HeldBack(f"case{i}-{j}", f"subject{i}", dice, doubts))
        return cases

    return make
