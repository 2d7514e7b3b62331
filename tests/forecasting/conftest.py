from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from suffice.forecasting import FAMILIES

CurveMaker = Callable[..., pd.DataFrame]

# A curve of each family that rises from 0.4 to 0.6 with 8 cases, by its parameters after the level.
SHAPES = {
    "power": (-0.5, -0.3),
    "exponential": (0.5, 0.2),
    "log-logistic": (-0.3, 0.3, -0.7),
    "piecewise": (-1.2, -0.5, -0.4),
}


@pytest.fixture
def shapes() -> dict[str, np.ndarray]:
    """Parameters of one curve a family, with an error of 0.3 at the reference."""
    level = np.log(0.3 / 0.7)
    return {name: np.array([[level, *rest]]) for name, rest in SHAPES.items()}


@pytest.fixture
def make_curve(shapes: dict[str, np.ndarray]) -> CurveMaker:
    """A table of scores around a curve whose error is 0.3 with 8 cases."""

    def make(
        family: str = "power",
        *,
        sizes: tuple[int, ...] = (2, 4, 8),
        n_draws: int = 3,
        noise: float = 0.0,
        rng: np.random.Generator | None = None,
    ) -> pd.DataFrame:
        values = FAMILIES[family].value(shapes[family], sizes, 8.0)[0]
        random = np.random.default_rng(0) if rng is None else rng
        rows = [
            {
                "n_cases": n,
                "draw": draw,
                "seed": draw,
                "value": float(np.clip(value + random.normal(0, noise), 0, 1)),
            }
            for draw in range(n_draws)
            for n, value in zip(sizes, values, strict=True)
        ]
        return pd.DataFrame(rows)

    return make
