"""The heart's width on a chest X-ray, beside that of the chest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from suffice.measure.lungs import lung_part
from suffice.measure.size import length_unit
from suffice.measure.structure import Measure, Structure

_HEARTS = {"heart", "cardiac silhouette", "heart shadow", "cor"}


def measure_cardiothoracic(structures: Sequence[Structure]) -> Iterator[Measure]:
    """Measure the cardiothoracic ratio of a picture with a heart and both lungs.

    Yields
    ------
    Measure
        Of the heart: ``width_mm``, ``thorax_width_mm`` and ``cardiothoracic_ratio``; nothing
        where the picture has no heart or no lungs, or the lungs do not lie on both sides of it.

    Notes
    -----
    The greatest width of the heart over that of the chest, which is taken between the outermost
    points of the lungs: rows of the picture are taken to run across the patient. A heart is large
    where the ratio is above 0.5 on a picture taken from behind at full inspiration [1]_.

    References
    ----------
    .. [1] Truszkiewicz et al., J. Clin. Med. 2021, https://doi.org/10.3390/jcm10092016
    """
    heart = next((s for s in structures if _is_heart(s.label) and not s.is_empty), None)
    lungs = [s for s in structures if lung_part(s.label) is not None and not s.is_empty]
    if heart is None or not lungs or heart.grid.ndim != 2:
        return
    first, last = min(s.box[1].start for s in lungs), max(s.box[1].stop for s in lungs)
    across = heart.box[1]
    if not first < across.start < across.stop < last:
        return
    unit, each = length_unit(heart.grid), heart.grid.unit_spacing[1]
    width, thorax = (across.stop - across.start) * each, (last - first) * each
    yield Measure(heart.label, f"width_{unit}", width)
    yield Measure(heart.label, f"thorax_width_{unit}", thorax)
    yield Measure(heart.label, "cardiothoracic_ratio", width / thorax)


def _is_heart(name: str) -> bool:
    return name.lower().replace("_", " ").strip() in _HEARTS
