"""The section of docs/benchmarks.md on trained models of others."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from page_parts import machine_line, row


def nnunet_table(rows: pd.DataFrame) -> Iterator[str]:
    """Give the section on nnU-Net's checkpoints in our network."""
    first = rows.iloc[0]
    yield "\n## Checkpoints of nnU-Net v2 in our network\n\n"
    yield (
        "Small networks with random weights by nnU-Net's own builder, saved as its trainer saves "
        "them, and read here as a user would give them. The largest difference of the logits on a "
        "random patch, ours to theirs, and of each to our network in double precision; that of a "
        "scan with its axes in an odd order, prepared by both; and the part of that scan's voxels "
        "that get the same label. Random weights draw noise, whose borders are everywhere: where "
        "the scan is resampled, nnU-Net takes the nearest slice of its logits along a thick axis "
        "and we interpolate probabilities, so that labels may differ.\n\n"
    )
    yield row(
        [
            "",
            "plans",
            "normalised by",
            "logits",
            "ours to exact",
            "theirs to exact",
            "scan",
            "resampled",
            "same label, %",
        ]
    )
    yield row(["---"] * 9)
    for line in rows.itertuples():
        numbers = [
            f"{n:.1e}" for n in (line.logits, line.ours_to_exact, line.theirs_to_exact, line.scan)
        ]
        yield row(
            [
                f"{line.network}, {line.configuration}",
                line.plans,
                line.normalisation,
                *numbers,
                "yes" if line.resampled else "no",
                f"{100 * line.mask_agreement:.2f}",
            ]
        )
    yield f"\n- nnU-Net {first['nnunet']}, dynamic_network_architectures {first['builder']}, torch "
    yield f"{first['torch']}; largest logit {rows['logits_range'].max():.1f}\n"
    yield f"- {machine_line(first)}\n"
