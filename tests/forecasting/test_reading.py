"""Tables of scores become curves, or are refused."""

import math

import pandas as pd
import pytest

from suffice.core import UsageError
from suffice.forecasting import read_measured


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="seed"), "no seed"),
        (lambda t: t.assign(value=t["value"] + 1), "between 0 and 1"),
        (lambda t: pd.concat([t, t]), "twice"),
        (lambda t: t[t["n_cases"] == 2], "too few sizes"),
        (lambda t: t.assign(value=math.nan), "too few sizes.*none"),
    ],
)
def test_what_is_no_curve_is_refused(change, message: str, make_curve) -> None:
    with pytest.raises(UsageError, match=message):
        read_measured(change(make_curve()))
