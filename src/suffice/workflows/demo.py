"""The cohort of the demo: chest CT of people who do not exist."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from suffice.core import (
    Case,
    Channel,
    Cohort,
    LabelMap,
    Legend,
    Listener,
    Progress,
    UsageError,
    silent,
)
from suffice.files import writing_folder
from suffice.io import read_cohort, write_cohort, write_image, write_mask
from suffice.phantoms import Chest, Phantom, chest_ct, chest_grid, draw_chest
from suffice.workflows.demo_spirometry import SPIROMETRY_CSV, Person, breathe, draw_person

# Scanners differ: in slice thickness, in the direction of their axes, in how the patient lies.
_SPACINGS_MM = ((4.5, 4.5, 5.0), (5.0, 5.0, 5.0), (4.5, 4.5, 6.0), (4.8, 4.8, 5.5))
_FLIPS: tuple[tuple[int, ...], ...] = ((), (0, 1), (), (2,), (0,))
# Nobody holds the breath twice alike.
_BREATH = (0.9, 1.0)
# Every second person has much less lung a year later, the others as good as the same.
_LOSSES = ((0.0, 0.05), (0.25, 0.45))
_TILTS_DEGREES = (0.0, 0.0, 0.0, 7.0, 0.0)


def write_demo_cohort(
    folder: Path,
    *,
    n_subjects: int = 12,
    seed: int = 0,
    spacings_mm: Sequence[Sequence[float]] = _SPACINGS_MM,
    difficulty: float = 0.3,
    overwrite: bool = False,
    listener: Listener = silent,
) -> Cohort:
    """Write a cohort of chest CT with two visits a subject, half of the subjects with masks.

    Scans are taken at near full inspiration, about a year apart; between them every second person
    loses a part of the lungs. ``spirometry.csv`` holds a test near each scan whose FVC follows the
    true volume, with noise. Grids differ in spacing and direction, and some are oblique.

    Parameters
    ----------
    folder : Path
        Holds a cohort folder afterwards, with ``images`` and ``masks``.
    n_subjects : int
        At least 2; the first half has masks of both lungs. The airway is drawn in the scans but
        has no label: three minutes do not teach so thin a structure.
    seed : int
        The same seed makes the same cohort.
    spacings_mm : sequence of spacings
        Taken in turn by the subjects.
    difficulty : float
        From 0 to 1, see `suffice.phantoms.chest_ct`.
    overwrite : bool
        Whether an existing folder may be replaced.
    listener : callable
        Told the progress.

    Returns
    -------
    Cohort
        As read back from ``folder``.
    """
    if n_subjects < 2:
        raise UsageError("The demo needs at least 2 subjects", got=n_subjects)
    n_labelled = (n_subjects + 1) // 2
    with writing_folder(folder, overwrite=overwrite) as partial:
        cases: list[Case] = []
        tests: list[dict[str, object]] = []
        for subject, rng in enumerate(np.random.default_rng(seed).spawn(n_subjects)):
            chest, loss = draw_chest(rng), _loss(rng, subject)
            person: Person | None = None
            first_day = date(2023, 1, 9) + timedelta(days=int(rng.integers(0, 300)))
            for visit in (1, 2):
                listener(Progress("phantoms", len(cases) / (2 * n_subjects)))
                state = chest.breathed(1.0 - loss) if visit == 2 else chest
                phantom = _scan(rng, state, subject, visit, spacings_mm, difficulty)
                day = first_day + timedelta(days=(visit - 1) * int(rng.integers(350, 381)))
                cases.append(
                    _write_case(
                        partial, phantom, f"S{subject + 1:02d}", visit, day, subject < n_labelled
                    )
                )
                whole_l = _lungs_l(phantom)
                person = person or draw_person(rng, whole_l)
                tests.append(breathe(rng, person, cases[-1], whole_l))
        pd.DataFrame(tests).to_csv(partial / SPIROMETRY_CSV, index=False)
        channel = Channel(modality="CT", unit="HU")
        legend = _lungs(phantom.truth).legend
        write_cohort(Cohort("demo", partial, (channel,), legend, tuple(cases)), partial)
    listener(Progress("phantoms", 1.0))
    return read_cohort(folder)


def _scan(
    rng: np.random.Generator,
    chest: Chest,
    subject: int,
    visit: int,
    spacings_mm: Sequence[Sequence[float]],
    difficulty: float,
) -> Phantom:
    grid = chest_grid(
        chest,
        spacings_mm[subject % len(spacings_mm)],
        flipped=_FLIPS[subject % len(_FLIPS)],
        tilt_degrees=_TILTS_DEGREES[(subject + visit) % len(_TILTS_DEGREES)],
    )
    return chest_ct(
        rng,
        chest=chest,
        grid=grid,
        inspiration=float(rng.uniform(*_BREATH)),
        difficulty=difficulty,
        label_nodules=False,
    )


def _loss(rng: np.random.Generator, subject: int) -> float:
    """How much of a full breath's way the diaphragm of a person stands higher a year later."""
    low, high = _LOSSES[subject % 2]
    return float(rng.uniform(low, high))


def _lungs_l(phantom: Phantom) -> float:
    """True volume of both lungs in litres, by the shapes and not by the voxels."""
    parts = [ml for name, ml in phantom.volumes_ml.items() if name.endswith("lung")]
    return sum(parts) / 1000.0


def _write_case(
    folder: Path, phantom: Phantom, subject: str, visit: int, day: date, labelled: bool
) -> Case:
    name = f"{subject}_visit{visit}"
    image = folder / "images" / f"{name}.nii.gz"
    write_image(image, phantom.image)
    masks = {}
    if labelled:
        masks["expert"] = folder / "masks" / f"{name}.nii.gz"
        write_mask(masks["expert"], _lungs(phantom.truth))
    return Case(name, subject, {"image": image}, masks, str(visit), day.isoformat())


def _lungs(truth: LabelMap) -> LabelMap:
    """Leave the lungs' labels alone."""
    lungs = Legend(tuple(label for label in truth.legend if label.name.endswith("lung")))
    return LabelMap(np.where(np.isin(truth.array, lungs.values), truth.array, 0), truth.grid, lungs)
