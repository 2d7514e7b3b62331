"""Agreement of raters as two libraries of statistics find it, on tables made up at random."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from suffice.raters import fleiss_kappa, icc_2_1

with warnings.catch_warnings():
    # Theirs, as they are imported: about names that are on their way out.
    warnings.simplefilter("ignore")
    pingouin = pytest.importorskip("pingouin")
    inter_rater = pytest.importorskip("statsmodels.stats.inter_rater")


@pytest.mark.filterwarnings("ignore")  # theirs, of divisions by nothing
def test_icc_equals_pingouin():
    rng = np.random.default_rng(0)
    for i in range(220):
        n, k = int(rng.integers(5, 20)), int(rng.integers(2, 7))
        table = rng.normal(0, 1, (n, 1)) + rng.normal(0, 0.4, (1, k))
        table = 10 + table + rng.normal(0, rng.uniform(0.1, 1.5), (n, k))
        if i % 4 == 0:
            table = table.round()
        long = pd.DataFrame(
            [(s, r, table[s, r]) for s in range(n) for r in range(k)],
            columns=["subject", "rater", "size"],
        )
        found = pingouin.intraclass_corr(long, targets="subject", raters="rater", ratings="size")
        (theirs,) = found[found["Type"].isin(["ICC2", "ICC(A,1)"])].to_dict("records")
        ours = icc_2_1(table)
        assert ours.value == pytest.approx(theirs["ICC"], abs=1e-9)
        (interval,) = (theirs[name] for name in ("CI95%", "CI95") if name in theirs)
        # Their interval is rounded to two decimals.
        assert (ours.low, ours.high) == pytest.approx(tuple(interval), abs=0.00501)


@pytest.mark.filterwarnings("ignore")  # the same
def test_kappa_equals_statsmodels():
    rng = np.random.default_rng(1)
    for _ in range(220):
        n, k, n_raters = (int(rng.integers(*bounds)) for bounds in ((3, 60), (2, 6), (2, 9)))
        votes = rng.multinomial(n_raters, rng.dirichlet(np.ones(k)), size=n)
        theirs = inter_rater.fleiss_kappa(votes)
        assert fleiss_kappa(votes) == pytest.approx(theirs, abs=1e-12, nan_ok=True)
