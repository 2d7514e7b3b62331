"""Show what training would see: patches of a cohort as they are, and augmented."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from suffice.augment import (
    POLICIES,
    Augmentation,
    Chance,
    PatchDraw,
    Patches,
    families_of,
)
from suffice.augment.mixing import MIXES, Mixing
from suffice.core import (
    Budget,
    Case,
    Cohort,
    Image,
    LabelMap,
    Listener,
    Progress,
    UsageError,
    silent,
)
from suffice.files import require_free
from suffice.io import read_case_image, read_case_mask
from suffice.report.sheet import Tile, short, write_sheet
from suffice.segmenters.preparing import case_facts, prepare_image, prepare_labels
from suffice.training.batches import PatchSampler
from suffice.training.fingerprint import fingerprint
from suffice.training.loop import augmentation_of, hounsfield_of
from suffice.training.machine import detect_machine
from suffice.training.pairs import MixingSampler
from suffice.training.plan import Plan, make_plan
from suffice.training.store import Store
from suffice.workflows.training import choose_labelled

# The plan that patches are cut by; more minutes would give larger ones.
_MINUTES = 10.0
_WORDS = {"Line": "brightness or contrast"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Where the sheet is, and what it shows."""

    sheet: Path
    policy: str
    families: tuple[str, ...]
    mixing: tuple[str, ...]
    cases: tuple[str, ...]


def show_augmentation(
    cohort: Cohort,
    out: Path,
    *,
    policy: str | None = None,
    mix: Sequence[str] = (),
    n_cases: int = 4,
    n_draws: int = 5,
    seed: int = 0,
    overwrite: bool = False,
    listener: Listener = silent,
) -> Shown:
    """Draw a contact sheet: a row for each case, the patch first, then what becomes of it.

    The patches, their preparation and the draws are those of a training.

    Parameters
    ----------
    cohort : Cohort
    out : Path
        The PNG.
    policy : str, optional
        Of `suffice.augment.POLICIES`; by default the one that a training would plan.
    mix : sequence of str
        Ways of mixing, of `suffice.augment.mixing.MIXES`; every patch is then mixed.
    n_cases, n_draws : int
        Rows, and augmented patches in each.
    seed : int
        Draws the cases, the patches and all changes.
    overwrite : bool
        Whether ``out`` may be replaced.

    Raises
    ------
    SufficeError
        If there is no such policy or way of mixing, no labelled case, or ``out`` is taken.
    """
    require_free(out, overwrite=overwrite)
    if policy is not None and policy not in POLICIES:
        raise UsageError("There is no such policy", got=policy, expected=", ".join(POLICIES))
    mixing = Mixing(tuple(mix), (1 / len(mix),) * len(mix)) if mix else Mixing()
    if n_cases < 1 or n_draws < 1:
        raise UsageError("A sheet needs a case and a draw", got=f"{n_cases} and {n_draws}")
    rng = np.random.default_rng(seed)
    labelled = choose_labelled(cohort, purpose="show")
    chosen = sorted(rng.permutation(len(labelled))[: max(n_cases, 2 if mix else 1)])
    cases = labelled.subset([labelled.cases[i].name for i in chosen])
    with tempfile.TemporaryDirectory() as folder:
        plan, store = _prepare(cases, Path(folder), policy, rng, listener)
        sheet = _Sheet(plan, store, cases, mixing, seed)
        rows = [(case.name, sheet.row(i, n_draws)) for i, case in enumerate(cases.cases[:n_cases])]
        write_sheet(out, rows, cohort.legend, pixel=_shown_axes(plan), overwrite=overwrite)
    return Shown(
        sheet=out,
        policy=plan.augmentation,
        families=families_of(augmentation_of(plan)),
        mixing=mixing.names,
        cases=cases.names[:n_cases],
    )


def policies() -> list[tuple[str, str]]:
    """Name what there is to show: policies with their families, and ways of mixing."""
    rows = [(name, ", ".join(families_of(each)) or "nothing") for name, each in POLICIES.items()]
    return [*rows, *((f"mixing: {name}", _first_line(mix)) for name, mix in MIXES.items())]


def _first_line(thing: object) -> str:
    return (type(thing).__doc__ or "").strip().splitlines()[0].rstrip(".")


def _prepare(
    cases: Cohort,
    folder: Path,
    policy: str | None,
    rng: np.random.Generator,
    listener: Listener,
) -> tuple[Plan, Store]:
    """Plan as a training would, but for the speed of this machine, and prepare the cases."""
    read: list[tuple[Case, Image, LabelMap]] = []
    for done, case in enumerate(cases.cases):
        listener(Progress("read", done / len(cases), note=case.name))
        read.append((case, read_case_image(cases, case), read_case_mask(cases, case)))
    image = read[0][1]
    plan = make_plan(
        fingerprint([case_facts(scan, mask, rng) for _, scan, mask in read]),
        n_channels=image.n_channels,
        n_classes=cases.legend.n_classes,
        in_hu=(image.unit == "HU",) * image.n_channels,
        budget=Budget(minutes=_MINUTES),
        machine=detect_machine(),
    )
    if policy is not None:
        plan = replace(plan, augmentation=policy)
    store = Store(folder / "store")
    for case, scan, mask in read:
        labels = prepare_labels(mask, scan, plan)
        store.add(case.name, prepare_image(scan, plan), labels, rng, unlabelled=plan.n_classes)
    return plan, store


class _Sheet:
    """Draws patches as a training does."""

    def __init__(self, plan: Plan, store: Store, cases: Cohort, mixing: Mixing, seed: int) -> None:
        self.plan = plan
        self.augmentation: Augmentation = augmentation_of(plan)
        generator = torch.Generator().manual_seed(seed)
        self.chance = Chance(generator)
        self.sampler = PatchSampler(
            store.read(cases.names),
            patch_size=plan.patch_size,
            batch_size=1,
            foreground=1.0,
            rng=np.random.default_rng(seed),
        )
        self.mixed = MixingSampler(
            self.sampler,
            mixing,
            n_classes=plan.n_classes,
            spacing=plan.patch_spacing_mm,
            generator=generator,
        )

    def row(self, index: int, n_draws: int) -> list[Tile]:
        """Show one case: the patch, then draws of it, all cut at the same slice."""
        place = self.sampler.place(index)
        image, labels = self.sampler.read(place)
        at = _busiest(labels) if self.plan.ndim == 3 else None
        tiles = [_tile(image, labels, at, self.plan, "")]
        patches = Patches(
            size=tuple(image.shape[1:]),
            spacing=self.plan.patch_spacing_mm,
            n_channels=image.shape[0],
            hounsfield=hounsfield_of(self.plan),
        )
        for _ in range(n_draws):
            image, labels = self.mixed.patch(place)
            draw = self.augmentation.sample(patches, self.chance)
            moved, shares = draw.apply(
                image, labels, self.plan.n_classes, self.plan.patch_spacing_mm
            )
            tiles.append(_tile(moved, shares.argmax(0), at, self.plan, short(words_of(draw))))
        return tiles


def words_of(draw: PatchDraw) -> list[str]:
    """Name what a draw changes."""
    spatial = draw.spatial
    moves = {
        "flip": spatial.flips,
        "rotation": spatial.rotation_deg,
        "scale": spatial.factors,
        "shear": spatial.shear,
        "elastic": spatial.bend,
    }
    names = [name for name, value in moves.items() if value]
    kinds = (type(each).__name__.removesuffix("Draw") for each in draw.intensity)
    return names + [
        _WORDS.get(kind, re.sub("(?<!^)([A-Z])", r" \1", kind).lower()) for kind in kinds
    ]


def _busiest(labels: Tensor) -> int:
    """Slice with the most labelled voxels along the last axis; the middle one without any."""
    labelled = (labels > 0).sum((0, 1))
    return int(labelled.argmax()) if int(labelled.max()) else labels.shape[2] // 2


def _tile(image: Tensor, labels: Tensor, at: int | None, plan: Plan, caption: str) -> Tile:
    """Cut a patch to what is shown; canonical axes run up and to the left on the sheet."""
    picture, classes = image.float().numpy(), labels.numpy()
    # Unlabelled voxels are shown as background.
    classes = np.where(classes < plan.n_classes, classes, 0)
    if at is not None:
        picture, classes = picture[..., at], classes[..., at]
    if not plan.pixel_units:
        picture = picture.swapaxes(1, 2)[:, ::-1, ::-1]
        classes = classes.T[::-1, ::-1]
    is_colour = plan.pixel_units and len(picture) == 3
    return Tile(picture.transpose(1, 2, 0) if is_colour else picture[0], classes, caption)


def _shown_axes(plan: Plan) -> tuple[float, float]:
    """Height and width of a pixel on the sheet."""
    if plan.pixel_units:
        return (1.0, 1.0)
    across, up, *_ = plan.patch_spacing_mm
    return (up, across)
