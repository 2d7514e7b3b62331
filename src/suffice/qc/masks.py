"""Masks: readable, on their scan's grid, and of plausible content."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from suffice.core import Case, Cohort, Grid, LabelError, LabelMap, SufficeError
from suffice.io import read_mask
from suffice.io.polarity import marks_the_background
from suffice.qc.finding import Finding
from suffice.qc.scans import finding_from, missing_file

# A component is stray if it is far smaller than the main one and shares no face with it; those
# within this distance, often joined by a corner, are less alarming than those beyond.
STRAY_SHARE = 0.1
FAR_VOXELS = 2.0


@dataclass(frozen=True, kw_only=True)
class MaskFacts:
    """What is kept of one mask.

    Parameters
    ----------
    case, rater : str
    n_raters : int
        How many drew the case.
    n_voxels, n_components, n_stray_voxels, n_far_voxels : dict of str to int
        For each structure that the legend knows; of the stray voxels, those far from the main
        component.
    looks_inverted : bool
        Whether it marks most of its border and most of its voxels, as a background does.
    unlabelled : float
        Part of the voxels that nobody labelled.
    has_background : bool
        Whether a voxel is labelled as background.
    """

    case: str
    rater: str
    n_raters: int
    n_voxels: dict[str, int] = field(default_factory=dict)
    n_components: dict[str, int] = field(default_factory=dict)
    n_stray_voxels: dict[str, int] = field(default_factory=dict)
    n_far_voxels: dict[str, int] = field(default_factory=dict)
    looks_inverted: bool = False
    unlabelled: float = 0.0
    has_background: bool = True


def inspect_masks(
    cohort: Cohort, case: Case, grid: Grid | None
) -> tuple[list[MaskFacts], list[Finding]]:
    """Read every rater's mask of a case and check each by itself.

    Parameters
    ----------
    grid : Grid or None
        The scan's; ``None`` where the scan cannot be read.
    """
    facts, findings = [], []
    for rater, path in case.masks.items():
        mask, finding = _read(cohort, case, path, grid)
        if finding is not None:
            findings.append(finding)
        if mask is not None:
            facts.append(_facts(case, rater, mask))
    return facts, findings


def _read(
    cohort: Cohort, case: Case, path: Path, grid: Grid | None
) -> tuple[LabelMap | None, Finding | None]:
    if not path.exists():
        return None, missing_file(case.name, f"the mask '{path}'")
    try:
        mask = read_mask(path, cohort.legend)
    except LabelError as error:
        return None, finding_from(error, case.name, "label-outside-legend")
    except SufficeError as error:
        return None, finding_from(error, case.name)
    if grid is not None and not grid.pairs_with(mask.grid):
        return mask, Finding(
            kind="grid-mismatch",
            severity="error",
            cases=(case.name,),
            message=f"The scan of '{case.name}' lies on {grid}, its mask '{path}' on {mask.grid}",
            cure="Resample the mask onto the scan's grid, or mend the wrong header.",
        )
    return mask, None


def _facts(case: Case, rater: str, mask: LabelMap) -> MaskFacts:
    unlabelled = mask.unlabelled
    facts = MaskFacts(
        case=case.name,
        rater=rater,
        n_raters=len(case.masks),
        looks_inverted=marks_the_background(mask.drawn),
        unlabelled=0.0 if unlabelled is None else float(unlabelled.mean()),
        has_background=not bool(mask.array.all()),
    )
    boxes = ndimage.find_objects(mask.array.astype(np.int32))
    for label in mask.legend:
        box = boxes[label.value - 1] if label.value <= len(boxes) else None
        if box is None:
            facts.n_voxels[label.name] = 0
            continue
        inside = mask.array[box] == label.value
        n_components, n_stray, n_far = _components(inside)
        facts.n_voxels[label.name] = int(inside.sum())
        facts.n_components[label.name] = n_components
        facts.n_stray_voxels[label.name] = n_stray
        facts.n_far_voxels[label.name] = n_far
    return facts


def _components(inside: npt.NDArray[np.bool_]) -> tuple[int, int, int]:
    """Count the components (joined by faces), the voxels of stray ones and of far ones."""
    components, n_components = ndimage.label(inside)
    if n_components < 2:
        return n_components, 0, 0
    sizes = np.bincount(components.ravel())[1:]
    main = int(sizes.argmax()) + 1
    stray = [i + 1 for i, size in enumerate(sizes) if size <= STRAY_SHARE * sizes.max()]
    if not stray:
        return n_components, 0, 0
    gaps = ndimage.minimum(ndimage.distance_transform_edt(components != main), components, stray)
    far = [i for i, gap in zip(stray, gaps, strict=True) if gap > FAR_VOXELS]
    n_stray, n_far = (int(sum(sizes[i - 1] for i in group)) for group in (stray, far))
    return n_components, n_stray, n_far


def implausible_masks(masks: Sequence[MaskFacts]) -> Iterator[Finding]:
    """Find masks that are empty, inverted, of one voxel, lack a structure or have specks."""
    yield from _empty_masks(masks)
    yield from _inverted(masks)
    yield from partly_labelled(masks)
    by_label: dict[str, list[MaskFacts]] = defaultdict(list)
    for mask in masks:
        if any(mask.n_voxels.values()):
            for name in mask.n_voxels:
                by_label[name].append(mask)
    for name, group in by_label.items():
        yield from _tiny(name, group)
        yield from _absent(name, group)
        yield from _stray(name, group)


def _empty_masks(masks: Sequence[MaskFacts]) -> Iterator[Finding]:
    empty = [mask for mask in masks if not any(mask.n_voxels.values())]
    alone = [mask for mask in empty if mask.n_raters == 1]
    shared = [mask for mask in empty if mask.n_raters > 1]
    if alone:
        yield Finding(
            kind="empty-mask",
            severity="warning",
            cases=_cases(alone),
            message=f"{len(alone)} masks of {len(masks)} hold no structure",
            cure="Right if the scan shows none; if nobody drew it yet, empty its mask column.",
        )
    if shared:
        yield Finding(
            kind="empty-mask",
            severity="note",
            cases=_cases(shared),
            message=f"{len(shared)} masks are empty where the case has other raters' masks",
            cure="Nothing to do if those raters saw nothing there.",
        )


def _inverted(masks: Sequence[MaskFacts]) -> Iterator[Finding]:
    inverted = [mask for mask in masks if mask.looks_inverted]
    if inverted:
        raters = ", ".join(dict.fromkeys(mask.rater for mask in inverted))
        yield Finding(
            kind="inverted-mask",
            severity="warning",
            cases=_cases(inverted),
            message=f"{len(inverted)} masks of {len(masks)}, by {raters}, mark most of their "
            "border, as a background does",
            cure="If 0 is the structure, import again with --invert-masks.",
        )


def partly_labelled(masks: Sequence[MaskFacts]) -> Iterator[Finding]:
    """Find masks that leave voxels unlabelled, and whether they show any background."""
    partly = [mask for mask in masks if mask.unlabelled]
    if not partly:
        return
    share = 100 * float(np.mean([mask.unlabelled for mask in partly]))
    yield Finding(
        kind="partly-labelled",
        severity="note",
        cases=_cases(partly),
        message=f"{len(partly)} masks of {len(masks)} leave {share:.3g} % of their voxels "
        "unlabelled: they are neither learned from nor scored on",
        cure="Whole masks for some cases make whole scores, with surfaces and sizes.",
    )
    if not any(mask.has_background for mask in masks):
        yield Finding(
            kind="no-background",
            severity="warning",
            cases=_cases(partly),
            message="No mask labels a voxel as background, which a model cannot learn then",
            cure="Draw strokes of background as well; import with --ignore 0 --background VALUE.",
        )


def _tiny(name: str, masks: Sequence[MaskFacts]) -> Iterator[Finding]:
    tiny = [mask for mask in masks if mask.n_voxels[name] == 1]
    if tiny:
        yield Finding(
            kind="one-voxel-mask",
            severity="warning",
            cases=_cases(tiny),
            message=f"'{name}' is a single voxel in {len(tiny)} masks of {len(masks)}",
            cure="Probably a slip of the brush: erase or redraw it.",
        )


def _absent(name: str, masks: Sequence[MaskFacts]) -> Iterator[Finding]:
    absent = [mask for mask in masks if mask.n_voxels[name] == 0]
    if absent and len(absent) < len(masks):
        yield Finding(
            kind="absent-structure",
            severity="note",
            cases=_cases(absent),
            message=f"'{name}' is absent from {len(absent)} masks of {len(masks)} with others",
            cure="Nothing to do if those scans do not show it.",
        )
    elif absent:
        yield Finding(
            kind="absent-structure",
            severity="warning",
            cases=_cases(absent),
            message=f"'{name}' is in the legend but in no mask",
            cure="Take it out of cohort.toml, or draw it.",
        )


def _stray(name: str, masks: Sequence[MaskFacts]) -> Iterator[Finding]:
    counts = [mask.n_components[name] for mask in masks if mask.n_voxels[name]]
    # Structures that usually come in pieces, such as nuclei, have no main component.
    if not counts or float(np.median(counts)) > 2.0:
        return
    # Strokes come in pieces, and what lies between two may be unlabelled.
    whole = [mask for mask in masks if not mask.unlabelled]
    stray = [mask for mask in whole if mask.n_stray_voxels.get(name, 0)]
    if stray:
        worst = max(stray, key=lambda mask: mask.n_stray_voxels[name])
        is_far = any(mask.n_far_voxels[name] for mask in stray)
        yield Finding(
            kind="stray-components",
            severity="warning" if is_far else "note",
            cases=_cases(stray),
            message=f"'{name}' has specks {'far ' if is_far else ''}off its main part in "
            f"{len(stray)} masks of {len(masks)}, most in '{worst.case}' "
            f"({worst.n_stray_voxels[name]} voxels)",
            cure="Look at them and erase what does not belong.",
        )


def _cases(masks: Sequence[MaskFacts]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(mask.case for mask in masks))
