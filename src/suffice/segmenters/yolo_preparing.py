"""From labelled pictures to what a YOLO learns from: a plan, and a store of objects."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from suffice.core import (
    Budget,
    Cohort,
    CohortError,
    Image,
    Listener,
    ModelError,
    Progress,
    UsageError,
)
from suffice.files import write_text
from suffice.io import read_case_image
from suffice.io.formats import suffix_of
from suffice.nets.yolo.network import LARGEST_STRIDE
from suffice.segmenters.objects import DrawnObjects, drawn_objects
from suffice.segmenters.preparing import require_channels, scan_intensity
from suffice.segmenters.work_folder import claim
from suffice.segmenters.yolo_weights import PublishedWeights
from suffice.training.instances import InstancePlan, InstanceStore, plan_from_toml, plan_to_toml
from suffice.training.instances.plan import scale_for
from suffice.training.resampling import resample_image

PLAN = "yolo.toml"
# Objects of so many pictures tell how large objects are.
MOST_MEASURED = 64
# Radiographs and ultrasound are never seen upside down; of a cell nobody knows which way is up.
_UPRIGHT = ("CT", "MR", "PET", "XR", "OCT", "US")
_PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
_CURE = "Use the rung 'unet' for volumes, or cut them into pictures."


def refuse_volumes(labelled: Cohort) -> CohortError | None:
    """Refuse a cohort whose files hold volumes, by their names."""
    for case in labelled.cases:
        path = next(iter(case.images.values()))
        if suffix_of(path) not in _PICTURES:
            return CohortError("YOLO finds objects in pictures", got=f"'{path.name}'", cure=_CURE)
    return None


def plan_objects(
    labelled: Cohort,
    workdir: Path,
    *,
    budget: Budget,
    seed: int,
    size: str,
    weights: PublishedWeights | None,
) -> InstancePlan:
    """Plan a training, or find the plan that an earlier start of the same made.

    Raises
    ------
    UsageError
        If ``workdir`` belongs to another training.
    """
    claim(workdir, labelled, budget=budget, seed=seed, plan=None, rung="yolo")
    written = workdir / PLAN
    started_from = "" if weights is None else weights.path.name
    if written.exists():
        plan = plan_from_toml(written.read_text(encoding="utf-8"))
        if plan.started_from != started_from or (weights is None and plan.size != size):
            raise UsageError(
                f"'{workdir}' belongs to a training of another size or from other weights",
                cure="Delete it or name another folder.",
            )
        return plan
    plan = _new_plan(labelled, seed, size, weights, started_from)
    write_text(written, plan_to_toml(plan))
    return plan


def _new_plan(
    labelled: Cohort, seed: int, size: str, weights: PublishedWeights | None, started_from: str
) -> InstancePlan:
    order = np.random.default_rng(seed).permutation(len(labelled))[:MOST_MEASURED]
    sides: list[float] = []
    longest = 1
    for i in sorted(order):
        objects = drawn_objects(labelled, labelled.cases[i])
        longest = max(longest, *objects.instances.shape)
        boxes = objects.boxes
        sides += np.sqrt(np.prod(boxes[..., 1] - boxes[..., 0], axis=1)).tolist()
    image = read_case_image(labelled, labelled.cases[0])
    n_classes = labelled.legend.n_classes - 1
    class_width = 0
    if weights is not None:
        shape = weights.shape(in_channels=image.n_channels, n_classes=n_classes)
        size, class_width = shape.size, shape.class_width or 0
    plan = InstancePlan(
        size=size,
        in_channels=image.n_channels,
        n_classes=n_classes,
        class_width=class_width,
        flips=labelled.channels[0].modality not in _UPRIGHT,
        started_from=started_from,
    )
    scale = scale_for(sides, plan.patch_size)
    # Patches larger than the pictures would be learned from padding.
    patch_size = min(plan.patch_size, -(-round(longest * scale) // LARGEST_STRIDE) * LARGEST_STRIDE)
    return replace(plan, scale=scale, patch_size=patch_size)


def fill_store(
    store: InstanceStore, labelled: Cohort, plan: InstancePlan, listener: Listener
) -> int:
    """Prepare the cases that are not in the store yet; count those without a map of instances."""
    for i, case in enumerate(labelled.cases):
        if store.has(case.name):
            continue
        image = read_case_image(labelled, case)
        objects = drawn_objects(labelled, case)
        note = case.name
        if not objects.were_apart:
            note += ": no map of instances, connected components are taken for objects"
        listener(Progress("prepare", i / len(labelled), note=note))
        try:
            picture = network_picture(image, plan)
        except ModelError as error:
            raise CohortError(
                f"Case '{case.name}' is unlike the others",
                got=error.got,
                expected=error.expected,
                cure="Leave it out of cases.csv, or convert it.",
            ) from error
        instances, classes = _resampled(objects, picture.shape[1:])
        store.add(case.name, picture, instances, classes, _centres(instances, len(classes)))
    return sum(next(iter(c.masks)) not in c.instance_maps for c in labelled.cases)


def network_picture(image: Image, plan: InstancePlan) -> npt.NDArray[np.float32]:
    """Bring a picture to the size and intensities that the network knows.

    Raises
    ------
    ModelError
        If it is a volume, or has other channels than the plan.
    """
    if image.grid.ndim != 2:
        raise ModelError("The image does not fit the model", got="a volume", expected="a picture")
    require_channels(image, plan.in_channels)
    shape = [max(1, round(n * plan.scale)) for n in image.grid.shape]
    array = resample_image(image.array, shape)
    for channel in array:
        low, high, mean, sd = scan_intensity(channel)
        np.clip(channel, low, high, out=channel)
        channel -= mean
        channel /= max(sd, 1e-6)
    return array


def _resampled(
    objects: DrawnObjects, shape: tuple[int, ...]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    """Take the nearest pixel of the objects; those that vanish are left out."""
    at = [
        ((np.arange(n) + 0.5) * m / n).astype(int)
        for n, m in zip(shape, objects.instances.shape, strict=True)
    ]
    values, numbers = np.unique(objects.instances[np.ix_(*at)], return_inverse=True)
    first = 0 if values[0] == 0 else 1
    kept = values[values > 0]
    return (numbers.reshape(shape) + first).astype(np.int32), objects.classes[kept - 1]


def _centres(instances: npt.NDArray[np.int32], n: int) -> npt.NDArray[np.int32]:
    boxes = DrawnObjects(instances, np.zeros(n, dtype=np.uint8), were_apart=True).boxes
    return np.asarray(boxes.sum(-1) // 2, dtype=np.int32)
