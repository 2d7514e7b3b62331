"""Charts of sizes over time."""

import re

import pandas as pd
import pytest

from suffice.report.tracking_figure import trend_figure


def track(values: list[float]) -> pd.DataFrame:
    """Two visits of a lung, a year apart."""
    return pd.DataFrame(
        {
            "label": "left lung",
            "case": ["a", "b"],
            "visit": ["1", "2"],
            "date": ["2023-05-28", "2024-05-30"],
            "value": values,
            "low": float("nan"),
            "high": float("nan"),
            "noise": 100.0,
        }
    )


def height(svg: str) -> float:
    """Rise of the line of FVC in points: the last line that two markers end."""
    paths = re.findall(r'd="M ([\d.]+) ([\d.]+) \nL ([\d.]+) ([\d.]+) \n" clip-path', svg)
    return abs(float(paths[-1][1]) - float(paths[-1][3]))


@pytest.mark.parametrize(("fvc", "is_flat"), [([5.166, 5.167], True), ([5.2, 4.2], False)])
def test_a_change_of_nothing_in_fvc_looks_like_nothing(fvc: list[float], is_flat: bool) -> None:
    tests = pd.DataFrame({"test_date": ["2023-05-27", "2024-05-31"], "fvc_l": fvc})
    svg = trend_figure(track([3190.0, 3180.0]), "ml", tests)
    assert (height(svg) < 2) is is_flat
