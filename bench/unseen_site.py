"""An unseen site, simulated: each switch against a shift of scanner, on and off.

One U-Net is trained as usual and one with styles of other cases. Both draw the test cases as they
are and as another scanner might show them: gamma, contrast, bias field, blur and noise, written
here apart from the library's augmentation, and the same for each run. Minutes are of one core's
time.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import ndimage

import own_core
from datasets import DATASETS, dice

TRAININGS: dict[str, tuple[str, ...]] = {"usual": (), "styles": ("histogram", "fourier")}
PREDICTIONS = ("plain", "views", "matched", "views, matched")
RUN = ["dataset", "training", "draw", "minutes", "n_labels", "test"]
N_VIEWS = 4


def shifted(channels: npt.NDArray[Any], case: str) -> npt.NDArray[np.float32]:
    """Show a scan ``(C, *spatial)`` as another scanner might; its name is the seed."""
    if len(channels) > 1 and (channels == channels[:1]).all():
        # A grey picture saved in colour is one picture.
        return np.repeat(shifted(channels[:1], case), len(channels), axis=0)
    rng = np.random.default_rng(zlib.crc32(case.encode()))
    power = np.exp(rng.choice([-1, 1]) * rng.uniform(0.4, 0.9))
    gain, slope = rng.uniform(0.6, 1.6), rng.uniform(-0.35, 0.35, channels.ndim - 1)
    blur, noise = rng.uniform(0.4, 1.2), rng.uniform(0.01, 0.06)
    places = np.meshgrid(*(np.linspace(-1, 1, n) for n in channels.shape[1:]), indexing="ij")
    field = np.exp(sum(s * (p + 0.5 * p * p) for s, p in zip(slope, places, strict=True)))
    seen = []
    for channel in channels.astype(np.float64):
        low, high = np.percentile(channel, (0.5, 99.5))
        width = max(high - low, 1e-6)
        part = np.clip((channel - low) / width, 0, 1) ** power * gain * field
        part = ndimage.gaussian_filter(part, blur) + noise * rng.standard_normal(part.shape)
        seen.append(low + width * part)
    return np.stack(seen).astype(np.float32)


def drawn(model: Any, image: Any, way: str, landmarks: Any) -> npt.NDArray[np.uint8]:
    """Predict a scan with some of the switches on."""
    from suffice.segmenters.views import predict_views

    seen = landmarks.matched(image) if "matched" in way else image
    found = predict_views(model, seen, N_VIEWS if "views" in way else 1)
    return np.asarray(found.labels.array, np.uint8)


def score(
    model: Any, given: own_core.Setting, landmarks: Any, data: Path
) -> Iterator[dict[str, Any]]:
    """Dice of each test case and label, as it is and shifted, with each switch."""
    from suffice.io import read_case_image

    for case in given.cohort.subset(given.test).cases:
        image, truth = read_case_image(given.cohort, case), given.dataset.truth(data, case.name)
        scans = {
            "as they are": image,
            "shifted": dataclasses.replace(image, array=shifted(image.array, case.name)),
        }
        for scan, seen in scans.items():
            for way in PREDICTIONS:
                mask = drawn(model, seen, way, landmarks)
                for label, value in given.dataset.labels.items():
                    dice_found = round(dice(truth, mask, value), 6)
                    about = {"scans": scan, "prediction": way, "case": case.name, "label": label}
                    yield {**about, "dice": dice_found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", choices=tuple(DATASETS))
    parser.add_argument("trainings", nargs="+", choices=tuple(TRAININGS))
    own_core.add_arguments(parser, minutes=3.0)
    options = parser.parse_args()
    with own_core.setting(options) as given:
        from suffice.io import read_case_image
        from suffice.segmenters import UNetSegmenter
        from suffice.segmenters.landmarks import Landmarks
        from suffice.segmenters.planning import plan_for
        from versus_nnunet import replace_rows

        labelled = given.cohort.subset(given.dataset.case_names(given.dataset.train))
        plan = plan_for(labelled, budget=given.budget)
        landmarks = Landmarks.of(read_case_image(given.cohort, c) for c in labelled.cases)
        for draw, training in itertools.product(options.draws, options.trainings):
            model = UNetSegmenter(plan=dataclasses.replace(plan, mixing=TRAININGS[training]))
            workdir = given.folder / f"{training}-{draw}"
            model.fit(labelled, budget=given.budget, seed=draw, workdir=workdir)
            about = {
                "dataset": options.dataset,
                "training": training,
                "draw": draw,
                "n_labels": len(labelled),
            }
            rows = score(model, given, landmarks, options.data)
            table = pd.DataFrame([{**about, **given.about, **row} for row in rows])
            options.results.mkdir(exist_ok=True)
            replace_rows(options.results / "unseen_site.csv", table, RUN)
            means = table.groupby(["scans", "prediction"], sort=False)["dice"].mean().round(4)
            print(training, draw, model.card_.n_steps, means.to_dict(), flush=True)


if __name__ == "__main__":
    main()
