"""Tiled inference: ours, MONAI's and nnU-Net's, over the same arrays with the same network.

All three run in one process with the same weights; theirs with an overlap of 0.5 and Gaussian
weights. What is timed goes from the normalised volume to the class of each voxel.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import side
from datasets import dice
from machine import describe_machine

if TYPE_CHECKING:
    import torch

    from inference_models import Sample
    from suffice.training.plan import Plan

RESULTS = Path(__file__).parent / "results"
Tiler = Callable[[np.ndarray], np.ndarray]


def load_network(folder: Path) -> tuple[torch.nn.Module, Plan]:
    """Read a model folder's network, ready to predict, and its plan."""
    from suffice.segmenters.unet_folder import read_unet
    from suffice.training.objective import build_network

    _, plan, weights, _, _ = read_unet(folder)
    network = build_network(plan)
    network.load_state_dict(weights)
    return network.eval(), plan


def tilers(network: torch.nn.Module, plan: Plan, dtype: torch.dtype | None) -> dict[str, Tiler]:
    """Return the three ways from a normalised volume to classes, in one precision."""
    import torch
    from monai.inferers import sliding_window_inference
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    from suffice.training.inference import predict_labels

    class Finest(torch.nn.Module):
        """The finest logits alone, which is what the other tools expect."""

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            finest: torch.Tensor = network(x)[0]
            return finest

    finest = Finest().eval()
    cpu = torch.device("cpu")

    def cast() -> contextlib.AbstractContextManager[Any]:
        return contextlib.nullcontext() if dtype is None else torch.autocast("cpu", dtype=dtype)

    def suffice(image: np.ndarray) -> np.ndarray:
        return predict_labels(
            network,
            image,
            patch_size=plan.patch_size,
            divisible_by=plan.divisible_by,
            n_classes=plan.n_classes,
            device=cpu,
            autocast=dtype,
        )

    def monai(image: np.ndarray) -> np.ndarray:
        with torch.inference_mode(), cast():
            logits: Any = sliding_window_inference(
                torch.from_numpy(image)[None],
                plan.patch_size,
                sw_batch_size=1,
                predictor=finest,
                overlap=0.5,
                mode="gaussian",
            )
        return np.asarray(logits[0].argmax(0))

    def nnunet(image: np.ndarray) -> np.ndarray:
        predictor = nnUNetPredictor(
            tile_step_size=0.5, use_mirroring=False, device=cpu, allow_tqdm=False
        )
        # Of the plans it looks at nothing but these two here.
        predictor.configuration_manager = SimpleNamespace(patch_size=list(plan.patch_size))
        predictor.label_manager = SimpleNamespace(num_segmentation_heads=plan.n_classes)
        predictor.network = finest
        with cast():
            logits = predictor.predict_sliding_window_return_logits(torch.from_numpy(image))
        return np.asarray(logits.argmax(0))

    return {"suffice": suffice, "MONAI": monai, "nnU-Net": nnunet}


def measure(
    case: str, samples: Iterable[Sample], ways: dict[str, Tiler], repeats: int
) -> list[dict[str, Any]]:
    """Median seconds of each way on the first sample, and its mean Dice over all of them."""
    seconds: dict[str, list[float]] = {tool: [] for tool in ways}
    scores: dict[str, list[float]] = {tool: [] for tool in ways}
    n_samples = 0
    for n_samples, sample in enumerate(samples, start=1):
        # The tools take turns, so that a busy spell of the machine meets all of them.
        for _ in range(repeats if n_samples == 1 else 1):
            masks = {}
            for tool, way in ways.items():
                begun = time.monotonic()
                masks[tool] = way(sample.image)
                if n_samples == 1:
                    seconds[tool].append(time.monotonic() - begun)
        if sample.truth is not None:
            values = range(1, int(sample.truth.max()) + 1)
            for tool, mask in masks.items():
                dices = [dice(sample.truth, mask, value) for value in values]
                scores[tool].append(float(np.nanmean(dices)))
    return [
        {
            "tool": tool,
            "case": case,
            "seconds": round(float(np.median(seconds[tool])), 3),
            "dice": round(float(np.mean(scores[tool])), 6) if scores[tool] else "",
            "n_cases": n_samples,
        }
        for tool in ways
    ]


def make_cases(
    options: argparse.Namespace, temporary: Path, kept: Path
) -> dict[str, tuple[str, Callable[[Plan], Iterable[Sample]]]]:
    """Train the networks that are not kept; name each case, its network and its samples."""
    import inference_models as models

    cases: dict[str, tuple[str, Callable[[Plan], Iterable[Sample]]]] = {}
    if options.only != "hippocampus" and not (kept / "phantoms").exists():
        made = models.phantom_cohort(temporary / "chests")
        models.train_network(made, 96, options.train_minutes, kept / "phantoms")
    if options.only in (None, "phantoms"):
        cases["chest phantom 256x256x128"] = (
            "phantoms",
            lambda plan: models.phantom_samples(plan, options.phantoms),
        )
    if options.only in (None, "noise"):
        cases["noise 256x256x128, no air"] = "phantoms", lambda plan: [models.noise_sample()]
    if options.only in (None, "hippocampus"):
        real = models.hippocampus_cohort(options.data, temporary / "hippocampus")
        learned = real.subset(models.DATASETS["hippocampus"].case_names("train8"))
        models.train_network(learned, 32, options.train_minutes, kept / "hippocampus")
        cases["hippocampus, tiles of 32x32x32"] = (
            "hippocampus",
            lambda plan: models.hippocampus_samples(real, plan),
        )
    return cases


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--phantoms", type=int, default=3, help="how many are scored")
    parser.add_argument("--train-minutes", type=float, default=10.0, help="for each network")
    parser.add_argument("--models", type=Path, help="keep the networks here and use them again")
    parser.add_argument(
        "--precisions", nargs="+", choices=("fp32", "bf16"), help="by default what is fast here"
    )
    parser.add_argument("--only", choices=("phantoms", "noise", "hippocampus"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    side.limit_threads(options.threads, None)

    import torch

    from versus_nnunet import replace_rows

    precisions = options.precisions or ["fp32"]
    # Emulated bfloat16 would take hours.
    if not options.precisions and torch.ops.mkldnn._is_mkldnn_bf16_supported():
        precisions.append("bf16")
    common = {"threads": options.threads, "train_minutes": options.train_minutes}
    common |= {"torch": torch.__version__, **describe_machine()}
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="inference-") as temporary:
        kept = options.models or Path(temporary)
        kept.mkdir(parents=True, exist_ok=True)
        cases = make_cases(options, Path(temporary), kept)
        for precision in precisions:
            dtype = torch.bfloat16 if precision == "bf16" else None
            for name, (folder, samples) in cases.items():
                network, plan = load_network(kept / folder)
                ways = tilers(network, plan, dtype)
                found = measure(name, samples(plan), ways, options.repeats)
                rows += [{"precision": precision, **row, **common} for row in found]
    replace_rows(options.results / "inference.csv", pd.DataFrame(rows), ["precision", "case"])
    print(pd.DataFrame(rows)[["tool", "precision", "case", "seconds", "dice"]].to_string())


if __name__ == "__main__":
    main()
