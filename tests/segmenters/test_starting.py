"""Trainings that start from trained weights of ours and of nnU-Net, and its models as they are."""

import json
import math
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from suffice.core import Budget, Cohort, Grid, Image, Legend, ModelError
from suffice.io import read_case_image
from suffice.nets import NnUNet
from suffice.segmenters import UNetSegmenter, load_segmenter
from suffice.segmenters.converting import segmenter_of_nnunet
from suffice.segmenters.framing import Frame, prepare_scan
from suffice.segmenters.starting import read_source
from suffice.segmenters.starting_plan import _affordable, _rounded, plan_from_source
from suffice.training import calibrate
from suffice.training.machine import Machine
from suffice.training.plan import Plan
from suffice.training.sizing import SMALLEST_PATCH_VOXELS
from suffice.training.tuning import Tuning

CPU = Machine(n_cores=1, memory_gb=8.0, accelerator="cpu", precision="32-true")


def names_of_theirs(name: str) -> str:
    """Name an array of a plain network of two levels as nnU-Net does."""
    part, *rest = name.split(".")
    kind = {"0": "conv", "1": "norm"}
    if part == "encoder":
        return f"encoder.stages.{rest[0]}.0.convs.{rest[1]}.{kind[rest[2]]}.{rest[3]}"
    if part == "decoder":
        return f"decoder.stages.0.convs.{rest[1]}.{kind[rest[2]]}.{rest[3]}"
    return f"decoder.{'transpconvs' if part == 'lifts' else 'seg_layers'}.0.{rest[1]}"


def configuration(**changes: Any) -> dict[str, Any]:
    kernels = [[1, 3, 3], [3, 3, 3]]
    return {
        "patch_size": [8, 16, 16],
        "spacing": [2.0, 1.0, 1.0],
        "normalization_schemes": ["ZScoreNormalization"],
        "use_mask_for_norm": [True],
        "UNet_class_name": "PlainConvUNet",
        "UNet_base_num_features": 8,
        "unet_max_num_features": 16,
        "n_conv_per_stage_encoder": [2, 2],
        "n_conv_per_stage_decoder": [2],
        "pool_op_kernel_sizes": [[1, 1, 1], [1, 2, 2]],
        "conv_kernel_sizes": kernels,
        **changes,
    }


def write_nnunet(folder: Path, extra: Any = None, **changes: Any) -> tuple[Path, NnUNet]:
    """Write a trainer's folder with a network of random weights."""
    torch.manual_seed(0)
    network = NnUNet(
        ndim=3,
        in_channels=1,
        n_classes=3,
        widths=(8, 16),
        strides=((1, 2, 2),),
        kernels=((1, 3, 3), (3, 3, 3)),
        blocks=(2, 2),
        decoder_convs=(2,),
    )
    weights = {names_of_theirs(name): a for name, a in network.state_dict().items()}
    weights |= {f"decoder.{n}": a for n, a in weights.items() if n.startswith("encoder.")}
    place = folder / "nnUNetTrainer__nnUNetPlans__3d_fullres"
    (place / "fold_0").mkdir(parents=True)
    plans = {
        "dataset_name": "Dataset001_Made",
        "image_reader_writer": "SimpleITKIO",
        "transpose_forward": [0, 1, 2],
        "configurations": {"3d_fullres": configuration(**changes)},
    }
    dataset = {
        "channel_names": {"0": "T2"},
        "labels": {"background": 0, "Anterior": 1, "posterior": 2},
        "licence": "CC-BY-SA 4.0",
    }
    (place / "plans.json").write_text(json.dumps(plans))
    (place / "dataset.json").write_text(json.dumps(dataset))
    state = {
        "network_weights": weights,
        "trainer_name": "nnUNetTrainer",
        "init_args": {"configuration": "3d_fullres", "device": torch.device("cpu")},
        "_best_ema": np.float64(0.5),
        "inference_allowed_mirroring_axes": (0, 1, 2),
        "logging": extra,
    }
    torch.save(state, place / "fold_0" / "checkpoint_final.pth")
    return place, network.eval()


class Trap:
    def __init__(self, *call: Any) -> None:
        self.call = call

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.call[0], self.call[1:]


@pytest.mark.parametrize("kind", ["system", "eval", "nested"])
def test_a_malicious_checkpoint_is_refused_and_not_run(tmp_path: Path, kind: str) -> None:
    marker = tmp_path / "marker"
    traps = {
        "system": Trap(os.system, f"touch {marker}"),
        "eval": Trap(eval, f"open({str(marker)!r}, 'w')"),
        "nested": {"train_losses": [({"deep": [Trap(os.makedirs, str(marker))]},)]},
    }
    place, _ = write_nnunet(tmp_path, extra=traps[kind])
    for read in (read_source, segmenter_of_nnunet):
        with pytest.raises(ModelError, match="refused, and nothing in it was run"):
            read(place)
    assert not marker.exists()


def test_a_model_of_nnunet_predicts_here(tmp_path: Path) -> None:
    place, network = write_nnunet(tmp_path)
    segmenter_of_nnunet(place).save(tmp_path / "model")
    segmenter = load_segmenter(tmp_path / "model")
    assert segmenter.legend_.names == ("Anterior", "posterior")
    assert segmenter.card_.licence == "CC-BY-SA 4.0"
    rng = np.random.default_rng(0)
    array = np.zeros((1, 20, 18, 10), np.float32)
    array[0, 2:18, 1:17, 1:9] = rng.normal(50, 20, (16, 16, 8))
    image = Image(array, Grid.from_spacing(array.shape[1:], (1.0, 1.0, 2.0)))
    prediction = segmenter.predict(image, keep_probabilities=True)
    inside = array[0, 2:18, 1:17, 1:9]
    x = torch.from_numpy(((inside - inside.mean()) / inside.std()).transpose(2, 1, 0))[None, None]
    with torch.no_grad():
        expected = network(x)[0][0].softmax(0).numpy().transpose(0, 3, 2, 1)
    found = prediction.probabilities
    np.testing.assert_allclose(found[:, 2:18, 1:17, 1:9], expected, atol=2e-3)
    outside = np.ones(found.shape[1:], bool)
    outside[2:18, 1:17, 1:9] = False
    assert (found[0][outside] == 1).all()
    assert (prediction.labels.array[outside] == 0).all()


def test_axes_that_are_turned_come_back(small_plan: Plan) -> None:
    plan = replace(
        small_plan,
        preparation="nnunet",
        axis_order=(2, 0, 1),
        normalisation=("none",),
        spacing_mm=(1.0, 1.0, 1.0),
    )
    affine = np.diag([-1.0, 1.0, -1.0, 1.0])[[0, 2, 1, 3]]
    array = np.random.default_rng(0).normal(5, 1, (1, 6, 7, 8)).astype(np.float32)
    image = Image(array, Grid(array.shape[1:], affine=affine))
    prepared, frame = prepare_scan(image, plan)
    assert isinstance(frame, Frame)
    np.testing.assert_array_equal(frame.place(prepared), array)


def test_what_cannot_be_prepared_is_refused_but_can_be_started_from(tmp_path: Path) -> None:
    place, _ = write_nnunet(tmp_path, preprocessor_name="OwnPreprocessor")
    with pytest.raises(ModelError, match=r"preprocessor_name.*OwnPreprocessor"):
        segmenter_of_nnunet(place)
    source = read_source(place)
    assert source.plan is None
    assert "prepared our way" in source.account(source.put_into(built(), legend("posterior")))


def built(n_classes: int = 2) -> NnUNet:
    return NnUNet(
        ndim=3,
        in_channels=1,
        n_classes=n_classes,
        widths=(8, 16),
        strides=((1, 2, 2),),
        kernels=((1, 3, 3), (3, 3, 3)),
        blocks=(2, 2),
        decoder_convs=(2,),
    )


def legend(*names: str) -> Legend:
    return Legend.from_names(dict(enumerate(names, start=1)))


def test_structures_are_found_by_their_names(tmp_path: Path) -> None:
    place, network = write_nnunet(tmp_path)
    source, mine = read_source(place), built(4)
    account = source.put_into(mine, legend("tail", "POSTERIOR", "anterior"))
    theirs = network.state_dict()["heads.0.weight"]
    torch.testing.assert_close(mine.state_dict()["heads.0.weight"][[0, 2, 3]], theirs[[0, 2, 1]])
    assert account.share > 0.9
    words = source.account(account)
    assert "rows of 3 of 4 classes" in words
    assert "Licence of the weights: CC-BY-SA 4.0" in words


def test_the_plan_takes_the_source_s_network_and_preparation(
    tmp_path: Path, small_plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("suffice.segmenters.starting_plan.seconds_per_step", lambda *_: 0.01)
    place, _ = write_nnunet(tmp_path)
    source = read_source(place)
    plan, notes = plan_from_source(small_plan, source, machine=CPU, train_seconds=60)
    assert (plan.architecture, plan.widths, plan.strides) == ("nnunet", (8, 16), ((1, 2, 2),))
    assert (plan.axis_order, plan.spacing_mm) == ((2, 1, 0), (2.0, 1.0, 1.0))
    assert plan.normalisation == ("z-score-inside",)
    assert plan.n_classes == small_plan.n_classes
    assert any("nnU-Net" in note for note in notes)
    assert calibrate.seconds_per_step(replace(plan, patch_size=(4, 8, 8)), CPU) > 0


@pytest.mark.parametrize("kind", ["near", "far", "flat"])
def test_the_plan_from_a_model_of_ours(
    kind: str,
    ball_model: UNetSegmenter,
    tmp_path: Path,
    small_plan: Plan,
    picture_plan: Plan,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("suffice.segmenters.starting_plan.seconds_per_step", lambda *_: 0.01)
    ball_model.save(tmp_path / "ball")
    source = read_source(tmp_path / "ball")
    assert source.from_masks
    own = {
        "near": replace(small_plan, spacing_mm=(1.2, 1.2, 1.2), widths=(24, 32)),
        "far": replace(small_plan, spacing_mm=(0.1, 0.1, 0.1)),
        "flat": picture_plan,
    }[kind]
    plan, notes = plan_from_source(own, source, machine=CPU, train_seconds=60)
    assert plan.widths == ball_model.plan_.widths
    expected = {"near": ball_model.plan_.spacing_mm}.get(kind, own.spacing_mm)
    assert plan.spacing_mm == expected
    assert [*notes] == {
        "near": [],
        "far": ["its spacing is too far from these scans' and is not taken"],
        "flat": ["3D weights are used in 2D"],
    }[kind]


@settings(max_examples=40, deadline=None)
@given(
    ndim=st.sampled_from([2, 3]),
    side=st.integers(8, 160),
    n_levels=st.integers(1, 5),
    architecture=st.sampled_from(["unet", "nnunet"]),
)
def test_few_minutes_leave_a_patch_that_can_be_learned_from(
    ndim: int, side: int, n_levels: int, architecture: str
) -> None:
    strides = ((2,) * ndim,) * n_levels
    size = _rounded(np.full(ndim, side), strides, architecture)
    coarsest = [math.ceil(each / 2**n_levels) for each in size]
    # Instance norm refuses a single voxel, which has no spread.
    assert math.prod(coarsest) >= 2
    size = _rounded(np.full(ndim, side), strides, "unet")
    plan = plan_of(strides, size)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("suffice.segmenters.starting_plan.seconds_per_step", lambda *_: 10.0)
        made = _affordable(plan, CPU, 20.0)
    least = min(SMALLEST_PATCH_VOXELS[ndim], math.prod(size))
    assert math.prod(made.patch_size) >= least / 2
    assert math.prod(made.patch_size) <= math.prod(size)


def plan_of(strides: tuple[tuple[int, ...], ...], size: tuple[int, ...]) -> Plan:
    ndim, n_levels = len(size), len(strides) + 1
    return Plan(
        ndim=ndim,
        slice_axis=None,
        spacing_mm=(1.0,) * ndim,
        pixel_units=False,
        patch_size=size,
        batch_size=2,
        in_channels=1,
        n_classes=2,
        widths=(8,) * n_levels,
        strides=strides,
        blocks=(1,) * n_levels,
        normalisation=("scan",),
        intensity=((0.0, 1.0, 0.5, 0.5),),
        flip_axes=(),
        augmentation="light",
        precision="32-true",
    )


def test_training_goes_on_from_a_model(
    ball_model: UNetSegmenter,
    tiny_cohort: Cohort,
    small_plan: Plan,
    counted: pytest.MonkeyPatch,
    tmp_path: Path,
    dice: Any,
) -> None:
    ball_model.save(tmp_path / "ball")
    started = UNetSegmenter(plan=small_plan, init=tmp_path / "ball", tuning=Tuning(rank=2))
    few = tiny_cohort.subset(["case4"])
    started.fit(few, budget=Budget(minutes=0.1), seed=0, workdir=tmp_path / "work")
    assert "100.0 % of the network's parameters" in started.notes_[0]
    assert started.card_.started_from.startswith("ball, a unet of suffice")
    image = read_case_image(tiny_cohort, tiny_cohort.subset(["case5"]).cases[0])
    before = ball_model.predict(image).labels.array
    assert dice(started.predict(image).labels.array, before) > 0.8
    started.save(tmp_path / "next")
    assert load_segmenter(tmp_path / "next").card_.licence == started.card_.licence


def test_what_cannot_be_started_from(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not exist"):
        read_source(tmp_path / "nothing")
    with pytest.raises(ModelError, match="no model that can be started from"):
        read_source(tmp_path)
    path = tmp_path / "other.pth"
    torch.save({"blocks.0.attn.qkv.weight": torch.ones(8, 8)}, path)
    with pytest.raises(ModelError, match="a network that is not known here"):
        read_source(path)
