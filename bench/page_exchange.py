"""The section of docs/benchmarks.md on what ways to train are worth in labelled cases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from page_parts import FIXED, machine_line, row, with_precision

USUAL, UNAUGMENTED = "usual", "unaugmented"


def exchange_section(results: Path) -> Iterator[str]:
    """Give the rates of all cohorts whose usual way was trained with several numbers of cases."""
    tables = [*_of_pool(results / "pool.csv"), *_of_arms(results)]
    if not tables:
        return
    yield "\n## What a way to train is worth in labelled cases\n\n"
    yield (
        "With how many labelled cases more does a U-Net that is trained as usual score what it "
        "scores with another way? Read from the curve of the usual way as `suffice enough --ways` "
        "does it, with the same draws of cases, minutes of one core's own time and unseen cases "
        "for both; 80 % intervals over draws and, where known, unseen cases, no wider than the "
        "sizes that were measured. "
        "With one draw the interval leans on what draws of other curves differ by. The largest "
        "size bounds what could be seen: *more than* stands for beyond it.\n\n"
    )
    yield row(
        ["cases", "minutes", "way", "labels", "draws", "Dice as usual, %", "Dice, %", "worth"]
    )
    yield row(["---"] * 8)
    for about, rates in tables:
        for rate, usual, mine in rates:
            cells = [*about, rate.way, rate.at, rate.n_draws, f"{100 * usual:.1f}"]
            yield row([*cells, f"{100 * mine:.1f}", f"{rate.sentence}."])
    yield "\n"
    for name in ("pool.csv", "exchange.csv"):
        if (results / name).exists():
            first = pd.read_csv(results / name, nrows=1).iloc[0]
            yield f"- `{name}`: torch {first['torch']}; {machine_line(first)}\n"


def _rates(usual: pd.DataFrame, others: pd.DataFrame) -> Iterator[tuple]:
    """Give a rate for each way and size, with the mean scores of the draws that both have."""
    from suffice.forecasting import exchange_rate

    for (way, at), part in others.groupby(["way", "n_cases"], sort=True):
        both = usual.merge(part[["draw"]].drop_duplicates())
        if at not in set(both["n_cases"]) or at == both["n_cases"].max():
            continue
        at_size = both[both["n_cases"] == at]
        if way == UNAUGMENTED:
            # An arm without augmentation is no better; what it costs is what augmentation saves.
            rate = exchange_rate(both, part, way="training without augmentation", at=int(at))
        else:
            rate = exchange_rate(both, part, way=str(way), at=int(at))
        yield rate, at_size["value"].mean(), part["value"].mean()


def _of_pool(path: Path) -> Iterator[tuple]:
    """Trials of `bench/pool.py`, whose draws are nested, too."""
    if not path.exists():
        return
    rows = pd.read_csv(path)
    rows = with_precision(rows[rows["test"].isin(FIXED)])
    means = rows.groupby(
        ["dataset", "minutes", "precision", "strategy", "n_labels", "draw", "case"], sort=False
    )["dice"].mean()
    table = means.reset_index().rename(
        columns={"strategy": "way", "n_labels": "n_cases", "case": "subject", "dice": "value"}
    )
    setting = ["dataset", "minutes", "precision"]
    for (dataset, minutes, bits), part in table.assign(seed=0).groupby(setting):
        is_usual = part["way"] == "supervised"
        usual = part[is_usual]
        if usual["n_cases"].nunique() > 1:
            # Other kinds of models stand on the same rows, and are no ways to train this one.
            is_way = ~is_usual & ~part["way"].str.startswith(("atlas", "template"))
            yield (dataset, f"{minutes:g}, {bits}"), [*_rates(usual, part[is_way])]


def _of_arms(results: Path) -> Iterator[tuple]:
    """Arms of `bench/exchange.py`, the usual way among them."""
    if not (results / "exchange.csv").exists():
        return
    arms = pd.read_csv(results / "exchange.csv")
    for (cohort, given), part in arms.groupby(["cohort", "given"]):
        is_usual = part["way"] == USUAL
        usual = part[is_usual]
        # A mean over other draws at each size would bend the curve.
        n_sizes = usual.groupby("draw")["n_cases"].transform("nunique")
        usual = usual[n_sizes == n_sizes.max()]
        if usual["n_cases"].nunique() > 1:
            others = part[~is_usual & part["draw"].isin(usual["draw"])]
            yield (cohort, f"{given:g}"), [*_rates(usual, others)]
