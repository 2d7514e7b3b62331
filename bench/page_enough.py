"""The section of docs/benchmarks.md on ``suffice enough`` given 8 hippocampi."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from page_parts import machine_line, row


def enough_table(rows: pd.DataFrame) -> Iterator[str]:
    """Give the forecast from 8 cases beside what was reached with all."""
    first = rows.iloc[0]
    given, more = int(first["given"]), int(first["more_truth"])
    yield f"\n## How much is enough: {given} hippocampi given, {given + more} known\n\n"
    yield (
        f"`suffice enough` got the {given} cases of `hippocampus-train8` and nothing else, held "
        f"cases back among them, and measured a curve up to {first['largest']} cases. *Truth* is "
        "the mean Dice on the 20 of `hippocampus-test20` of the same model trained on the "
        f"{given} and {more} others, for as long as each training of the curve, with the range "
        f"over draws of the others. That Dice is the target, so the right answer is {more} more; "
        "an interval from 0 to over "
        f"{first['most']:g}, the farthest that this forecast speaks of, holds it and says nothing. "
        "Minutes are those of one core's own time, and on the wall, where the machine was shared. "
        "*Knows* says what the forecast knew of other curves: what the package ships, or what the "
        "library of curves teaches without its hippocampi "
        "(`bench/enough.py`).\n\n"
    )
    head = ["model", "minutes", "on the wall", "draws", f"truth with {given + more}", "knows"]
    head += ["forecast Dice", "holds", "forecast cases", "holds", "out of reach"]
    yield row([*head])
    yield row(["---"] * len(head))
    for one in rows.to_dict("records"):
        yield row(
            [
                one["rung"],
                f"{one['minutes_core']:g}",
                f"{one['minutes_wall']:g}",
                one["draws"],
                f"{one['target']:.3f} ({one['target_low']:.3f} to {one['target_high']:.3f})",
                {"shipped": "as shipped", "others": "other cohorts"}[one["experience"]],
                f"{one['forecast']:.3f} ({one['low']:.3f} to {one['high']:.3f})",
                _yes(one["holds_score"]),
                _cases(one),
                "yes, but says nothing" if _says_nothing(one) else _yes(one["holds"]),
                f"{100 * one['out_of_reach']:.0f} %",
            ]
        )
    yield f"\nIntervals are of 80 %. {_verdict(rows, more)}\n"
    yield f"\n- suffice {first['suffice']}; {machine_line(first)}\n"


def _cases(one: dict[str, object]) -> str:
    middle, low, high = (
        f"over {one['most']:g}" if pd.isna(one[name]) else f"{one[name]:g}"
        for name in ("more", "more_low", "more_high")
    )
    return f"{middle} more ({low} to {high})"


def _says_nothing(one: dict[str, object]) -> bool:
    """Whether an interval of cases holds whatever the forecast could have named."""
    return one["more_low"] == 0 and bool(pd.isna(one["more_high"]))


def _yes(held: object) -> str:
    return "yes" if str(held) == "True" else "no"


def _verdict(rows: pd.DataFrame, more: int) -> str:
    held = rows["holds"].astype(str) == "True"
    if held.all():
        return f"All intervals of cases hold the {more}."
    missed = rows[~held].groupby("experience", sort=False)["rung"].agg(", ".join)
    named = {"shipped": "as shipped", "others": "learned from other cohorts"}
    parts = [f"{named[str(kind)]}: {rungs}" for kind, rungs in missed.items()]
    return f"The interval of cases does not hold the {more}: {'; '.join(parts)}."
