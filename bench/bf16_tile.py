"""What bfloat16 costs on this processor: one tile through the network, beside float32.

Where a processor has no instructions for bfloat16, a whole volume in it takes hours; one tile
says how many. The network is one that `inference.py` kept.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import time
from pathlib import Path

import pandas as pd

import side
from machine import describe_machine

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="a model folder")
    parser.add_argument("--voxels", type=int, default=48, help="along each side of the tile")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--core", type=int)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    side.limit_threads(1, options.core)

    import torch

    from inference import load_network
    from versus_nnunet import replace_rows

    network, plan = load_network(options.model)
    tile = torch.randn(1, plan.in_channels, *[options.voxels] * plan.ndim)

    def seconds(dtype: torch.dtype | None) -> float:
        """Median of the process's own seconds for a tile."""
        cast = contextlib.nullcontext() if dtype is None else torch.autocast("cpu", dtype=dtype)
        taken = []
        with torch.inference_mode(), cast:
            for _ in range(options.repeats):
                begun = time.process_time()
                network(tile)
                taken.append(time.process_time() - begun)
        return statistics.median(taken)

    single, half = seconds(None), seconds(torch.bfloat16)
    row = {
        "voxels": options.voxels,
        "widths": " ".join(str(width) for width in plan.widths),
        "fp32_seconds": round(single, 4),
        "bf16_seconds": round(half, 4),
        "ratio": round(half / single, 2),
        "repeats": options.repeats,
        "torch": torch.__version__,
        **describe_machine(),
    }
    table = pd.DataFrame([row])
    replace_rows(options.results / "bf16_tile.csv", table, ["voxels", "widths", "cpu", "flags"])
    print(table.T.to_string())


if __name__ == "__main__":
    main()
