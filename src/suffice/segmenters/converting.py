"""A trained model of nnU-Net v2 as a U-Net of ours that predicts what it would."""

from __future__ import annotations

from pathlib import Path

from suffice.core import ModelError
from suffice.segmenters.nnunet import card_of_nnunet, plan_of_nnunet
from suffice.segmenters.unet import UNetSegmenter
from suffice.training.objective import build_network
from suffice.weights import take
from suffice.weights.nnunet import find_nnunet, read_nnunet


def segmenter_of_nnunet(path: Path) -> UNetSegmenter:
    """Read a trainer's folder, or a checkpoint, of nnU-Net v2; nothing in it is run.

    Of several folds the first is taken.

    Raises
    ------
    ModelError
        If it is none, is malicious, or its network or preparation is none of nnU-Net's defaults.
    """
    checkpoint = find_nnunet(path)
    if checkpoint is None:
        raise ModelError(
            f"'{path}' is no model of nnU-Net v2",
            cure="Give the folder of a trainer, with plans.json, dataset.json and fold_0 in it.",
        )
    model = read_nnunet(checkpoint)
    plan = plan_of_nnunet(model)
    network = build_network(plan)
    account = take(network, model.arrays)
    if account.new:
        raise ModelError(
            f"'{checkpoint}' lacks layers that its plans tell of", got=", ".join(account.new[:3])
        )
    card = card_of_nnunet(model, rung=UNetSegmenter.rung)
    return UNetSegmenter.of_parts(card, plan, network)
