"""Write docs/benchmarks.md from the tables in bench/results."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

import page_deidentification
import page_enough
import page_exchange
import page_forecast
import page_learning
import page_no_labels
import page_pool
import page_quality
import page_raters
import page_scribbles
import page_select
import page_speed
import page_transfer
import page_unseen
import page_volumes
from page_versus import versus_tables

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "benchmarks.md"

INTRODUCTION = """\
# Benchmarks

Written by `make bench` from the tables in `bench/results`; `bench/README.md` says how to run it.

## Few labels, few minutes: against nnU-Net

Both tools get the same cases, the same minutes and the same threads of the same machine, one
after the other in one run (where it says *pinned*: at the same time, each with a core of its
own). The lists of cases were drawn at random and committed before anything was tuned. One
function scores both: Dice per case and label, averaged over labels, then over cases. No
checkpoint is chosen by its score: what stands when the time is over is what is scored.

- **nnU-Net** plans with its defaults (`3d_fullres` for volumes, `2d` for pictures) and trains on
  all labelled cases (fold `all`) with its own trainer; its poly schedule is laid over the clock.
  Planning, preprocessing, start-up and finding its fastest precision and number of augmentation
  processes are not counted, and no validation, checkpoint or plot is done while the clock runs.
  It predicts in fp32.
- **suffice** runs as a user would run it: `suffice import`, `suffice train --minutes`, `suffice
  predict`. Reading, preprocessing and calibration are counted. For pictures of anatomy that is a
  U-Net and a template, the mean of the labelled scans, which holds none of them (`template-unet`).
  It became the default after the U-Net alone had lost by 0.3 (-2.4 to 0.7) to nnU-Net on the
  forty X-rays below, 93.0 to 93.2; it was chosen and set on the other twenty alone (`tuning.csv`,
  rows P), where it lost nothing and lifted the worst picture of a split from 92.3 to 95.1.

Intervals are 95 % BCa bootstraps over cases, paired for the difference; one seed each.

Read the differences with the machine in mind, which stands below each table: nnU-Net's larger
networks get a few hundred steps in ten minutes of one or two such cores. On two threads of a
processor with AMX, nnU-Net 2.8 in bf16 reached a Dice of 81.7 % (82.2 mirrored) with 8 labels in
9 minutes on other cases of the hippocampus set, and 84.4 % (84.7) with 32 labels in 35 minutes.
suffice does not mirror volumes, nor pictures of anatomy, so that its mirrored rows equal the
plain ones there.
"""

CREDITS = """\
## Data

Hippocampus: Medical Segmentation Decathlon, task 4 (CC BY-SA 4.0). Chest X-rays: Shenzhen set,
masks by Stirenko et al. (CC BY-NC-SA 4.0, research only). Nuclei: 2018 Data Science Bowl, stage
1 (CC0). Lung nodules: LIDC-IDRI, TCIA (CC BY 3.0). Cells: BU-BIL set 1 (Gurari et al., WACV
2015). None of it is part of this repository.
"""


# In the order of the page; each is written where its table was measured.
SECTIONS: dict[str, Callable[[pd.DataFrame], Iterator[str]]] = {
    "forecast": page_forecast.forecast_table,
    "enough": page_enough.enough_table,
    "policies": page_learning.policies_table,
    "pool": page_pool.pool_table,
    "no_labels": page_no_labels.no_labels_table,
    "select": page_select.select_table,
    "unseen_site": page_unseen.unseen_table,
    "scribbles": page_scribbles.scribbles_table,
    "pretext": page_learning.pretext_table,
    "instances": page_learning.instances_table,
    "plausible": page_learning.plausible_table,
    "raters": page_raters.raters_table,
    "quality": page_quality.quality_table,
    "deidentification": page_deidentification.deidentification_table,
    "volumes": page_volumes.volumes_table,
    "nnunet_parity": page_transfer.nnunet_table,
    "inference": page_speed.inference_table,
    "memory": page_speed.memory_table,
    "augmentation": page_speed.augmentation_table,
    "metrics": page_speed.metrics_table,
    "staple": page_speed.staple_table,
    "tuning": page_learning.tuning_table,
}


def page(results: Path) -> str:
    """The whole page as Markdown."""
    parts = [INTRODUCTION]
    if (results / "versus_nnunet.csv").exists():
        scores = pd.read_csv(results / "versus_nnunet.csv")
        runs = pd.read_csv(results / "versus_nnunet_runs.csv", keep_default_na=False)
        parts += versus_tables(scores, runs)
    for name, section in SECTIONS.items():
        path = results / f"{name}.csv"
        if path.exists():
            # "None" is a policy's name, an empty cell no number.
            parts += section(pd.read_csv(path, keep_default_na=False, na_values=[""]))
        if name == "pool":
            # From several tables, of which that of the pool is one.
            parts += page_exchange.exchange_section(results)
    return "".join([*parts, "\n", CREDITS])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=HERE / "results")
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args()
    options.page.write_text(page(options.results), encoding="utf-8")


if __name__ == "__main__":
    main()
