"""Slices in a file each, put together to the volumes that they were cut from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from suffice.core import DEFAULT_CHANNEL, GeometryError, Grid, Image, LabelError
from suffice.io.images import read_image
from suffice.io.layouts.draft import DraftCase, Drawing, LabelArray
from suffice.io.masks import read_mask_array
from suffice.io.write_image import write_image

UNKNOWN_VOXEL_MM = (1.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Stack:
    """Files of slices in order.

    Parameters
    ----------
    paths : tuple of Path
        From the lowest slice number to the highest, without a gap.
    """

    paths: tuple[Path, ...]

    @classmethod
    def of(cls, slices: Sequence[tuple[str, Path]]) -> Stack:
        """Order slices by their number.

        Raises
        ------
        LabelError
            If a number is no whole number or stands twice.
        GeometryError
            If a slice between the first and the last is missing.
        """
        odd = [text for text, _ in slices if not text.isdecimal()]
        if odd:
            raise LabelError("{z} must match a whole number", got=repr(odd[0]))
        path_of = {int(text): path for text, path in slices}
        if len(path_of) < len(slices):
            raise LabelError(f"Two files are one slice of the stack of '{slices[0][1]}'")
        numbers = sorted(path_of)
        gap = next((n for n in range(numbers[0], numbers[-1]) if n not in path_of), None)
        if gap is not None:
            raise GeometryError(
                f"Slice {gap} of the stack of '{path_of[numbers[0]].name}' is missing",
                expected=f"all of {numbers[0]} to {numbers[-1]}",
                cure="Put it back: what lies above it would be one slice too low.",
            )
        return cls(tuple(path_of[n] for n in numbers))

    def drawing(self) -> Drawing:
        """Give the mask that these slices hold, to be drawn when the scan is known."""
        return Drawing(self.paths, partial(_stack_masks, self.paths), is_stored=True)


def written_stacks(
    item: DraftCase, folder: Path, voxel_mm: tuple[float, float, float]
) -> DraftCase:
    """Write the stacks of a case as volumes below ``folder`` and refer to these.

    Raises
    ------
    GeometryError
        If slices have other sizes or several channels.
    StorageError
        If the volume cannot be written.
    """
    images = dict(item.case.images)
    for channel, stack in item.stacks.items():
        place = folder / "images" / ("" if channel == DEFAULT_CHANNEL else channel)
        images[channel] = place / f"{item.case.name}.nii.gz"
        array = _stacked([read_image(path).array for path in stack.paths], stack.paths)
        grid = Grid.from_spacing(array.shape, voxel_mm)
        write_image(images[channel], Image(array[None], grid))
    return replace(item, case=replace(item.case, images=images))


def _stack_masks(paths: Sequence[Path], shape: tuple[int, ...]) -> LabelArray:
    array: LabelArray = _stacked([read_mask_array(path)[0][None] for path in paths], paths)
    if array.shape != shape:
        raise GeometryError(
            f"The stack of '{paths[0]}' has another size than its scan",
            got=array.shape,
            expected=shape,
        )
    return array


def _stacked(slices: Sequence[npt.NDArray[Any]], paths: Sequence[Path]) -> npt.NDArray[Any]:
    """Put slices of shape (1, Y, X) together to (X, Y, Z), as the pages of a TIFF are."""
    for array, path in zip(slices, paths, strict=True):
        if array.shape != slices[0].shape or array.ndim != 3 or array.shape[0] != 1:
            raise GeometryError(
                f"'{path}' is no slice of the stack that '{paths[0].name}' begins",
                got=array.shape,
                expected=(1, *slices[0].shape[1:]),
            )
    return np.concatenate(slices).transpose(2, 1, 0)
