"""Compare nnU-Net v2 with what we make of its checkpoints: logits, prepared scans and masks.

nnU-Net lives in an environment of its own; give its interpreter. It builds small networks with
random weights by its own builder, saves them as its trainer does and writes down what it answers.
Here each folder is read as a user would give it to us, and the answers are compared.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pandas as pd
import torch

from machine import describe_machine
from suffice.io import read_image
from suffice.segmenters.converting import segmenter_of_nnunet
from suffice.segmenters.framing import prepare_scan
from suffice.segmenters.preparing import slices_first

LARGEST_DIFFERENCE = 1e-4
RESULTS = Path(__file__).parent / "results" / "nnunet_parity.csv"
SPACING = {"2d": [0.9, 0.8], "3d_fullres": [2.5, 0.9, 0.8]}
# One patch holds the scan, so that nobody's way of laying tiles matters.
PATCH = {"2d": [64, 64], "3d_fullres": [64, 64, 64]}


def tasks() -> list[dict[str, Any]]:
    """Networks of both kinds, in two and three dimensions, prepared in different ways."""
    return [
        task("PlainConvUNet", "3d_fullres", "CTNormalization", [0, 1, 2], seed=0),
        task("ResidualEncoderUNet", "3d_fullres", "ZScoreNormalization", [1, 0, 2], seed=1),
        task("PlainConvUNet", "2d", "ZScoreNormalization", [2, 0, 1], seed=2, inside=True),
        task("ResidualEncoderUNet", "2d", "RescaleTo01Normalization", [0, 1, 2], seed=3),
        task("PlainConvUNet", "3d_fullres", "NoNormalization", [0, 1, 2], seed=4, old=True),
        # At the scan's own spacing: only the network and the places of its tiles matter.
        task(
            "ResidualEncoderUNet",
            "3d_fullres",
            "ZScoreNormalization",
            [1, 0, 2],
            seed=5,
            spacing=[1.1, 3.5, 1.0],
        ),
    ]


def task(
    kind: str,
    name: str,
    scheme: str,
    transpose: list[int],
    *,
    seed: int,
    inside: bool = False,
    old: bool = False,
    spacing: list[float] | None = None,
) -> dict[str, Any]:
    """Plans and data set of one network, as nnU-Net writes them."""
    ndim = 2 if name == "2d" else 3
    configuration: dict[str, Any] = {
        "data_identifier": "parity",
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": 2,
        "patch_size": PATCH[name],
        "median_image_size_in_voxels": PATCH[name],
        "spacing": spacing or SPACING[name],
        "normalization_schemes": [scheme],
        "use_mask_for_norm": [inside],
        "batch_dice": False,
    }
    for what, order in (("data", 3), ("probabilities", 1), ("seg", 1)):
        configuration[f"resampling_fn_{what}"] = "resample_data_or_seg_to_shape"
        configuration[f"resampling_fn_{what}_kwargs"] = {
            "is_seg": what == "seg",
            "order": order,
            "order_z": 0,
            "force_separate_z": None,
        }
    configuration |= old_network(kind, ndim) if old else network_of(kind, ndim)
    facts = {"mean": 40.0, "std": 90.0, "percentile_00_5": -150.0, "percentile_99_5": 260.0}
    return {
        "seed": seed,
        "network": kind,
        "normalisation": scheme + (" inside" if inside else ""),
        "plans": "before 2.3" if old else "since 2.3",
        "resampled": spacing is None,
        "configuration": name,
        "files": {
            "plans": {
                "dataset_name": "Dataset999_Parity",
                "plans_name": "nnUNetPlans",
                "image_reader_writer": "SimpleITKIO",
                "transpose_forward": transpose,
                "transpose_backward": [transpose.index(axis) for axis in range(3)],
                "original_median_shape_after_transp": [16, 64, 48],
                "foreground_intensity_properties_per_channel": {"0": facts},
                "label_manager": "LabelManager",
                "configurations": {"base": configuration, name: {"inherits_from": "base"}},
            },
            "dataset": {
                "channel_names": {"0": "CT" if scheme.startswith("CT") else "T1"},
                "labels": {"background": 0, "liver": 1, "tumour": 2},
                "numTraining": 3,
                "file_ending": ".nii.gz",
                "licence": "CC-BY 4.0",
            },
        },
    }


def layers(ndim: int) -> tuple[list[list[int]], list[list[int]]]:
    """Strides and kernels of three levels, the first step in plane alone."""
    strides = [[1] * ndim, [1, 2, 2][-ndim:], [2] * ndim]
    return strides, [[1, 3, 3][-ndim:], [3] * ndim, [3] * ndim]


def old_network(kind: str, ndim: int) -> dict[str, Any]:
    """A network as plans described it before nnU-Net 2.3."""
    strides, kernels = layers(ndim)
    return {
        "UNet_class_name": kind,
        "UNet_base_num_features": 8,
        "unet_max_num_features": 32,
        "n_conv_per_stage_encoder": [2, 2, 2],
        "n_conv_per_stage_decoder": [2, 1],
        "num_pool_per_axis": [2] * ndim,
        "pool_op_kernel_sizes": strides,
        "conv_kernel_sizes": kernels,
    }


def network_of(kind: str, ndim: int) -> dict[str, Any]:
    """A network as plans describe it since."""
    strides, kernels = layers(ndim)
    per_stage = "n_conv_per_stage" if kind == "PlainConvUNet" else "n_blocks_per_stage"
    arguments = {
        "n_stages": 3,
        "features_per_stage": [8, 16, 32],
        "conv_op": f"torch.nn.modules.conv.Conv{ndim}d",
        "kernel_sizes": kernels,
        "strides": strides,
        per_stage: [2, 2, 2],
        "n_conv_per_stage_decoder": [2, 1],
        "conv_bias": True,
        "norm_op": f"torch.nn.modules.instancenorm.InstanceNorm{ndim}d",
        "norm_op_kwargs": {"eps": 1e-05, "affine": True},
        "dropout_op": None,
        "dropout_op_kwargs": None,
        "nonlin": "torch.nn.LeakyReLU",
        "nonlin_kwargs": {"inplace": True},
    }
    architecture = {
        "network_class_name": f"dynamic_network_architectures.architectures.unet.{kind}",
        "arch_kwargs": arguments,
        "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    }
    return {"architecture": architecture}


def write_scan(path: Path, seed: int) -> None:
    """Write smooth noise with zeros around it, its axes in an odd order."""
    rng = np.random.default_rng(seed)
    coarse = torch.from_numpy(rng.normal(0, 300, (1, 1, 7, 8, 5)))
    smooth = torch.nn.functional.interpolate(coarse, (36, 30, 12), mode="trilinear")[0, 0].numpy()
    volume = np.zeros((40, 35, 14))
    volume[2:38, 3:33, 1:13] = smooth
    # Its first axis runs to the left, the second up, the third, of thick slices, to the back.
    affine = np.array([[-1.0, 0, 0, 5], [0, 0, -3.5, 9], [0, 1.1, 0, 2], [0, 0, 0, 1]])
    nibabel.save(nibabel.Nifti1Image(volume.astype(np.float32), affine), path)


def compare(python: Path, given: dict[str, Any]) -> dict[str, Any]:
    """Largest differences of one network's logits and scan, and the part of voxels that agree."""
    with tempfile.TemporaryDirectory(prefix="nnunet-") as temporary:
        scan, settings = Path(temporary) / "scan_0000.nii.gz", Path(temporary) / "task.json"
        folder = Path(temporary) / f"nnUNetTrainer__nnUNetPlans__{given['configuration']}"
        write_scan(scan, given["seed"])
        content = {k: given[k] for k in ("seed", "configuration")} | given["files"]
        settings.write_text(json.dumps({**content, "scan": str(scan)}))
        theirs = Path(__file__).parent / "nnunet_theirs.py"
        command = [str(python), str(theirs), str(folder), str(settings)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        with np.load(folder / "answers.npz") as loaded:
            answers = {name: loaded[name] for name in loaded.files}
        segmenter = segmenter_of_nnunet(folder)
        image = read_image(scan)
        prepared, _ = prepare_scan(image, segmenter.plan_)
        labels = segmenter.predict(image).labels.array
        with torch.no_grad():
            patch = torch.from_numpy(answers["patch"])
            logits = segmenter._network(patch)[0].numpy()
            exact = segmenter._network.double()(patch.double())[0].numpy()
    theirs_prepared = slices_first(answers["prepared"], segmenter.plan_)
    return {
        "network": given["network"],
        "configuration": given["configuration"],
        "normalisation": given["normalisation"],
        "plans": given["plans"],
        "resampled": given["resampled"],
        "logits": float(np.abs(logits - answers["logits"]).max()),
        "ours_to_exact": float(np.abs(logits - exact).max()),
        "theirs_to_exact": float(np.abs(answers["logits"] - exact).max()),
        "logits_range": float(np.abs(answers["logits"]).max()),
        "scan": float(np.abs(prepared - theirs_prepared).max()),
        "scan_range": float(np.abs(theirs_prepared).max()),
        "mask_agreement": float((labels == answers["mask"]).mean()),
        "nnunet": str(answers["version"]),
        "builder": str(answers["builder"]),
        "torch": str(answers["torch"]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", type=Path, required=True, help="of an env with nnU-Net")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = [compare(options.python, given) for given in tasks()]
    table = pd.DataFrame(rows).assign(**describe_machine())
    print(table.iloc[:, :12].to_string(index=False))
    table.to_csv(RESULTS, index=False)
    worst = table["logits"].max()
    if worst > LARGEST_DIFFERENCE:
        raise SystemExit(f"The logits differ by {worst:.2e}, more than {LARGEST_DIFFERENCE}")


if __name__ == "__main__":
    main()
