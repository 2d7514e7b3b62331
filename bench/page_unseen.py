"""The section of docs/benchmarks.md on scans of another scanner."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from page_parts import interval, machine_line, row

USUAL = ("usual", "plain")


def unseen_table(rows: pd.DataFrame) -> Iterator[str]:
    """Give the section on what each switch against a shift of scanner is worth."""
    yield "\n## The unseen site\n\n"
    yield (
        "The same planned network and minutes of one core's time, trained as usual or with the "
        "styles of other cases (mixing `histogram` and `fourier`), and the switches of `predict`: "
        "`views` averages four, `matched` bends brightness to that of the training cases. The "
        "test cases are drawn as they are, and as another scanner might show them: simulated "
        "gamma, contrast, bias field, blur and noise. Gains are in points of Dice and paired by "
        "case.\n\n"
    )
    setting = ["dataset", "n_labels", "minutes"]
    for (dataset, n_labels, minutes), part in rows.groupby(setting, sort=False):
        about = f"{dataset}, {n_labels} labelled cases, {part['draw'].nunique()} draws"
        yield f"{about}, {minutes:g} minutes:\n\n"
        scans = list(dict.fromkeys(part["scans"]))
        heads = [head for scan in scans for head in (f"{scan}: Dice, %", "gain")]
        yield row(["training", "prediction", *heads])
        yield row(["---"] * (2 + len(heads)))
        means = {
            key: own.groupby("case")["dice"].mean()
            for key, own in part.groupby(["training", "prediction", "scans"], sort=False)
        }
        for training, prediction in dict.fromkeys(key[:2] for key in means):
            cells = []
            for scan in scans:
                dice, usual = means[training, prediction, scan], means.get((*USUAL, scan))
                is_usual = usual is None or (training, prediction) == USUAL
                cells += [interval(dice), "" if is_usual else interval(dice - usual)]
            yield row([training, prediction, *cells])
        yield "\n"
    yield f"- torch {rows.iloc[0]['torch']}; {machine_line(rows.iloc[0])}\n"
