"""Learning curves: the score on unseen cases of models trained on more and more labelled ones.

``python bench/curves.py hippocampus forest --minutes 0.5 --core 1 --draws 3`` appends the rows of
trainings that are not in ``results/curves.csv`` yet; give it again to go on, or with more draws.
Every training of a curve has the same minutes of one core's time. The cases to score on are the
same for all draws, but for cohorts of few subjects, where each draw holds back another part.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import own_core

TABLE = "curves.csv"
KEY = ["cohort", "rung", "n_cases", "draw", "seed", "given"]
N_PHANTOMS = 84
FOLDERS = {
    "hippocampus": "hippocampus",
    "chest_xray_lungs": "chest_xray_lungs",
    "nuclei": "nuclei",
    "axons_bids": "axons_bids",
    "cells_10_raters": "cells_10_raters",
    "brain_tumour_coco": "brain_tumour_coco",
    "lidc_nodules": "lidc_nodules",
}
# Of four, who need not be the same people in all scans; a curve of their consensus is another.
NODULE_RATER = "0"


def discs_in_noise(noise: float, rng: np.random.Generator) -> Any:
    """Draw bright discs in as much noise, in grey values that a picture can hold."""
    from suffice.phantoms import discs

    made = discs(rng, noise=noise)
    grey = np.clip(np.round((made.image.array + 2.0) / 5.0 * 255.0), 0, 255).astype(np.uint8)
    return replace(made, image=replace(made.image, array=grey))


def chest_of(difficulty: float, rng: np.random.Generator) -> Any:
    """Scan a coarse chest."""
    from suffice.phantoms import chest_ct

    return chest_ct(
        rng,
        spacing_mm=(9.0, 9.0, 12.0),
        difficulty=difficulty,
        inspiration=float(rng.uniform(0.1, 1.0)),
        label_nodules=False,
    )


def cells_of(rng: np.random.Generator) -> Any:
    """Stain a picture of cells."""
    from suffice.phantoms import picture_of_cells

    return picture_of_cells(rng)


PHANTOMS: dict[str, Callable[[np.random.Generator], Any]] = {
    "phantom_discs_easy": partial(discs_in_noise, 0.2),
    "phantom_discs_middling": partial(discs_in_noise, 0.6),
    "phantom_discs_hard": partial(discs_in_noise, 1.2),
    "phantom_cells": cells_of,
    "phantom_chest_easy": partial(chest_of, 0.1),
    "phantom_chest_hard": partial(chest_of, 0.9),
}


def phantom_cohort(name: str, folder: Path) -> Any:
    """Write a cohort of phantoms, the same ones every time."""
    from suffice.core import Case, Channel, Cohort
    from suffice.io import write_cohort, write_image, write_mask

    cases = []
    for number, rng in enumerate(np.random.default_rng(11).spawn(N_PHANTOMS)):
        made = PHANTOMS[name](rng)
        suffix = ".nii.gz" if made.image.grid.ndim == 3 else ".png"
        image, mask = (folder / kind / f"p{number:03d}{suffix}" for kind in ("images", "masks"))
        write_image(image, made.image)
        write_mask(mask, made.truth)
        cases.append(Case(f"p{number:03d}", f"p{number:03d}", {"image": image}, {"expert": mask}))
    channel = Channel(modality=made.image.modality, unit=made.image.unit)
    cohort = Cohort(name, folder, (channel,), made.truth.legend, tuple(cases))
    write_cohort(cohort, folder)
    return cohort


def nodules_of_one(data: Path, folder: Path) -> Any:
    """Import the slices that one rater saw a nodule on."""
    from plausible import read_nodules
    from suffice.io import read_case_mask

    def outlined(case: Any) -> Any:
        kept = {NODULE_RATER: case.masks[NODULE_RATER]} if NODULE_RATER in case.masks else {}
        return replace(case, masks=kept)

    cohort = read_nodules(data, folder)
    cohort = replace(cohort, cases=tuple(map(outlined, cohort.cases))).labelled()
    return cohort.where(lambda case: bool(read_case_mask(cohort, case).array.any()))


def read_dataset(name: str, data: Path, folder: Path) -> Any:
    """Make the cohort of a name."""
    from suffice.workflows.importing import import_cohort

    if name in PHANTOMS:
        return phantom_cohort(name, folder)
    if name == "lidc_nodules":
        return nodules_of_one(data, folder)
    return import_cohort(data / FOLDERS[name], folder).cohort


def done_before(path: Path) -> set[tuple[Any, ...]]:
    """The trainings of the table."""
    if not path.exists():
        return set()
    return set(pd.read_csv(path)[KEY].itertuples(index=False, name=None))


def append(path: Path, rows: pd.DataFrame) -> None:
    """Add rows at the end; one write, so that two runs can share the table."""
    if path.exists():
        rows = rows.reindex(columns=list(pd.read_csv(path, nrows=0).columns))
    text = rows.to_csv(index=False, header=not path.exists(), lineterminator="\n")
    with path.open("a", encoding="utf-8") as handle:
        handle.write(text)


def measure(options: argparse.Namespace) -> None:
    """Train whatever is not in the table yet."""
    from suffice.core import SufficeError
    from suffice.metrics import Panel
    from suffice.segmenters import RUNGS
    from suffice.study.curve_design import design_curve
    from suffice.study.curve_table import curve_rows
    from suffice.study.splits import hold_out
    from suffice.workflows.trying import fit_and_score

    options.results.mkdir(exist_ok=True)
    path = options.results / TABLE
    done = done_before(path)
    about = own_core.where_it_ran()
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        cohort = read_dataset(options.cohort, options.data, Path(temporary) / "cohort")
        test = None
        if options.n_test:
            test = hold_out(cohort, n_test=options.n_test, seed=0).test
        design = design_curve(cohort, test=test, ratio=options.ratio)
        if options.smallest or options.largest:
            least, most = options.smallest or 1, options.largest or design.sizes[-1]
            kept = tuple(n for n in design.sizes if least <= n <= most)
            design = replace(design, sizes=kept)
        print(options.cohort, "sizes", design.sizes, "parts", len(design.parts), flush=True)
        for one in design.trainings([options.rung], draws=range(options.draws)):
            key = (options.cohort, one.rung, len(one.cases), one.draw, one.seed, options.minutes)
            if key in done:
                continue
            started = time.process_time()
            train, unseen = (cohort.subset(names) for names in (one.cases, one.test))
            scores, note = pd.DataFrame(), ""
            try:
                scores = fit_and_score(
                    RUNGS[one.rung](),
                    train,
                    unseen,
                    Path(temporary) / one.name,
                    minutes=options.minutes,
                    seed=one.seed,
                    panel=Panel(names=("dice", "nsd")),
                )
            except SufficeError as error:
                note = str(error)
            minutes = (time.process_time() - started) / 60
            rows = curve_rows(one, scores, minutes=minutes, note=note)
            rows.insert(0, "cohort", options.cohort)
            append(path, rows.assign(given=options.minutes, **about))
            dice = rows[rows["metric"] == "dice"]
            shown = ", ".join(f"{r.label} {r.value:.4f}" for r in dice.itertuples())
            print(one.name, shown or note, f"{minutes:.2f} min", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cohort", choices=(*FOLDERS, *PHANTOMS))
    parser.add_argument("rung")
    parser.add_argument("--minutes", type=float, default=0.5, help="of each training")
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--ratio", type=float, default=2**0.5, help="between sizes")
    parser.add_argument("--smallest", type=int)
    parser.add_argument("--largest", type=int)
    parser.add_argument("--n-test", type=int, help="subjects to score on; a third by default")
    parser.add_argument("--core", type=int)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--results", type=Path, default=own_core.RESULTS)
    options = parser.parse_args()
    own_core.keep_to(options.core)
    measure(options)


if __name__ == "__main__":
    main()
