from pathlib import Path

import pytest

from suffice.core import (
    Budget,
    Case,
    Channel,
    Cohort,
    CohortError,
    Legend,
    SufficeError,
    UsageError,
)

LEGEND = Legend.from_names({1: "one"})


def case(name: str, subject: str, *raters: str) -> Case:
    return Case(name, subject, {"image": Path(name)}, {rater: Path(rater) for rater in raters})


COHORT = Cohort(
    "toy",
    Path(),
    (Channel(),),
    LEGEND,
    (case("a", "s1", "anna"), case("b", "s2"), case("c", "s1", "bob", "anna")),
)


def test_selections_keep_order_and_the_rest():
    assert COHORT.labelled().names == ("a", "c") and COHORT.unlabelled().names == ("b",)
    assert COHORT.subset(["c", "a"]).names == ("c", "a")
    assert COHORT.subjects == ("s1", "s2") and COHORT.raters == ("anna", "bob")
    assert COHORT.subset(["b"]).legend == LEGEND and len(COHORT) == 3


def test_unknown_and_doubled_names_are_refused():
    with pytest.raises(CohortError, match="no such cases: got x, y"):
        COHORT.subset(["a", "x", "y"])
    with pytest.raises(CohortError, match=r"Two cases of cohort 'toy' are called 'a'"):
        COHORT.subset(["a", "a"])
    with pytest.raises(CohortError, match="has no channel"):
        Cohort("toy", Path(), (), LEGEND, ())


@pytest.mark.parametrize("name", ["", "..", "../a", "/etc/a", "a/b", ".a", "a\0"])
def test_names_that_lead_out_of_a_folder_are_refused(name: str):
    with pytest.raises(CohortError, match="name that no file can have"):
        Cohort("toy", Path(), (Channel(),), LEGEND, (case(name, "s1"),))


@pytest.mark.parametrize("minutes", [0, -1, float("nan"), float("inf")])
def test_budget_must_be_a_positive_time(minutes: float):
    with pytest.raises(UsageError, match=r"positive number of minutes: got .*--minutes"):
        Budget(minutes=minutes)


def test_errors_are_one_line_with_a_cure():
    error = SufficeError("x is\nwrong.", got=1, expected=2, cure="Do  y.")
    assert str(error) == "x is wrong: got 1, expected 2. Do y."
    assert (error.got, error.expected, error.cure) == (1, 2, "Do  y.")
