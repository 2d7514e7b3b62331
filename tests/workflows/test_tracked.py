"""The summary of what visits say, as any reader of JSON takes it."""

from __future__ import annotations

import json

import pandas as pd

from suffice.workflows.tracked import summary_of
from suffice.workflows.tracking import track


def test_a_summary_counts_what_was_found(lesions):
    told = summary_of(track(lesions.root, repeatability="5%"))
    assert told["unit"] == "ml" and told["spirometry"] is None
    assert told["lesions"] == {"grown": 1, "new": 1}
    assert told["verdicts"] == {"lesion": {"grown": 1}}


def test_what_is_not_known_is_null(tmp_path):
    rows = [(f"c{v}", "S0", str(v), f"202{v}-01-01", "lung", 4000 - 100 * v) for v in (1, 2)]
    names = ["case", "subject", "visit", "date", "label", "volume_ml"]
    pd.DataFrame(rows, columns=names).to_csv(tmp_path / "measures.csv", index=False)
    told = summary_of(track(tmp_path / "measures.csv", repeatability="5%"))
    assert told["repeatability"]["lung"]["percent"] == 5
    # A coefficient in per cent is none in millilitres.
    assert told["repeatability"]["lung"]["amount"] is None
    assert json.loads(json.dumps(told, allow_nan=False)) == told
