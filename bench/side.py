"""What both sides of the comparison share: arguments, threads, and what they hand back."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

MODES = ("plain", "mirrored")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that ``versus_nnunet.py`` hands to each side."""
    parser.add_argument("dataset", choices=("hippocampus", "chest", "nuclei"))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--train", required=True, help="a list of bench/cases, or a file of names")
    parser.add_argument("--test", required=True, help="a list of bench/cases, or a file of names")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--core", type=int, help="with one thread: the core to run on")
    parser.add_argument("--out", type=Path, required=True, help="folder for masks and info.json")


def limit_threads(threads: int, core: int | None) -> None:
    """Keep to ``threads`` cores and threads; call it before torch and its kin are imported."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0)) if core is None else [core]
        os.sched_setaffinity(0, cores[:threads])
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(threads)
    import torch

    torch.set_num_threads(threads)


def write_info(out: Path, info: dict[str, Any]) -> None:
    """Write what was run beside the masks."""
    (out / "info.json").write_text(json.dumps(info, indent=2))
