"""Peak memory of `suffice predict` on a CT of 512x512x1000 voxels, and the minutes it takes.

The scan has the model's own spacing, so that nothing is made smaller before the network sees it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd

import inference_models as models
import side
from machine import describe_machine

RESULTS = Path(__file__).parent / "results"
SHAPE = (512, 512, 1000)


def make_scan(path: Path, shape: tuple[int, ...]) -> None:
    """Blow up a chest of 256x256x128 voxels and put noise on it."""
    image = models.chest_phantom(3).image
    values = np.clip(np.rint(image.array[0]), -1024, 3000).astype(np.int16)
    for axis, length in enumerate(shape):
        times = -(-length // values.shape[axis])
        values = np.repeat(values, times, axis).take(range(length), axis)
    values += np.random.default_rng(0).integers(-20, 21, shape, dtype=np.int16)
    spacing = image.grid.unit_spacing
    nib.save(nib.Nifti1Image(values, np.diag([*spacing, 1.0])), path)


def predict_in_child(model: Path, scan: Path, out: Path) -> tuple[float, float]:
    """Run the command line as a user would; return its peak memory in GB and its minutes."""
    begun = time.monotonic()
    suffice = Path(sys.executable).with_name("suffice")
    arguments = [str(suffice), "predict", str(model), str(scan), "--out", str(out)]
    child = subprocess.Popen(arguments)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, arguments)
    # Kilobytes on Linux.
    return usage.ru_maxrss * 1024 / 1e9, (time.monotonic() - begun) / 60


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, help="networks of inference.py, used again")
    parser.add_argument("--train-minutes", type=float, default=10.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--shape", type=int, nargs=3, default=SHAPE, help="another scan, to try this script"
    )
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    side.limit_threads(options.threads, None)
    shape = tuple(options.shape)
    with tempfile.TemporaryDirectory(prefix="memory-") as temporary:
        place = Path(temporary)
        kept = options.models or place
        if not (kept / "phantoms").exists():
            cohort = models.phantom_cohort(place / "chests")
            models.train_network(cohort, 96, options.train_minutes, kept / "phantoms")
        scan = place / "ct.nii.gz"
        # In a process of its own: a child's peak begins at what its parent holds.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            pool.submit(make_scan, scan, shape).result()
        peak, minutes = predict_in_child(kept / "phantoms", scan, place / "masks")
        same = nib.load(place / "masks" / scan.name).shape == shape
    row = {
        "scan": "x".join(map(str, shape)),
        "peak_gb": round(peak, 2),
        "minutes": round(minutes, 1),
        "mask_fits": same,
        "threads": options.threads,
        **describe_machine(),
    }
    options.results.mkdir(exist_ok=True)
    pd.DataFrame([row]).to_csv(options.results / "memory.csv", index=False)
    print(row)


if __name__ == "__main__":
    main()
