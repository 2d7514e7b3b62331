"""Exchange rates: shifts come back, and what was not measured is said."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suffice.core import UsageError
from suffice.forecasting.exchange import ExchangeRate, _rising, exchange_rate

SIZES = tuple(range(1, 21))


def table(values: dict[int, float], *, n_draws: int = 3, noise: float = 0.0) -> pd.DataFrame:
    """The same luck in each draw for all curves."""
    luck = np.random.default_rng(5).normal(0, noise, n_draws)
    rows = [
        {"n_cases": n, "draw": d, "seed": d, "value": value + luck[d]}
        for d in range(n_draws)
        for n, value in values.items()
    ]
    return pd.DataFrame(rows)


def rising(n: float) -> float:
    return 0.9 - 0.5 / math.sqrt(n)


@settings(max_examples=15, deadline=None)
@given(k=st.integers(0, 10), at=st.integers(2, 9), noise=st.sampled_from([0.0, 0.02]))
def test_a_curve_shifted_by_k_cases_is_worth_k(k: int, at: int, noise: float) -> None:
    reference = table({n: rising(n) for n in SIZES}, noise=noise)
    shifted = table({n: rising(n + k) for n in SIZES}, noise=noise)
    rate = exchange_rate(reference, shifted, way="transfer", at=at)
    assert rate.worth == pytest.approx(k, abs=1e-6)
    assert rate.low <= rate.worth <= rate.high
    assert rate.n_draws == 3


def test_what_the_reference_never_reaches_is_more_than_was_measured() -> None:
    reference = table({n: rising(n) for n in (2, 4, 8)})
    rate = exchange_rate(reference, table({4: 0.95}), way="transfer", at=4)
    assert math.isinf(rate.worth)
    assert rate.sentence.startswith("transfer is worth more than 4 labelled cases (80 % interval")
    assert rate.sentence.endswith("at 4 cases")
    assert rate.to_json()["worth"] is None


def test_what_is_worse_costs_cases_down_to_the_smallest_size() -> None:
    reference = table({n: rising(n) for n in (2, 4, 8, 16)})
    rate = exchange_rate(reference, table({8: 0.45}), way="pool", at=8)
    assert rate.worth == -6 and rate.is_loss and not rate.is_gain
    assert rate.sentence.startswith("pool costs 6 or more labelled cases (80 % interval ")
    assert rate.sentence.endswith("6 or more) at 8 cases")


def rate_of(worth: float, low: float, high: float) -> ExchangeRate:
    return ExchangeRate(
        way="pool", at=8, worth=worth, low=low, high=high, level=0.8, least=-7, most=8, n_draws=3
    )


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        ((3.2, 1.4, 5.0), "pool is worth 3 labelled cases (80 % interval 1 to 5) at 8 cases"),
        ((1.1, 0.9, math.inf), "pool is worth 1 labelled case (80 % interval 1 to more than 8)"),
        ((-2.0, -7.0, -1.0), "pool costs 2 labelled cases (80 % interval 1 to 7 or more) at 8"),
        ((0.1, -0.2, 0.3), "pool is worth nothing at 8 cases (80 % interval 0)"),
        (
            (2.0, -1.0, 5.0),
            "pool is not shown to be worth anything at 8 cases: 2 labelled cases, 80 % interval"
            " -1 to 5",
        ),
        (
            (math.inf, -7.0, math.inf),
            "pool is not shown to be worth anything at 8 cases: more than 8 labelled cases, 80 %"
            " interval -7 or less to more than 8",
        ),
    ],
)
def test_the_words_say_no_more_than_the_interval(
    bounds: tuple[float, float, float], words: str
) -> None:
    assert rate_of(*bounds).sentence.startswith(words)


def test_at_the_smallest_size_a_loss_has_no_number() -> None:
    rate = replace(rate_of(0.0, 0.0, 0.0), at=4, least=0)
    assert rate.sentence == (
        "pool is worth no labelled case at 4 cases, the fewest that were measured (80 % interval"
        " 0 or less)"
    )


def test_shared_luck_of_draws_does_not_widen_the_interval() -> None:
    reference = table({n: rising(n) for n in SIZES}, n_draws=8, noise=0.05)
    shifted = table({n: rising(n + 4) for n in SIZES}, n_draws=8, noise=0.05)
    apart = shifted.assign(draw=shifted["draw"] + 100)
    paired, unpaired = (
        exchange_rate(reference, other, way="transfer", at=6) for other in (shifted, apart)
    )
    assert paired.n_draws == 8
    assert unpaired.n_draws == 0
    assert paired.high - paired.low < unpaired.high - unpaired.low


def test_a_draw_that_one_of_them_lacks_at_a_size_does_not_count_there() -> None:
    """A curve cut in its last draw, which is a bad one, is worth what it would be without."""
    reference = table({n: rising(n) for n in SIZES}, n_draws=2)
    # The second draw is bad for both, and the other was not trained so far in it.
    reference.loc[reference["draw"] == 1, "value"] -= 0.1
    other = reference[(reference["draw"] == 0) | (reference["n_cases"] < 6)]
    rate = exchange_rate(reference, other, way="pool", at=6)
    assert rate.worth == pytest.approx(0, abs=1e-6) and rate.n_draws == 1
    whole = exchange_rate(reference, other, way="pool", at=5)
    assert whole.worth == pytest.approx(0, abs=1e-6) and whole.n_draws == 2


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_pooling_is_isotonic_regression(values: list[float]) -> None:
    from sklearn.isotonic import IsotonicRegression

    expected = IsotonicRegression().fit_transform(np.arange(len(values)), values)
    assert np.allclose(_rising(np.array(values)), expected)


def test_a_size_that_was_not_trained_is_refused() -> None:
    reference = table({n: rising(n) for n in (2, 4, 8)})
    with pytest.raises(UsageError, match="not trained with so many"):
        exchange_rate(reference, reference, way="transfer", at=5)
