"""Draw the fixed case lists of ``bench/cases`` (once; they are committed)."""

from __future__ import annotations

import argparse
import random
from pathlib import Path

SEED = 20260
CASES = Path(__file__).parent / "cases"


def labelled_names(data: Path) -> dict[str, list[str]]:
    """Names of the cases of each data set that have an image and a mask of their own."""
    hippocampus = data / "hippocampus"
    return {
        "hippocampus": sorted(
            path.name.removesuffix(".nii.gz")
            for path in (hippocampus / "images").glob("*.nii.gz")
            if (hippocampus / "labels" / path.name).exists()
        ),
        "chest": sorted(path.stem for path in (data / "chest_xray_lungs/images").glob("*.png")),
        "nuclei": sorted(path.name for path in (data / "nuclei").iterdir() if path.is_dir()),
        # Patients, as slices and nodules of one look alike.
        "lidc": sorted(path.name for path in (data / "lidc_nodules").iterdir() if path.is_dir()),
        "cells": sorted(path.stem for path in (data / "cells_10_raters/RawImages").glob("*.png")),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    data = parser.parse_args().data
    sizes = {
        "hippocampus": (8, 20),
        "chest": (12, 40),
        "nuclei": (12, 40),
        "lidc": (20, 14),
        "cells": (18, 12),
    }
    CASES.mkdir(exist_ok=True)
    for name, cases in labelled_names(data).items():
        n_train, n_test = sizes[name]
        random.Random(SEED).shuffle(cases)
        parts = {
            f"train{n_train}": cases[:n_train],
            f"test{n_test}": cases[n_train : n_train + n_test],
            "develop": cases[n_train + n_test :],
        }
        for part, names in parts.items():
            (CASES / f"{name}-{part}.txt").write_text("".join(f"{n}\n" for n in sorted(names)))


if __name__ == "__main__":
    main()
