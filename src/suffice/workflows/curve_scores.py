"""The scores of one curve, subject by subject."""

from __future__ import annotations

import pandas as pd

from suffice.study import read_scores, with_case_means
from suffice.study.curve_design import USUAL, training_name
from suffice.study.curve_table import KEY
from suffice.workflows.curving import TRAININGS, Curve


def curve_scores(
    curve: Curve, rung: str, label: str, metric: str, *, way: str = USUAL
) -> pd.DataFrame:
    """Gather the scores of one curve: a row for each training and test subject.

    Where draws are scored on different subjects, only those that are complete are taken, as means
    over different subjects at different sizes would bend the curve.

    Returns
    -------
    DataFrame
        Columns ``n_cases`` (subjects, if one has several cases), ``draw, seed, subject, value``.
    """
    is_mine = (curve.table["rung"] == rung) & (curve.table["way"] == way)
    trained = curve.table[is_mine & (curve.table["note"] == "")]
    trained = trained.drop_duplicates([*KEY])
    if not curve.design.is_fixed:
        complete = trained.groupby(["draw", "seed"])["n_subjects"].transform("nunique")
        most = complete.max() if len(trained) else 0
        trained = trained[complete == most]
    parts = []
    for row in trained.to_dict("records"):
        name = training_name(rung, way, row["n_subjects"], row["draw"], row["seed"])
        scores = with_case_means(read_scores(curve.folder / TRAININGS / f"{name}.csv"))
        mine = scores[(scores["label"] == label) & (scores["metric"] == metric)]
        means = mine.groupby("subject", sort=False)["value"].mean().reset_index()
        parts.append(means.assign(n_cases=row["n_subjects"], draw=row["draw"], seed=row["seed"]))
    columns = ["n_cases", "draw", "seed", "subject", "value"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)
