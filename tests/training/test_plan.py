"""Laws that hold for the plan of any cohort, on any machine, in any time."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suffice.augment import POLICIES
from suffice.core import Budget, ModelError
from suffice.training.fingerprint import Fingerprint
from suffice.training.machine import PRECISIONS, Machine
from suffice.training.plan import (
    Plan,
    describe,
    make_plan,
    plan_from_toml,
    plan_to_toml,
    with_speed,
)
from suffice.training.sizing import affordable_voxels, patch_multiple


def fingerprint(
    shape: tuple[int, ...] = (160, 160, 120),
    spacing: tuple[float, ...] = (1.0, 1.0, 1.2),
    **facts: object,
) -> Fingerprint:
    known: dict = {
        "n_cases": 8,
        "median_shape": shape,
        "spacing_mm": spacing,
        "sided_axes": (),
        "is_posed": False,
        "intensity": ((0.0, 100.0, 50.0, 20.0),),
        "is_colour": False,
        "mixed_polarity": False,
        "thickness": 0.0,
        **facts,
    }
    return Fingerprint(**known)


def machine(**facts: object) -> Machine:
    known: dict = {
        "n_cores": 4,
        "memory_gb": 8.0,
        "accelerator": "cpu",
        "precision": "bf16-mixed",
        **facts,
    }
    return Machine(**known)


def plan_of(found: Fingerprint, minutes: float = 10, **options: object) -> Plan:
    chosen: dict = {
        "n_channels": 1,
        "n_classes": 3,
        "in_hu": (False,),
        "budget": Budget(minutes=minutes),
        "machine": machine(),
        **options,
    }
    return make_plan(found, **chosen)


spacings = st.floats(0.05, 8.0)
fingerprints = st.one_of(
    st.builds(
        fingerprint,
        st.tuples(*(st.integers(1, 2000),) * 2),
        st.just((1.0, 1.0)),
        is_colour=st.booleans(),
        sided_axes=st.sampled_from([(), (0,), (1,)]),
    ),
    st.builds(
        fingerprint,
        st.tuples(*(st.integers(1, 600),) * 3),
        st.tuples(*(spacings,) * 3),
        sided_axes=st.sampled_from([(), (0,), (1, 2)]),
    ),
)
machines = st.builds(
    machine,
    n_cores=st.integers(1, 128),
    memory_gb=st.floats(2, 500),
    accelerator=st.sampled_from(["cpu", "cuda"]),
    precision=st.sampled_from(PRECISIONS),
)
minutes = st.floats(0.05, 10_000)


@settings(max_examples=80, deadline=None)
@given(fingerprints, machines, minutes)
def test_any_plan_can_be_trained(found: Fingerprint, here: Machine, time: float) -> None:
    plan = plan_of(found, time, machine=here)
    n_levels = len(plan.widths)
    assert len(plan.patch_size) == plan.ndim == len(plan.divisible_by)
    assert len(plan.strides) == n_levels - 1 >= 1 and len(plan.blocks) == n_levels
    size = np.array(plan.patch_size)
    assert (size > 0).all() and (size % patch_multiple(plan.strides) == 0).all()
    # Instance norm needs more than one voxel at the coarsest resolution.
    for stride in plan.strides:
        size = -(-size // np.array(stride))
    assert math.prod(size.tolist()) > 1
    assert plan.batch_size >= 1 and min(plan.widths) >= 1
    assert len(plan.spacing_mm) == found.ndim and min(plan.spacing_mm) > 0
    assert plan.augmentation in POLICIES and plan.precision == here.precision
    assert set(plan.flip_axes) <= set(range(plan.ndim))
    assert (plan.slice_axis is not None) == (plan.ndim < found.ndim)


@settings(max_examples=60, deadline=None)
@given(fingerprints, machines, minutes)
def test_memory_is_bounded(found: Fingerprint, here: Machine, time: float) -> None:
    plan = plan_of(found, time, machine=here)
    # The estimate counts a gigabyte for torch itself.
    assert plan.memory_gb <= 1.0 + 1.2 * max(2.0, here.memory_gb)


@settings(max_examples=80, deadline=None)
@given(fingerprints, minutes, st.floats(1, 20))
def test_more_minutes_never_see_less_of_a_scan(
    found: Fingerprint, time: float, factor: float
) -> None:
    short, long = plan_of(found, time), plan_of(found, time * factor)
    for axis in range(short.ndim):
        assert long.patch_size[axis] >= short.patch_size[axis]


@settings(max_examples=60, deadline=None)
@given(fingerprints, machines, minutes)
def test_a_plan_survives_its_file(found: Fingerprint, here: Machine, time: float) -> None:
    plan = plan_of(found, time, machine=here)
    plan = with_speed(plan, 0.123, 60.0)
    assert plan_from_toml(plan_to_toml(plan)) == plan


@settings(max_examples=30, deadline=None)
@given(st.sampled_from([0, 1, 2]), st.floats(0.3, 2.0), st.floats(4.0, 12.0))
def test_thick_slices_are_pictures(axis: int, pixel: float, ratio: float) -> None:
    spacing, shape = [pixel] * 3, [200] * 3
    spacing[axis], shape[axis] = pixel * ratio, 30
    plan = plan_of(fingerprint(tuple(shape), tuple(spacing)))
    assert (plan.ndim, plan.slice_axis) == (2, axis)
    assert plan.spacing_mm[axis] == spacing[axis]


@pytest.mark.parametrize("shape", [(256, 256, 1), (1, 256, 256), (300, 4, 300)])
def test_volumes_of_few_slices_are_pictures(shape: tuple[int, ...]) -> None:
    plan = plan_of(fingerprint(shape, (1.0, 1.0, 1.0)))
    assert (plan.ndim, plan.slice_axis) == (2, int(np.argmin(shape)))


@pytest.mark.parametrize("shape", [(512, 512, 10), (400, 12, 400), (9, 300, 20)])
@pytest.mark.parametrize("minutes", [0.2, 2, 20])
def test_a_flat_volume_gets_no_larger_a_patch_than_can_be_afforded(
    shape: tuple[int, ...], minutes: float
) -> None:
    plan = plan_of(fingerprint(shape, (1.0, 1.0, 1.0)), minutes)
    affordable = affordable_voxels(3, Budget(minutes=minutes), machine(), None)
    # Sizes are rounded to the nearest multiple of four.
    assert math.prod(plan.patch_size) < 1.35 * affordable


def test_isotropic_volumes_are_volumes() -> None:
    plan = plan_of(fingerprint())
    assert plan.ndim == 3 and plan.slice_axis is None and not plan.pixel_units


def test_pictures_are_pictures() -> None:
    plan = plan_of(fingerprint((512, 400), (1.0, 1.0)))
    assert plan.ndim == 2 and plan.slice_axis is None and plan.pixel_units


@pytest.mark.parametrize("minutes", [1, 3])
def test_pictures_of_anatomy_are_seen_whole_as_long_as_it_stays_thick(minutes: float) -> None:
    options = {"minutes": minutes, "machine": machine(n_cores=1, precision="32-true")}

    def seen(**facts: object) -> tuple[float, float]:
        plan = plan_of(fingerprint((512, 512), (1.0, 1.0), **facts), **options)
        return plan.spacing_mm[0], plan.patch_size[0] * plan.spacing_mm[0] / 512

    _, part = seen(is_posed=True, thickness=200.0)
    assert part == pytest.approx(1.0, abs=0.05)
    # Cells lie anywhere, and need no more than what is around them.
    assert seen(is_posed=False, thickness=200.0)[1] < 0.5
    spacing, part = seen(is_posed=True, thickness=32.0)
    assert (spacing <= 2.0 or part < 0.42) and part < 0.9
    assert seen(is_posed=True, thickness=8.0) == seen(is_posed=False, thickness=8.0)


def test_hounsfield_units_keep_their_meaning() -> None:
    both = fingerprint(intensity=((0.0, 100.0, 50.0, 20.0),) * 2)
    plan = plan_of(both, n_channels=2, in_hu=(True, False))
    assert plan.normalisation == ("cohort", "scan")
    assert plan_of(fingerprint(), in_hu=(False,)).normalisation == ("scan",)


@pytest.mark.parametrize("axis", [0, 1])
def test_sides_are_not_mirrored_away(axis: int) -> None:
    plan = plan_of(fingerprint((300, 300), (1.0, 1.0), sided_axes=(axis,)))
    assert axis not in plan.flip_axes


def test_organs_are_not_mirrored_and_cells_are() -> None:
    assert plan_of(fingerprint(is_posed=True)).flip_axes == ()
    assert plan_of(fingerprint((300, 300), (1.0, 1.0))).flip_axes == (0, 1)


def test_speed_gives_steps() -> None:
    plan = with_speed(plan_of(fingerprint()), 0.5, 100)
    assert (plan.seconds_per_step, plan.n_steps) == (0.5, 200)
    assert with_speed(plan, 60.0, 1.0).n_steps == 1


@pytest.mark.parametrize(
    "text",
    ["", "ndim = 2", "ndim = ", plan_to_toml(plan_of(fingerprint())) + "colour = 1\n"],
    ids=["empty", "keys missing", "not TOML", "unknown key"],
)
def test_a_damaged_plan_is_told(text: str) -> None:
    with pytest.raises(ModelError, match=r"plan\.toml cannot be read"):
        plan_from_toml(text)


def test_a_plan_is_put_into_words() -> None:
    plan = with_speed(plan_of(fingerprint()), 0.5, 100)
    words = dict(describe(plan, ["lung", "airway"]))
    assert "3D" in words["network"] and words["structures"] == "lung, airway"
    assert words["steps"] == "200 in 10 minutes" and "GB" in words["memory"]
    slices = plan_of(fingerprint((200, 200, 30), (1.0, 1.0, 6.0)))
    assert "slice by slice along axis Z" in dict(describe(slices))["network"]
    pictures = plan_of(fingerprint((200, 200), (1.0, 1.0)))
    assert dict(describe(pictures))["spacing"] == "pixels as they are"
    assert "speed" not in dict(describe(replace(plan, seconds_per_step=0.0)))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('precision = "bf16"', "'bf16', expected 32-true, bf16-mixed, 16-mixed"),
        ('augmentation = "wild"', "'wild', expected .*strong"),
        ("patch_size = [33, 32, 32]", r"\(33, 32, 32\), expected multiples of 4, 4, 4"),
        ("patch_size = [32, 32]", "expected multiples of 4, 4, 4"),
        ("batch_size = 0", "0, expected 1 or more"),
        ("batch_size = 1.5", "1.5, expected 1 or more"),
        ("widths = [16, 20]", "multiples of 8"),
        ("spacing_mm = [1.0, -1.0, 1.0]", "3 positive numbers"),
        ('normalisation = ["mean"]', "1 of scan, cohort"),
        ("flip_axes = [3]", "some of 0 to 2"),
        ("slice_axis = 3", "0 to 2"),
        ("learning_rate = 0.0", "a positive number"),
        ("foreground = 50", "0 to 1"),
    ],
)
def test_what_a_hand_wrote_wrong_is_named_with_its_cure(line: str, told: str) -> None:
    key = line.split(" = ")[0]
    lines = plan_to_toml(plan_of(fingerprint())).splitlines()
    text = "\n".join([each for each in lines if not each.startswith(f"{key} =")] + [line])
    with pytest.raises(ModelError, match=rf"{key} cannot .*{told}.* Mend {key} in plan.toml"):
        plan_from_toml(text)
