"""Train nnU-Net on a list of cases for some minutes and predict other cases.

Planning, preprocessing and finding the fastest precision and worker count are not counted
against its minutes.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import tempfile
import time
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import side
from datasets import DATASETS, Dataset
from nnunet_data import DATASET_ID, write_raw


def plan_and_preprocess(dataset: Dataset) -> None:
    """Run nnU-Net's fingerprint, planner and preprocessor with their defaults."""
    from nnunetv2.experiment_planning import plan_and_preprocess_api as api

    api.extract_fingerprints([DATASET_ID], num_processes=2, show_progress_bar=False)
    api.plan_experiments([DATASET_ID])
    api.preprocess([DATASET_ID], configurations=(dataset.configuration,), num_processes=(2,))


@dataclass(frozen=True)
class Settings:
    """How nnU-Net is run on this machine."""

    bf16: bool
    n_workers: int

    def __str__(self) -> str:
        kind = "bf16" if self.bf16 else "fp32"
        return f"{kind} with {self.n_workers} augmentation processes"


def make_trainer(dataset: Dataset, settings: Settings, seconds: float) -> Any:
    """Return a trainer over all training cases (fold ``all``)."""
    import torch

    from nnunet_trainer import BudgetTrainer

    set_for_nnunet("n_proc_DA", settings.n_workers)
    folder = Path(os.environ["nnUNet_" + "preprocessed"]) / f"Dataset{DATASET_ID}_{dataset.name}"
    plans = json.loads((folder / "nnUNetPlans.json").read_text())
    plans["continue_training"] = False
    trainer = BudgetTrainer(
        plans=plans,
        configuration=dataset.configuration,
        fold="all",
        dataset_json=json.loads((folder / "dataset.json").read_text()),
        device=torch.device("cpu"),
    )
    trainer.configure(seconds=seconds, bf16=settings.bf16)
    return trainer


def fastest(dataset: Dataset, precision: str, threads: int) -> Settings:
    """Find the faster precision, then whether an augmentation process beside pays."""
    import torch

    kinds = [precision == "bf16"]
    # Without instructions for it bfloat16 is emulated: 30 times as slow as float32.
    if precision == "auto" and torch.ops.mkldnn._is_mkldnn_bf16_supported():
        kinds = [False, True]
    tried = [Settings(bf16, 0) for bf16 in kinds]
    seconds = {s: make_trainer(dataset, s, 0.0).seconds_a_step() for s in tried}
    best = min(seconds, key=seconds.__getitem__)
    # One core has no room for a second process beside the training.
    if threads > 1:
        beside = replace(best, n_workers=threads - 1)
        seconds[beside] = make_trainer(dataset, beside, 0.0).seconds_a_step()
    for settings, duration in seconds.items():
        print(f"nnU-Net: {duration:.3f} s a step in {settings}")
    return min(seconds, key=seconds.__getitem__)


def predict(trainer: Any, dataset: Dataset, raw: Path, test: list[str], out: Path) -> None:
    """Predict the test cases in fp32, plain and mirrored."""
    import torch
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    weights = copy.deepcopy(trainer.network.state_dict())
    images = [[str(raw / "imagesTs" / f"{case}_0000{dataset.file_ending}")] for case in test]
    for mode in side.MODES:
        predictor = nnUNetPredictor(
            use_mirroring=mode == "mirrored", device=torch.device("cpu"), allow_tqdm=False
        )
        predictor.manual_initialization(
            trainer.network,
            trainer.plans_manager,
            trainer.configuration_manager,
            [weights],
            trainer.dataset_json,
            type(trainer).__name__,
            trainer.inference_allowed_mirroring_axes,
        )
        (out / mode).mkdir(parents=True, exist_ok=True)
        begun = time.monotonic()
        predictor.predict_from_files_sequential(images, [str(out / mode / case) for case in test])
        print(f"nnU-Net: predicted {len(test)} cases ({mode}) in {time.monotonic() - begun:.0f} s")


def describe(trainer: Any, settings: Settings) -> dict[str, Any]:
    """What the page says about the run."""
    configuration = trainer.configuration_manager
    patch = "x".join(map(str, configuration.patch_size))
    channels = configuration.network_arch_init_kwargs["features_per_stage"]
    return {
        "version": version("nnunetv2"),
        "torch": version("torch"),
        "precision": "bf16" if settings.bf16 else "fp32",
        "steps": trainer.n_steps,
        "minutes_trained": round(trainer.seconds_trained / 60.0, 3),
        "plan": f"{trainer.configuration_name}, patch {patch}, batch {configuration.batch_size}, "
        f"channels {channels}, {settings.n_workers} augmentation processes",
    }


def set_for_nnunet(name: str, value: object) -> None:
    """Set one of the environment variables that nnU-Net is steered by."""
    os.environ[f"nnUNet_{name}"] = str(value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    side.add_arguments(parser)
    parser.add_argument("--precision", choices=("auto", "fp32", "bf16"), default="auto")
    options = parser.parse_args()
    side.limit_threads(options.threads, options.core)
    dataset = DATASETS[options.dataset]
    train, test = dataset.case_names(options.train), dataset.case_names(options.test)

    with tempfile.TemporaryDirectory(prefix="nnunet-") as temporary:
        for name in ("raw", "preprocessed", "results"):
            (Path(temporary) / name).mkdir()
            set_for_nnunet(name, Path(temporary) / name)
        set_for_nnunet("def_n_proc", options.threads)
        raw = write_raw(dataset, options.data, train, test, Path(temporary) / "raw")
        plan_and_preprocess(dataset)
        settings = fastest(dataset, options.precision, options.threads)

        from nnunet_trainer import seed_everything

        seed_everything(options.seed)
        trainer = make_trainer(dataset, settings, options.minutes * 60.0)
        trainer.run_training()
        predict(trainer, dataset, raw, test, options.out)
    side.write_info(options.out, describe(trainer, settings))


if __name__ == "__main__":
    main()
