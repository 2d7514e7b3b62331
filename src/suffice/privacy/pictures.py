"""Text in the pixels of PNG, JPEG and TIFF pictures: found, and covered or refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image

from suffice.privacy.burned_in import cover, find_text
from suffice.privacy.cleaning import Done, Job
from suffice.privacy.refused import Refused

COVERED = "text covered in pixels"
_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I", "I;16", "F")
_LARGEST_PIXELS = 10**9
_QUALITY = 95


def cover_text(path: Path, job: Job, done: Done, *, suffix: str) -> None:
    """Cover text in a cleaned PNG or JPEG file; nothing is written where there is none.

    Raises
    ------
    Refused
        If text was seen and is not to be covered.
    """
    if "pixel-data" not in job.options.clean:
        return
    Image.MAX_IMAGE_PIXELS = _LARGEST_PIXELS
    with Image.open(path) as picture:
        picture.load()
        if picture.mode not in _MODES:
            raise Refused(f"pixels of kind {picture.mode} cannot be searched for text")
        plain = picture.convert("RGB") if picture.mode in ("P", "LA", "RGBA") else picture
        boxes = find_text(np.asarray(plain).astype(np.float32))
        if not boxes:
            return
        if job.options.pixels == "refuse":
            raise Refused("text was seen in its pixels")
        covered = np.array(picture)
        cover(covered, boxes, _darkest(picture))
        again = Image.fromarray(covered)
        if picture.mode == "P":
            again.putpalette(picture.getpalette() or [])
        kept: dict[str, Any] = {n: picture.info[n] for n in ("dpi",) if n in picture.info}
        if suffix == "png":
            again.save(path, format="PNG", **kept)
        else:
            again.save(path, format="JPEG", quality=_QUALITY, exif=picture.getexif(), **kept)
    done.setdefault(COVERED, set()).add("pixels")


def require_no_text(path: Path, job: Job) -> None:
    """Refuse a TIFF in whose pages text was seen."""
    if "pixel-data" not in job.options.clean:
        return
    with tifffile.TiffFile(path) as tiff:
        for page in tiff.pages:
            pixels = page.asarray()
            frame = pixels if pixels.ndim == 2 or pixels.shape[-1] in (3, 4) else None
            frames = [frame] if frame is not None else [p for p in pixels if p.ndim == 2]
            if any(find_text(one) for one in frames if one.dtype.kind in "uifb"):
                raise Refused("text was seen in its pixels")


def _darkest(picture: Image.Image) -> Any:
    """Give the value of black: for a palette, the index of its darkest colour."""
    palette = picture.getpalette() if picture.mode == "P" else None
    if palette:
        colours = np.array(palette[: len(palette) // 3 * 3]).reshape(-1, 3)
        return int(colours.sum(axis=1).argmin())
    if picture.mode in ("LA", "RGBA"):
        return [0] * (len(picture.mode) - 1) + [255]
    return 0
