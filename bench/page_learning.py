"""Sections of docs/benchmarks.md on what is learned from few labels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.stats import bootstrap

from page_parts import interval, machine_line, row


def policies_table(rows: pd.DataFrame) -> Iterator[str]:
    """Give the section on what augmentation is worth."""
    yield "\n## What augmentation is worth\n\n"
    yield (
        "The same network, cases and minutes of one core's time under each policy; differences "
        "to no augmentation are paired by case, with 95 % BCa intervals.\n\n"
    )
    yield row(["cases", "minutes", "seed", "policy", "Dice, %", "gain, points", "steps"])
    yield row(["---"] * 7)
    setting = ["dataset", "minutes", "seed"]
    for (dataset, minutes, seed), part in rows.groupby(setting, sort=False):
        means = part.groupby(["policy", "case"], sort=False)["dice"].mean().unstack("policy")
        steps = part.groupby("policy")["steps"].first()
        for policy in means:
            gain = "" if policy == "none" else interval(means[policy] - means["none"])
            cells = [dataset, f"{minutes:g}", seed, f"`{policy}`", interval(means[policy])]
            yield row([*cells, gain, steps[policy]])
    yield f"\n- torch {rows.iloc[0]['torch']}; {machine_line(rows.iloc[0])}\n"


def instances_table(rows: pd.DataFrame) -> Iterator[str]:
    """Give the section on objects told apart."""
    first = rows.iloc[0]
    yield "\n## Nuclei told apart\n\n"
    yield (
        f"12 labelled pictures, {first['n_cases']} unseen; at most {first['minutes_given']:g} "
        f"minutes and {first['threads']} thread{'s' if first['threads'] != 1 else ''} for each "
        "kind. Average precision at thresholds of IoU as in the Data Science Bowl of 2018 (hits "
        "among hits, misses and false alarms), mean over pictures with its interval at 0.5. "
        "COCO's average precision needs scores of single objects, which YOLO alone gives. The "
        "U-Net's mask is split by the relief that tells the objects of the labelled pictures "
        "apart best.\n\n"
    )
    marks = [name for name in rows.columns if name.startswith("ap")]
    yield row(["", *(f"AP{name[2:]}" for name in marks), "COCO AP50", "COCO AP", "minutes"])
    yield row(["---"] * (4 + len(marks)))
    for line in rows.to_dict("records"):
        values = [f"{line[name]:.3f}" for name in marks]
        values[0] += f" ({line['low50']:.3f} to {line['high50']:.3f})"
        coco = [f"{line[n]:.3f}" if pd.notna(line[n]) else "" for n in ("coco_ap50", "coco_ap")]
        yield row([f"`{line['kind']}`", *values, *coco, f"{line['minutes']:.1f}"])
    yield f"\n- torch {first['torch']}; {machine_line(first)}\n"


def plausible_table(rows: pd.DataFrame) -> Iterator[str]:
    """Give the section on several raters' masks."""
    first = rows.iloc[0]
    yield "\n## Plausible masks of lung nodules\n\n"
    yield (
        f"Slices of lung nodules with four raters each (LIDC-IDRI): {first['n_train']} to learn "
        f"from, {rows['case'].nunique()} of {rows['subject'].nunique()} other patients to score; "
        f"{first['minutes']:g} minutes of one core's time for each model, seed {first['seed']}. "
        "Generalised energy distance (GED, biased form, lower is better) of 16 masks, or of the "
        "one mask of a U-Net, to the four raters'; its mean and interval are over patients, all "
        "other means over slices. *Levels* cuts the probabilities at 16 heights. The raters' own "
        "diversity is "
        f"{rows['raters_diversity'].mean():.3f}.\n\n"
    )
    yield row(["model", "masks", "GED", "matched IoU", "diversity", "steps"])
    yield row(["---"] * 6)
    for (model, masks), part in rows.groupby(["model", "masks"], sort=False):
        means = part.groupby("subject")["ged"].mean().to_numpy()
        found = bootstrap((means,), np.mean, n_resamples=9999, rng=np.random.default_rng(0))
        low, high = found.confidence_interval
        ged = f"{means.mean():.3f} ({low:.3f} to {high:.3f})"
        rest = [f"{part[name].mean():.3f}" for name in ("matched_iou", "diversity")]
        yield row([model, masks, ged, *rest, part.iloc[0]["steps"]])
    yield f"\n- torch {first['torch']}; {machine_line(first)}\n"


def pretext_table(rows: pd.DataFrame) -> Iterator[str]:
    """Give the section on what weights from scans alone save."""
    yield "\n## Learning from scans before any mask\n\n"
    yield (
        "One planned network, trained on a few labelled cases from random weights and from weights "
        "that learned from all scans that are not scored, without their masks (`suffice "
        "pretrain`). Each number of minutes is a whole training with its own schedule, of one "
        "core's time; the minutes of the pretraining are spent once and stand apart. Dice is "
        "averaged over labels and draws of labelled cases, with intervals over the unseen cases; "
        "differences to random weights at the same minutes are paired.\n\n"
    )
    head = ["cases", "labels", "draws", "start", "tuning", "scans", "pretraining, minutes"]
    yield row([*head, "minutes", "Dice, %", "gain, points", "steps"])
    yield row(["---"] * 11)
    notes: list[str] = []
    for (dataset, n_labels), part in rows.groupby(["dataset", "n_labels"], sort=False):
        plain = part[part["way"] == "scratch"]
        for (way, tuning, spent), own in part.groupby(
            ["way", "tuning", "pretrain_minutes"], sort=False
        ):
            facts = [dataset, n_labels, own["draw"].nunique(), way, tuning, own.iloc[0]["n_scans"]]
            for minutes, each in own.groupby("minutes"):
                cells = [*facts, f"{spent:g}", f"{minutes:g}", *_gained(each, plain)]
                yield row([*cells, each.iloc[0]["steps"]])
            if way != "scratch" and len(plain):
                name = f"{dataset}, {n_labels} labels, {way}, {tuning}"
                notes.append(f"- {name}: {_time_saved(own, plain)}\n")
    yield "\n" + "".join(notes)
    yield f"- torch {rows.iloc[0]['torch']}; {machine_line(rows.iloc[0])}\n"


def _gained(each: pd.DataFrame, plain: pd.DataFrame) -> tuple[str, str]:
    """Dice of trainings of some minutes, and its difference to random weights at the same."""
    means = each.groupby("case")["dice"].mean()
    # Only draws that both have, of a bench that was cut short, too.
    same = plain[(plain["minutes"] == each.iloc[0]["minutes"]) & plain["draw"].isin(each["draw"])]
    if each.iloc[0]["way"] == "scratch" or same["draw"].nunique() < each["draw"].nunique():
        return interval(means), ""
    return interval(means), interval(means - same.groupby("case")["dice"].mean())


def _time_saved(own: pd.DataFrame, plain: pd.DataFrame) -> str:
    """Say in how many of the minutes that were tried the last Dice from random weights is had."""
    both = set(own["draw"]) & set(plain["draw"])
    own, plain = (part[part["draw"].isin(both)] for part in (own, plain))
    longest = plain["minutes"].max()
    goal = plain[plain["minutes"] == longest]["dice"].mean()
    means = own.groupby("minutes")["dice"].mean()
    reached = means.index[means >= goal]
    words = f"the {100 * goal:.1f} % of random weights after {longest:g} minutes are "
    if not len(reached):
        return words + f"not reached in {means.index.max():g}."
    return words + f"reached in {reached.min():g} ({100 * means[reached.min()]:.1f} %)."


def tuning_table(rows: pd.DataFrame) -> Iterator[str]:
    """Give the section on what the defaults were chosen by."""
    yield "\n## What the defaults were chosen by\n\n"
    yield (
        "Single trainings of 6 minutes of one core's time each, with one seed: a difference of "
        "less than a point is noise. Scored on cases that are in no benchmark above. Mirroring, "
        "even left to right alone, cost points; so did test images padded unlike the training "
        "ones, under instance norm; fewer convolutions at full resolution bought steps.\n\n"
    )
    yield row([name.replace("_", " ") for name in rows.columns])
    yield row(["---"] * len(rows.columns))
    for line in rows.itertuples(index=False):
        yield row([f"{100 * cell:.1f} %" if cell is line.dice else cell for cell in line])
