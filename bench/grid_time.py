"""How long the grid of a learning curve takes with so many workers: a simulation."""

from __future__ import annotations

import argparse
import heapq

import numpy as np

FIT_SPREAD, LOST = 0.05, 0.01


def simulate(
    n_subjects: int, workers: int, *, minutes: float, seconds_a_scan: float, n_draws: int
) -> tuple[float, float]:
    """Run the grid of a cohort: hours until it ends, and the share of time that workers work.

    A training takes its minutes give or take a twentieth, then predicts and scores the test
    cases; one in a hundred loses its worker halfway and is begun again.
    """
    from suffice.study.curve_design import geometric_sizes
    from suffice.study.held_back import MOST_TEST, TEST_FRACTION

    n_test = min(round(TEST_FRACTION * n_subjects), MOST_TEST)
    sizes = geometric_sizes(n_subjects - n_test)
    rng = np.random.default_rng(0)
    takes = [
        minutes * rng.normal(1.0, FIT_SPREAD) * (1.5 if rng.random() < LOST else 1.0)
        + n_test * seconds_a_scan / 60
        for _ in range(n_draws * len(sizes))
    ]
    free = [0.0] * workers
    for each in takes:
        heapq.heapreplace(free, free[0] + each)
    return max(free) / 60, sum(takes) / (workers * max(free))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subjects", type=int, default=10_000)
    parser.add_argument("--minutes", type=float, nargs="+", default=[10.0, 60.0])
    parser.add_argument("--seconds-a-scan", type=float, default=5.0)
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32, 64])
    options = parser.parse_args()
    print("| workers |" + "".join(f" {m:g} min each |" for m in options.minutes))
    print("|---|" + "---|" * len(options.minutes))
    for workers in options.workers:
        cells = []
        for minutes in options.minutes:
            hours, busy = simulate(
                options.subjects,
                workers,
                minutes=minutes,
                seconds_a_scan=options.seconds_a_scan,
                n_draws=options.draws,
            )
            cells.append(f" {hours:.1f} h, {100 * busy:.0f} % busy |")
        print(f"| {workers} |" + "".join(cells))


if __name__ == "__main__":
    main()
