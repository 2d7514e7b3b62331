"""Forecasts of real learning curves from at most a quarter of their cases, against the truth.

``python bench/forecast.py`` reads ``results/curves.csv`` and forecasts each curve without having
learned anything from its cohort; families alone, as published, are fitted to the same points.
``--ship`` also writes what all curves together have taught into the package.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.isotonic import IsotonicRegression

import suffice
from machine import describe_machine
from suffice.forecasting import (
    FAMILIES,
    Combination,
    Experience,
    LibraryCurve,
    Measured,
    Voice,
    combine,
    fit_family,
    learn_experience,
    measured_points,
    read_measured,
)
from suffice.forecasting.answers import OUT_OF_REACH, crossings
from suffice.forecasting.combining import sizes_up_to
from suffice.forecasting.experience import SHIPPED
from suffice.forecasting.fitting import QUICK
from suffice.study import MEAN

RESULTS = Path(__file__).parent / "results"
CURVE = ["cohort", "rung", "label", "metric", "given"]
METRICS = ("dice", "nsd")
ALONE = ("power", "exponential", "piecewise")
LEVEL = 0.8
N_RESAMPLES = 200
# A curve that rises by less from where it was given has no target that could be told from noise.
LEAST_RISE = 0.01
# Scores that leave no error say nothing about how subjects differ.
LEAST_ERROR = 0.01
SOURCE = "bench/results/curves.csv"


def read_curves(path: Path) -> list[tuple[dict[str, Any], LibraryCurve]]:
    """Read all curves with scores at three sizes or more up to a quarter of the cases."""
    rows = pd.read_csv(path)
    # The mean over labels is no curve of its own beside theirs.
    rows = rows[rows["metric"].isin(METRICS) & (rows["label"] != MEAN)]
    # As `suffice enough` counts: who has several scans is one subject, or each draw would have
    # sizes of its own.
    rows = rows.assign(n_cases=rows["n_subjects"])
    curves = []
    for key, part in rows.groupby(CURVE, sort=True):
        some = part[part["value"].notna()]
        if some["n_cases"].nunique() < 2:
            continue
        between = (some["sd"] / (1.0 - some["value"]).clip(lower=LEAST_ERROR)).median()
        curve = LibraryCurve(str(key[0]), read_measured(some), float(between))
        if curve.is_long:
            curves.append((dict(zip(CURVE, key, strict=True)), curve))
    return curves


def alone(name: str, measured: Measured, experience: Experience, seed: int) -> Combination:
    """Fit one family as published: weighted least squares, resampled, no other curve."""
    points = measured_points(measured, replace(experience, misfit=0.0))
    family, reference = FAMILIES[name], float(measured.largest)
    theta = fit_family(family, points, reference)
    values = measured.resample(N_RESAMPLES, points.sd, np.random.default_rng(seed))
    resampled = fit_family(
        family, replace(points, values=values), reference, n_starts=2, tolerance=QUICK
    )
    return Combination(reference, (Voice(name, 1.0, theta, resampled, math.nan),), 1.0)


def cases_truly_needed(measured: Measured, target: float) -> float:
    """Where the measured means, made to rise, reach a score."""
    order = IsotonicRegression().fit(
        measured.n_cases, measured.means, sample_weight=measured.n_draws
    )
    rising = order.predict(measured.n_cases)[None]
    return float(crossings(rising, measured.n_cases, target)[0])


def targets_of(curve: LibraryCurve) -> dict[str, float]:
    """Scores that were reached later and not before: that of the full size, and half-way to it."""
    begun, full = curve.beginning.means[-1], curve.measured.means[-1]
    if full - begun < LEAST_RISE:
        return {}
    targets = {"half": float(begun + 0.5 * (full - begun)), "full": float(full)}
    # A curve that falls and recovers comes back to what fewer cases had given.
    given = curve.beginning.largest
    return {n: t for n, t in targets.items() if cases_truly_needed(curve.measured, t) > given}


def judge(made: Combination, curve: LibraryCurve) -> dict[str, Any]:
    """Compare a forecast from the beginning with what the whole curve turned out to be."""
    smallest, full = float(curve.measured.n_cases[0]), float(curve.full)
    truth = float(curve.measured.means[-1])
    value = float(made.expected([full])[0])
    paths = made.paths(sizes_up_to(smallest, full))[:, -1]
    low, high = np.quantile(paths, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    low, high = min(float(low), value), max(float(high), value)
    found: dict[str, Any] = {
        "truth": truth,
        "forecast": value,
        "low": low,
        "high": high,
        "holds": low <= truth <= high,
    }
    sizes = sizes_up_to(smallest, OUT_OF_REACH * curve.beginning.largest)
    drawn = made.paths(sizes)
    # One family alone is read as published: where its fit gets there.
    is_alone = len(made.voices) == 1
    for name, target in targets_of(curve).items():
        true = cases_truly_needed(curve.measured, target)
        least, n_cases, most = np.quantile(
            crossings(drawn, sizes, target),
            [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2],
            method="inverted_cdf",
        )
        if is_alone:
            n_cases = float(crossings(made.expected(sizes)[None], sizes, target)[0])
        found |= {
            f"{name}_target": target,
            f"{name}_cases": true,
            f"{name}_forecast": float(n_cases),
            f"{name}_factor": max(n_cases / true, true / n_cases),
            f"{name}_holds": bool(min(least, n_cases) <= true <= max(most, n_cases)),
        }
    return found


def forecasts(
    curves: list[tuple[dict[str, Any], LibraryCurve]], seed: int
) -> Iterator[dict[str, Any]]:
    """Forecast every curve by every method; what was learned is of other cohorts alone."""
    for cohort in sorted({curve.cohort for _, curve in curves}):
        started = time.process_time()
        others = [curve for _, curve in curves if curve.cohort != cohort]
        experience = learn_experience(others, source=SOURCE, seed=seed)
        own = [pair for pair in curves if pair[1].cohort == cohort]
        for number, (key, curve) in enumerate(own):
            begun = curve.beginning
            rng = np.random.default_rng([seed, number])
            methods = {
                "combined": combine(begun, experience, n_resamples=N_RESAMPLES, rng=rng),
                **{name: alone(name, begun, experience, seed) for name in ALONE},
            }
            for method, made in methods.items():
                about = {"n_given": begun.largest, "n_sizes": len(begun.n_cases)}
                about |= {"n_full": curve.full, "inflation": made.inflation}
                weights = {f"weight_{v.family}": round(v.weight, 4) for v in made.voices}
                yield {**key, "method": method, **about, **judge(made, curve), **weights}
        spent = time.process_time() - started
        print(f"{cohort}: {len(own)} curves, inflation {experience.inflation}, {spent:.0f} s")


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """What the page says, a row a method."""
    rows = rows.assign(off=(rows["forecast"] - rows["truth"]).abs())
    kinds = rows.groupby(["metric", "method"], sort=False)
    return pd.DataFrame(
        {
            "curves": kinds.size(),
            "error": kinds["off"].median(),
            "bias": kinds.apply(lambda p: (p["forecast"] - p["truth"]).median()),
            "holds": kinds["holds"].mean(),
            "width": kinds.apply(lambda p: (p["high"] - p["low"]).median()),
            "targets": kinds["half_factor"].count(),
            "half_factor": kinds["half_factor"].median(),
            "full_factor": kinds["full_factor"].median(),
            "half_holds": kinds["half_holds"].apply(lambda s: s.dropna().astype(bool).mean()),
            "full_holds": kinds["full_holds"].apply(lambda s: s.dropna().astype(bool).mean()),
        }
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--curves", type=Path, default=RESULTS / "curves.csv")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--ship", action="store_true", help="write what was learned")
    options = parser.parse_args()
    curves = read_curves(options.curves)
    if options.ship:
        found = learn_experience([c for _, c in curves], source=SOURCE, seed=options.seed)
        text = json.dumps(found.to_json(), indent=2)
        SHIPPED.write_text(text + "\n", encoding="utf-8")
    about = {"suffice": suffice.__version__, **describe_machine()}
    rows = pd.DataFrame(forecasts(curves, options.seed)).round(5).assign(**about)
    rows = rows.sort_values("metric", kind="stable")
    rows.to_csv(options.results / "forecast.csv", index=False, lineterminator="\n")
    print(summary(rows).round(3).to_string())


if __name__ == "__main__":
    main()
