"""The section of docs/benchmarks.md on which cases to label next."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from page_parts import FIXED, machine_line, row
from suffice.study.rehearsal_effects import effects_of

START, BASELINE = "start", "foreground"


def select_table(rows: pd.DataFrame) -> Iterator[str]:
    """Give the section on strategies of picking against random draws."""
    rows = rows[rows["test"].isin(FIXED)]
    yield "\n## Which cases to label next\n\n"
    yield (
        "A few cases are drawn to begin with; each strategy of `suffice select` then picks in "
        "rounds, with the model that it trained the round before, among the cases that are in no "
        "fixed test list, and the picked get their masks. All strategies share the start and the "
        "minutes of one core's time. `foreground` draws at random; as all cases show all "
        "structures, `random` is the same. Dice on the fixed test list, averaged over rounds and "
        "starts; the difference to `foreground` is paired by start and case, its 95 % interval "
        "holds for other starts and other cases alike, and p is corrected for all strategies of "
        "a cohort (Holm). A threshold gives no probabilities, so that strategies which ask for "
        "doubts cannot pick with it.\n\n"
    )
    yield row(
        ["cases", "model, minutes", "labels", "starts", "strategy", "Dice, %", "gain, points", "p"]
    )
    yield row(["---"] * 8)
    won: list[str] = []
    for (dataset, rung, given), part in rows.groupby(["dataset", "rung", "given"], sort=False):
        values = part.rename(columns={"case": "subject", "dice": "value"})
        values = values.groupby(["strategy", "seed", "round", "subject"])["value"].mean()
        values = values.reset_index()
        n_rounds = int(values["round"].max())
        sizes = sorted(part["n_cases"].unique())
        names = [name for name in dict.fromkeys(part["strategy"]) if name != START]
        effects = effects_of(values, names, n_rounds=n_rounds)
        if effects.empty:
            continue
        about = [dataset, f"{rung}, {given:g}", " ".join(map(str, sizes))]
        first = effects.iloc[0]
        yield row(
            [*about, first["n_starts"], BASELINE, f"{100 * first['mean_against']:.1f}", "", ""]
        )
        for one in effects.to_dict("records"):
            gain, low, high = (100 * one[key] for key in ("difference", "low", "high"))
            told = f"{gain:.1f} ({low:.1f} to {high:.1f})" if low == low else f"{gain:.1f}"
            p = f"{one['p_holm']:.2f}" if one["p_holm"] == one["p_holm"] else ""
            dice = f"{100 * one['mean']:.1f}"
            yield row([*about, one["n_starts"], one["strategy"], dice, told, p])
            if one["p_holm"] < 0.05 and gain > 0:
                won.append(f"{one['strategy']} on {dataset}")
    if won:
        yield f"\nShown to beat random draws: {', '.join(won)}.\n"
    else:
        yield (
            "\nNothing is shown to beat random draws here, so `suffice select` draws at random "
            "where a structure is expected unless told otherwise.\n"
        )
    yield f"\n- torch {rows.iloc[0]['torch']}; {machine_line(rows.iloc[0])}\n"
