"""Train suffice on a list of cases for some minutes and predict other cases.

Reading, preprocessing and calibration are counted against its minutes.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import side
from datasets import DATASETS


def describe(model: Path, minutes: float) -> dict[str, Any]:
    """What the page says about the run."""
    plan = tomllib.loads((model / "plan.toml").read_text())
    card = tomllib.loads((model / "model.toml").read_text())
    patch = "x".join(str(n) for n in plan["patch_size"])
    return {
        "version": version("suffice"),
        "torch": version("torch"),
        "precision": {"32-true": "fp32", "bf16-mixed": "bf16"}.get(plan["precision"], "fp16"),
        "steps": card["n_steps"],
        "minutes_trained": minutes,
        "plan": f"{card['rung']}, patch {patch}, batch {plan['batch_size']}, "
        f"channels {plan['widths']}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    side.add_arguments(parser)
    parser.add_argument("--model", default="auto", help="as of `suffice train`")
    options = parser.parse_args()
    side.limit_threads(options.threads, options.core)
    dataset = DATASETS[options.dataset]
    train_names = dataset.case_names(options.train)
    test_names = dataset.case_names(options.test)

    from suffice.workflows.importing import import_cohort
    from suffice.workflows.predicting import predict
    from suffice.workflows.training import train

    with tempfile.TemporaryDirectory(prefix="suffice-") as temporary:
        folder = Path(temporary)
        report = import_cohort(options.data / dataset.folder, folder / "cohort")
        trained = train(
            report.cohort,
            folder / "model",
            minutes=options.minutes,
            cases=train_names,
            model=options.model,
            seed=options.seed,
        )
        scans = [dataset.image_path(options.data, case) for case in test_names]
        for mode in side.MODES:
            begun = time.monotonic()
            predict(trained.model, scans, options.out / mode, mirror=mode == "mirrored")
            seconds = time.monotonic() - begun
            print(f"suffice: predicted {len(scans)} cases ({mode}) in {seconds:.0f} s")
        side.write_info(options.out, describe(trained.model, trained.minutes))


if __name__ == "__main__":
    main()
