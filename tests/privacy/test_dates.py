"""Dates are moved, intervals are not."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suffice.privacy.dates import dates_in, shifted

DAYS = st.integers(-3680, -30)
DATES = st.dates(datetime.date(1900, 1, 1), datetime.date(2100, 1, 1))


@given(DATES, DATES, DAYS)
def test_intervals_survive(one: datetime.date, other: datetime.date, days: int) -> None:
    moved = [shifted(date.strftime("%Y%m%d"), days) for date in (one, other)]
    first, second = (datetime.datetime.strptime(text, "%Y%m%d").date() for text in moved)
    assert second - first == other - one
    assert first - one == datetime.timedelta(days)


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%Y.%m.%d", "%Y/%m/%d", "%Y-%m-%dT10:00:00"])
@given(date=DATES, days=DAYS)
def test_the_form_stays(form: str, date: datetime.date, days: int) -> None:
    expected = (date + datetime.timedelta(days)).strftime(form)
    assert shifted(date.strftime(form), days) == expected


@pytest.mark.parametrize("text", ["", "soon", "20231345", "2023", "1.5.2023"])
def test_what_is_no_date_is_told(text: str) -> None:
    assert shifted(text, -40) is None


def test_dates_in_text_are_found() -> None:
    assert dates_in("born 12.03.1950, seen 2020-01-31 and 20200201") == {
        "19500312",
        "20200131",
        "20200201",
    }
    assert dates_in("1.2.840.10008.20209999") == set()
