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
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    side.limit_threads(options.threads, None)

    import torch

    import inference_models as models

    precisions = options.precisions or ["fp32"]
    # Emulated bfloat16 would take hours.
    if not options.precisions and torch.ops.mkldnn._is_mkldnn_bf16_supported():
        precisions.append("bf16")
    common = {"threads": options.threads, "torch": torch.__version__, **describe_machine()}
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="inference-") as temporary:
        kept = options.models or Path(temporary)
        kept.mkdir(parents=True, exist_ok=True)
        minutes = options.train_minutes
        if not (kept / "phantoms").exists():
            made = models.phantom_cohort(Path(temporary) / "chests")
            models.train_network(made, 96, minutes, kept / "phantoms")
        real = models.hippocampus_cohort(options.data, Path(temporary) / "hippocampus")
        learned = real.subset(models.DATASETS["hippocampus"].case_names("train8"))
        models.train_network(learned, 32, minutes, kept / "hippocampus")
        for precision in precisions:
            dtype = torch.bfloat16 if precision == "bf16" else None
            network, plan = load_network(kept / "phantoms")
            ways = tilers(network, plan, dtype)
            found = measure(
                "chest phantom 256x256x128",
                models.phantom_samples(plan, options.phantoms),
                ways,
                options.repeats,
            )
            found += measure(
                "noise 256x256x128, no air", [models.noise_sample()], ways, options.repeats
            )
            network, plan = load_network(kept / "hippocampus")
            found += measure(
                "hippocampus, tiles of 32x32x32",
                models.hippocampus_samples(real, plan),
                tilers(network, plan, dtype),
                options.repeats,
            )
            rows += [{"precision": precision, **row, **common} for row in found]
    options.results.mkdir(exist_ok=True)
    pd.DataFrame(rows).to_csv(options.results / "inference.csv", index=False)
    print(pd.DataFrame(rows)[["tool", "precision", "case", "seconds", "dice"]].to_string())


if __name__ == "__main__":
    main()
