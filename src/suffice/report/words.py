"""Numbers, metrics and counts in the words of the reader."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from suffice.metrics import Panel, split_unit

MISSING = "–"


@dataclass(frozen=True, slots=True)
class MetricWords:
    """How a metric is called, how many decimals it deserves and which way is better."""

    title: str
    decimals: int = 3
    better: str = ""
    meaning: str = ""


_SHARE = "predicted minus drawn, in % of the drawn"

# A study is scored by the panel that is the default, in mm or, where these are unknown, pixels.
_TOLERANCE = Panel.default().nsd_tolerance_mm

# By name without the unit, in the order in which the score table shows them.
METRICS: dict[str, MetricWords] = {
    "dice": MetricWords("Dice", 3, "higher", "overlap of the two masks, 0 none to 1 complete"),
    "iou": MetricWords("IoU", 3, "higher", "shared part of the union of the two masks"),
    "nsd": MetricWords(
        "NSD",
        3,
        "higher",
        f"part of both outlines within {_TOLERANCE:g} mm of the other"
        " (pixels where mm are unknown)",
    ),
    "cldice": MetricWords(
        "clDice", 3, "higher", "part of both centrelines that lies within the other mask"
    ),
    "sensitivity": MetricWords("Sensitivity", 3, "higher", "part of the drawn that is predicted"),
    "precision": MetricWords("Precision", 3, "higher", "part of the predicted that is drawn"),
    "specificity": MetricWords(
        "Specificity", 4, "higher", "part of the background left alone: near 1 for any small mask"
    ),
    "kappa": MetricWords("Kappa", 3, "higher", "agreement of the voxels beyond chance"),
    "volume_similarity": MetricWords(
        "Volume similarity", 3, "higher", "how alike the sizes are, wherever the masks lie"
    ),
    "hd95": MetricWords(
        "HD95", 2, "lower", "95 % of the outline lies closer than this to the other outline"
    ),
    "hd": MetricWords("HD", 2, "lower", "largest distance from one outline to the other"),
    "assd": MetricWords("ASSD", 2, "lower", "mean distance between the two outlines"),
    "masd": MetricWords("MASD", 2, "lower", "mean of each outline's mean distance to the other"),
    "volume_error": MetricWords("Volume error", 2, "near 0", "predicted minus drawn"),
    "area_error": MetricWords("Area error", 1, "near 0", "predicted minus drawn"),
    "lesion_sensitivity": MetricWords(
        "Objects found", 3, "higher", "part of the drawn objects that a prediction touches"
    ),
    "lesion_precision": MetricWords(
        "Objects right", 3, "higher", "part of the predicted objects that touch a drawn one"
    ),
    "lesion_f1": MetricWords("F1 of objects", 3, "higher", "balance of objects found and right"),
    "pq": MetricWords(
        "PQ", 3, "higher", "panoptic quality: objects matched, weighted by their overlap"
    ),
    "sq": MetricWords("SQ", 3, "higher", "mean IoU of the objects matched"),
    "rq": MetricWords("RQ", 3, "higher", "F1 of the objects matched"),
    "f1_iou50": MetricWords("F1 at IoU 0.5", 3, "higher", "objects that match by IoU above 0.5"),
    "f1_iou10": MetricWords("F1 at IoU 0.1", 3, "higher", "objects that match by IoU above 0.1"),
    "dsb_ap50": MetricWords(
        "AP at IoU 0.5", 3, "higher", "matched objects over all, as in the Data Science Bowl"
    ),
    "dsb_ap50_95": MetricWords("AP at IoU 0.5 to 0.95", 3, "higher", "the same, a mean"),
    "aji": MetricWords("AJI", 3, "higher", "aggregated Jaccard index of the objects"),
    "aji_plus": MetricWords("AJI+", 3, "higher", "AJI with one-to-one pairs"),
    "count_error": MetricWords("Count error", 1, "near 0", "objects predicted minus drawn"),
    "brier": MetricWords(
        "Brier score", 3, "lower", "squared error of the probabilities near the structures"
    ),
    "ece": MetricWords(
        "ECE", 3, "lower", "gap between how sure the model is and how often it is right, near them"
    ),
    "nll": MetricWords("Log loss", 3, "lower", "in nats: being sure and wrong costs most"),
    "volume": MetricWords("Volume", 2),
    "area": MetricWords("Area", 1),
    "extent": MetricWords("Largest extent", 1),
    "accuracy": MetricWords(
        "Voxel accuracy",
        3,
        "higher",
        "counts the background too, so an empty mask scores high: judge by Dice",
    ),
}

# Of the units that end a row's name; the others are written as they are.
_UNIT_WORDS = {"percent": "%", "px": "pixels", "mm2": "mm²"}


def metric_words(metric: str) -> MetricWords:
    """Return the words for ``metric``; an unknown one keeps its name, its unit in brackets.

    Examples
    --------
    >>> metric_words("dice").title, metric_words("hd95_px").title, metric_words("mass_ml").title
    ('Dice', 'HD95 (pixels)', 'Mass (ml)')
    """
    stem, unit = split_unit(metric)
    known = METRICS.get(stem, MetricWords(_sentence(stem)))
    if not unit:
        return known
    title = f"{known.title} ({_UNIT_WORDS.get(unit, unit)})"
    if unit == "percent":
        return replace(known, title=title, decimals=1, meaning=_SHARE)
    if unit == "px" and stem.startswith("area"):
        # Pixels are counted.
        return replace(known, title=title, decimals=0)
    return replace(known, title=title)


def metric_rank(metric: str) -> tuple[int, str]:
    """Sort key: known metrics in their order, then the others by name."""
    names = list(METRICS)
    stem, _ = split_unit(metric)
    return (names.index(stem) if stem in METRICS else len(names), metric)


def _sentence(name: str) -> str:
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def number(value: float | None, decimals: int = 2) -> str:
    """Write ``value`` with ``decimals``; what is not a finite number becomes a dash.

    Examples
    --------
    >>> number(0.8312), number(-0.001), number(float("nan"))
    ('0.83', '0.00', '–')
    """
    if value is None or not math.isfinite(value):
        return MISSING
    text = f"{value:.{decimals}f}"
    is_zero = not text.strip("-0.")
    return (text.lstrip("-") if is_zero else text).replace("-", "−")


def interval(low: float | None, high: float | None, decimals: int = 2) -> str:
    """Write an interval as ``low to high``, or a dash where there is none."""
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return MISSING
    return f"{number(low, decimals)} to {number(high, decimals)}"


def percent(level: float | None) -> str:
    """Write a confidence level: 0.95 becomes ``95 %``."""
    return f"{100 * level:g} %" if level is not None and math.isfinite(level) else "95 %"


def count(n: int, noun: str, plural: str | None = None) -> str:
    """Write a number of things, the noun in the right number.

    Examples
    --------
    >>> count(1, "subject"), count(3, "study", "studies")
    ('1 subject', '3 studies')
    """
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}".replace(",", "\u202f")


def listed(items: Sequence[str], last: str = "and") -> str:
    """Join items as in a sentence: ``a, b and c``."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {last} {items[-1]}"


def duration(minutes: float) -> str:
    """Write minutes as a person would.

    Examples
    --------
    >>> duration(0.5), duration(12.34), duration(125)
    ('30 s', '12 min', '2 h 5 min')
    """
    if minutes < 1:
        return f"{round(minutes * 60)} s"
    if minutes < 10:
        return f"{minutes:.1f} min".replace(".0 ", " ")
    hours, rest = divmod(round(minutes), 60)
    return f"{hours} h {rest} min" if hours else f"{rest} min"
