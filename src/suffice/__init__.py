"""suffice: medical image segmentation when labels are scarce.

What is named here is loaded when it is first used, so that ``import suffice`` is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from suffice.core import (
        Budget,
        Case,
        Channel,
        Cohort,
        Grid,
        Image,
        Label,
        LabelMap,
        Legend,
        Progress,
        SufficeError,
    )
    from suffice.forecasting import Forecast, forecast
    from suffice.io import (
        open_drawn,
        read_case_image,
        read_case_mask,
        read_cohort,
        read_image,
        read_mask,
        read_soft_mask,
        write_cohort,
        write_image,
        write_mask,
    )
    from suffice.measure import measure_mask
    from suffice.metrics import EmptyPolicy, Panel, bootstrap_interval, score_case
    from suffice.qc import check_cohort
    from suffice.report import write_report
    from suffice.segmenters import Prediction, Segmenter, UNetSegmenter, load_segmenter
    from suffice.spirometry import interpret_spirometry, read_spirometry
    from suffice.workflows.agreeing import agree
    from suffice.workflows.archiving import fetch_series, find_series, store_objects
    from suffice.workflows.clustering import cluster
    from suffice.workflows.comparing import compare
    from suffice.workflows.curving import learning_curve
    from suffice.workflows.deidentifying import deidentify
    from suffice.workflows.enough import enough
    from suffice.workflows.evaluating import advise_on, evaluate
    from suffice.workflows.fusing import fuse_cohort
    from suffice.workflows.importing import import_cohort
    from suffice.workflows.measuring_masks import measure_masks
    from suffice.workflows.planning import plan_training
    from suffice.workflows.predicting import predict
    from suffice.workflows.pretraining import pretrain
    from suffice.workflows.rehearsing import rehearse
    from suffice.workflows.running import run
    from suffice.workflows.selecting import select
    from suffice.workflows.tracking import track
    from suffice.workflows.training import train

__version__ = "0.1.0"

__all__ = [
    "Budget",
    "Case",
    "Channel",
    "Cohort",
    "EmptyPolicy",
    "Forecast",
    "Grid",
    "Image",
    "Label",
    "LabelMap",
    "Legend",
    "Panel",
    "Prediction",
    "Progress",
    "Segmenter",
    "SufficeError",
    "UNetSegmenter",
    "__version__",
    "advise_on",
    "agree",
    "bootstrap_interval",
    "check_cohort",
    "cluster",
    "compare",
    "deidentify",
    "enough",
    "evaluate",
    "fetch_series",
    "find_series",
    "forecast",
    "fuse_cohort",
    "import_cohort",
    "interpret_spirometry",
    "learning_curve",
    "load_segmenter",
    "measure_mask",
    "measure_masks",
    "open_drawn",
    "plan_training",
    "predict",
    "pretrain",
    "read_case_image",
    "read_case_mask",
    "read_cohort",
    "read_image",
    "read_mask",
    "read_soft_mask",
    "read_spirometry",
    "rehearse",
    "run",
    "score_case",
    "select",
    "store_objects",
    "track",
    "train",
    "write_cohort",
    "write_image",
    "write_mask",
    "write_report",
]

_HOMES = {
    "suffice.core": [
        "Budget",
        "Case",
        "Channel",
        "Cohort",
        "Grid",
        "Image",
        "Label",
        "LabelMap",
        "Legend",
        "Progress",
        "SufficeError",
    ],
    "suffice.forecasting": ["Forecast", "forecast"],
    "suffice.io": [
        "open_drawn",
        "read_case_image",
        "read_case_mask",
        "read_cohort",
        "read_image",
        "read_mask",
        "read_soft_mask",
        "write_cohort",
        "write_image",
        "write_mask",
    ],
    "suffice.measure": ["measure_mask"],
    "suffice.metrics": ["EmptyPolicy", "Panel", "bootstrap_interval", "score_case"],
    "suffice.qc": ["check_cohort"],
    "suffice.report": ["write_report"],
    "suffice.segmenters": ["Prediction", "Segmenter", "UNetSegmenter", "load_segmenter"],
    "suffice.spirometry": ["interpret_spirometry", "read_spirometry"],
    "suffice.workflows.agreeing": ["agree"],
    "suffice.workflows.archiving": ["fetch_series", "find_series", "store_objects"],
    "suffice.workflows.clustering": ["cluster"],
    "suffice.workflows.comparing": ["compare"],
    "suffice.workflows.curving": ["learning_curve"],
    "suffice.workflows.deidentifying": ["deidentify"],
    "suffice.workflows.enough": ["enough"],
    "suffice.workflows.evaluating": ["advise_on", "evaluate"],
    "suffice.workflows.fusing": ["fuse_cohort"],
    "suffice.workflows.importing": ["import_cohort"],
    "suffice.workflows.measuring_masks": ["measure_masks"],
    "suffice.workflows.planning": ["plan_training"],
    "suffice.workflows.predicting": ["predict"],
    "suffice.workflows.pretraining": ["pretrain"],
    "suffice.workflows.rehearsing": ["rehearse"],
    "suffice.workflows.running": ["run"],
    "suffice.workflows.selecting": ["select"],
    "suffice.workflows.tracking": ["track"],
    "suffice.workflows.training": ["train"],
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'suffice' has no attribute '{name}'")
    value = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__]
