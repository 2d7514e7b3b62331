"""The section of docs/benchmarks.md on scans without masks."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from page_parts import FIXED, interval, machine_line, row, with_precision

ALONE = "supervised"


def pool_table(rows: pd.DataFrame) -> Iterator[str]:
    """Give the section on what a pool of unlabelled scans is worth."""
    yield "\n## Few labels and scans without masks\n\n"
    yield (
        "The same planned network, labelled cases and minutes of one core's time, with a pool of "
        "all other scans that are not scored, without their masks, and without it. Dice is "
        "averaged over labels and draws of labelled cases, with intervals over the unseen cases, "
        "which say nothing of other draws: that of one draw holds for these labelled cases alone; "
        "differences are to no pool, of another kind of model to the U-Net alone; they are paired "
        "by case over the draws that both have. No interval tells how the same cases would score "
        "with another training. "
        "`atlas`, `atlas-unet` and `template-unet` are kinds of models; what stands after a + is "
        "how their U-Net learned from the pool.\n\n"
    )
    # Cases that ways may be chosen on tell nothing of unseen ones.
    rows = with_precision(rows[rows["test"].isin(FIXED)])
    heads = ["cases", "labels", "draws", "way", "pool", "minutes", "precision", "steps"]
    yield row([*heads, "Dice, %", "gain, points"])
    yield row(["---"] * 10)
    setting = ["dataset", "n_labels", "minutes", "precision"]
    for (dataset, n_labels, minutes, bits), part in rows.groupby(setting, sort=False):
        alone = part[part["strategy"] == ALONE]
        for way, own in part.groupby("strategy", sort=False):
            kind, _, pooled = way.rpartition("+")
            without = part[part["strategy"] == kind] if kind else alone
            gain = "" if pooled == ALONE else _gain(own, without)
            cells = [dataset, n_labels, own["draw"].nunique(), way, own.iloc[0]["n_pool"]]
            # An atlas takes no steps.
            steps = "" if way == "atlas" else round(own["steps"].mean())
            cells += [f"{minutes:g}", bits, steps]
            yield row([*cells, interval(own.groupby("case")["dice"].mean()), gain])
    yield from _against_more_labels(rows)
    yield f"\n- torch {rows.iloc[0]['torch']}; {machine_line(rows.iloc[0])}\n"
    if rows["precision"].nunique() > 1:
        newer = rows[rows["precision"] == "bf16"].iloc[0]
        yield f"- bf16: torch {newer['torch']}; {machine_line(newer)}\n"


def _gain(own: pd.DataFrame, alone: pd.DataFrame) -> str:
    """Give the difference to no pool over the draws that both have, paired by case."""
    shared = set(own["draw"]) & set(alone["draw"])
    if not shared:
        return ""
    here, there = (part[part["draw"].isin(shared)] for part in (own, alone))
    gain = interval(here.groupby("case")["dice"].mean() - there.groupby("case")["dice"].mean())
    return gain if len(shared) > 1 else f"{gain}, one draw"


def _against_more_labels(rows: pd.DataFrame) -> Iterator[str]:
    """Say what a pool lacks to twice as many labelled cases, over the draws that both have."""
    lines = []
    for (dataset, minutes, bits), part in rows.groupby(["dataset", "minutes", "precision"]):
        alone = part[part["strategy"] == ALONE]
        pooled = part[part["n_pool"] > 0]
        for (way, n_labels), own in pooled.groupby(["strategy", "n_labels"]):
            twice = alone[alone["n_labels"] == 2 * n_labels]
            gain = _gain(own, twice)
            if gain:
                about = [dataset, f"{minutes:g}", bits, way, n_labels, 2 * n_labels]
                n_draws = len(set(own["draw"]) & set(twice["draw"]))
                lines.append(row([*about, n_draws, gain.removesuffix(", one draw")]))
    if lines:
        yield "\nThe same ways against twice as many labelled cases and no pool:\n\n"
        heads = ["cases", "minutes", "precision", "way", "labels", "labels without a pool"]
        yield row([*heads, "draws", "difference, points"])
        yield row(["---"] * 8)
        yield from lines
