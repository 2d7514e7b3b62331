"""Make a small model with nnU-Net's own builder, save it as it does, and write down its answers.

Run by `nnunet_parity.py` with the interpreter of an environment that has nnU-Net; imports nothing
of suffice.
"""

from __future__ import annotations

import json
import sys
from copy import deepcopy
from importlib.metadata import version
from pathlib import Path

import nibabel
import numpy as np
import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager


def randomise(network: torch.nn.Module) -> None:
    """Draw norms and biases too, which a fresh network has at one and zero."""
    for name, parameter in network.named_parameters():
        if "norm" in name and name.endswith("weight"):
            parameter.data.uniform_(0.5, 1.5)
        elif name.endswith("bias"):
            parameter.data.normal_(0, 0.3)


def main() -> None:
    folder, task = Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())
    torch.manual_seed(task["seed"])
    torch.set_num_threads(1)
    name, plans, dataset = task["configuration"], task["plans"], task["dataset"]
    (folder / "fold_0").mkdir(parents=True)
    (folder / "plans.json").write_text(json.dumps(plans))
    (folder / "dataset.json").write_text(json.dumps(dataset))
    # Plans of before 2.3 are changed as they are read.
    manager = PlansManager(deepcopy(plans))
    configuration = manager.get_configuration(name)
    n_outputs = manager.get_label_manager(dataset).num_segmentation_heads
    network = nnUNetTrainer.build_network_architecture(
        manager, configuration, len(dataset["channel_names"]), n_outputs, True
    )
    randomise(network)
    trainer_state = {
        "network_weights": network.state_dict(),
        "optimizer_state": torch.optim.SGD(network.parameters(), lr=0.01).state_dict(),
        "grad_scaler_state": None,
        "logging": {"ema_fg_dice": [np.float64(0.5)], "epoch_end_timestamps": [0.0]},
        "_best_ema": np.float64(0.5),
        "current_epoch": 1000,
        "init_args": {
            "plans": plans,
            "configuration": name,
            "fold": 0,
            "dataset_json": dataset,
            "device": torch.device("cpu"),
        },
        "trainer_name": "nnUNetTrainer",
        "inference_allowed_mirroring_axes": (0, 1),
    }
    torch.save(trainer_state, folder / "fold_0" / "checkpoint_final.pth")
    network.decoder.deep_supervision = False
    patch = torch.randn(1, len(dataset["channel_names"]), *configuration.patch_size)
    with torch.no_grad():
        logits = network.eval()(patch)
    predictor = nnUNetPredictor(
        use_mirroring=False,
        perform_everything_on_device=False,
        device=torch.device("cpu"),
        allow_tqdm=False,
    )
    predictor.initialize_from_trained_model_folder(str(folder), (0,))
    prepared, _, _ = configuration.preprocessor_class(verbose=False).run_case(
        [task["scan"]], None, manager, configuration, dataset
    )
    mask = folder / "mask.nii.gz"
    predictor.predict_from_files_sequential(
        [[task["scan"]]], [str(mask)], save_probabilities=False, overwrite=True
    )
    np.savez(
        folder / "answers.npz",
        patch=patch.numpy(),
        logits=logits.numpy(),
        prepared=prepared,
        mask=np.asanyarray(nibabel.load(mask).dataobj),
        version=np.array(version("nnunetv2")),
        builder=np.array(version("dynamic_network_architectures")),
        torch=np.array(torch.__version__),
    )


if __name__ == "__main__":
    main()
