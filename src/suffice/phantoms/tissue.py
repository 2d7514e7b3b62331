"""Everything around the lungs, in Hounsfield units."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from suffice.phantoms.anatomy import Chest
from suffice.phantoms.shapes import FloatArray, SamplePoints, capsule, ellipsoid, rounded_box
from suffice.phantoms.tubes import Segment, share_in_tubes

AIR, FAT, MUSCLE, BLOOD, LIVER, MARROW, CORTEX, TABLE = -1000, -105, 50, 45, 62, 170, 620, -650

RIB_SLOPE = 0.55  # ribs fall towards the front


def paint_body(
    points: SamplePoints, chest: Chest
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Paint table, body, bones and the organs between and below the lungs.

    Returns
    -------
    hu : array of the shape of the sample lattice
        With the chest cavity filled by fat; lungs come on top.
    body : array of the same shape
        Share of each sample inside the skin.
    """
    x, y, z = points.coordinates_mm()
    hu = np.full(points.shape, AIR, np.float32)

    def paint(distance_mm: FloatArray, value: float) -> None:
        hu[...] += points.share_inside(distance_mm) * (value - hu)

    muscle = muscle_mm(chest, x, y, z)
    skin = muscle - chest.fat_mm
    cavity = chest.cavity_mm(x, y, z)
    below = chest.diaphragm_mm(x, y, z)
    paint(np.abs(_table_mm(chest, x, y)) - 3.0, TABLE)
    paint(skin, 30)
    paint(skin + 2.5, FAT)
    paint(muscle, MUSCLE)
    paint(cavity, FAT)
    paint(np.maximum(np.maximum(cavity, below), -x - 15.0), LIVER)
    paint(np.maximum(np.maximum(cavity, below), x + 15.0), BLOOD)
    paint(np.maximum(ellipsoid((x + 60.0, y - 35.0), (38.0, 26.0)), below + 10.0), -40)
    paint(chest.heart_shape_mm(x, y, z), BLOOD)
    hu += share_in_tubes(points, _great_vessels(chest)) * (BLOOD + 5 - hu)
    _paint_bones(points, chest, cavity, hu)
    return hu, points.share_inside(skin)


def muscle_mm(chest: Chest, x: FloatArray, y: FloatArray, z: FloatArray) -> FloatArray:
    """Signed distance to the outside of the chest muscles, wider towards the shoulders."""
    rise = np.clip((z - 20.0) / (chest.apex_mm - 20.0), 0.0, 1.3)
    wide = chest.half_width_mm + 24.0 + 12.0 * rise
    deep = chest.half_depth_mm + 24.0 - 4.0 * rise
    return rounded_box((x, y + 7.0), (wide, deep))


def _table_mm(chest: Chest, x: FloatArray, y: FloatArray) -> FloatArray:
    lowest = -(chest.half_depth_mm + 24.0 + chest.fat_mm + 7.0)
    return np.asarray(y - lowest + 6.0 - x**2 / 900.0)


def _great_vessels(chest: Chest) -> list[Segment]:
    """Aorta, pulmonary trunk, superior caval vein, oesophagus and the vessels to the head."""
    back = chest.spine_mm[1] + 26.0
    arch, top = chest.carina_mm + 26.0, chest.apex_mm + 80.0
    heart = chest.heart_mm
    tubes = (
        ((-24.0, back, arch - 8.0), (-20.0, back - 2.0, chest.base_mm - 60.0), (12.5, 11.0)),
        ((-22.0, back + 4.0, arch), (12.0, 22.0, arch - 2.0), (12.5, 13.0)),
        ((14.0, 24.0, arch - 6.0), (2.0, 24.0, heart[2] + 20.0), (15.0, 16.0)),
        ((-20.0, 26.0, heart[2] + 20.0), (-22.0, 4.0, chest.carina_mm - 14.0), (14.0, 12.0)),
        ((-22.0, 0.0, chest.carina_mm - 16.0), (42.0, -4.0, chest.carina_mm - 26.0), (11.0, 9.0)),
        ((-22.0, 0.0, chest.carina_mm - 14.0), (-48.0, -6.0, chest.carina_mm - 18.0), (11.0, 9.0)),
        ((26.0, 14.0, arch + 40.0), (27.0, 8.0, heart[2] + 10.0), (9.0, 10.0)),
        ((-9.0, back + 10.0, top), (-9.0, back + 8.0, chest.base_mm - 60.0), (7.5, 7.5)),
        ((6.0, 18.0, arch), (16.0, 10.0, top), (7.0, 6.0)),
        ((-10.0, 12.0, arch), (-18.0, 6.0, top), (5.0, 5.0)),
        ((-20.0, 2.0, arch), (-30.0, -2.0, top), (5.5, 5.5)),
    )
    return [Segment(*tube) for tube in tubes]


def _paint_bones(
    points: SamplePoints, chest: Chest, cavity: FloatArray, hu: npt.NDArray[np.float32]
) -> None:
    x, y, z = points.coordinates_mm()
    side = np.abs(x)

    def paint(distance_mm: FloatArray, shell_mm: float) -> None:
        hu[...] += points.share_inside(distance_mm) * (CORTEX - hu)
        hu[...] += points.share_inside(distance_mm + shell_mm) * (MARROW - hu)

    phase = (z + RIB_SLOPE * y - chest.rib_phase_mm) / chest.rib_pitch_mm
    along = (phase - np.round(phase)) * chest.rib_pitch_mm * 0.87
    # Towards the sternum ribs end in cartilage, which is hardly denser than muscle.
    rib = np.hypot(cavity - 8.0, along / 1.5) - 4.6
    paint(np.maximum(rib, y - 0.62 * chest.half_depth_mm), 1.8)
    front = 0.92 * chest.half_depth_mm
    height = np.clip((chest.apex_mm - 30.0 - z) / 150.0, -0.2, 1.2)
    breastbone = ellipsoid((x, y - front - 14.0 + 8.0 * (height < 0)), (19.0, 6.5))
    paint(np.maximum(breastbone, np.abs(z - chest.apex_mm + 105.0) - 80.0), 1.6)
    _paint_spine(chest, points, hu)
    blade = side * 0.82 - (y + 0.55 * chest.half_depth_mm) * 0.57
    across = side * 0.57 + (y + 0.55 * chest.half_depth_mm) * 0.82
    wide, thin = across - 62.0, blade - (0.82 * chest.half_width_mm + 6.0)
    scapula = ellipsoid((thin, wide, z - chest.apex_mm + 75.0), (4.5, 34.0, 62.0))
    paint(scapula, 1.8)
    collar = capsule(
        (side, y, z),
        (22.0, front - 12.0, chest.apex_mm - 14.0),
        (150.0, -10.0, chest.apex_mm + 16.0),
        (6.5, 6.0),
    )
    paint(collar, 2.0)


def _paint_spine(chest: Chest, points: SamplePoints, hu: npt.NDArray[np.float32]) -> None:
    centre = chest.spine_mm[1]
    far = 3.0 * chest.apex_mm
    box = points.box_around(np.array([-40.0, centre - 65.0, -far]), np.array([40.0, 0.0, far]))
    if box is None:
        return
    x, y, z = points.coordinates_mm(box)
    level = (z + chest.disc_phase_mm) % 25.0 - 12.5

    def paint(distance_mm: FloatArray, value: float) -> None:
        hu[box] += points.share_inside(distance_mm) * (value - hu[box])

    body = ellipsoid((x, y - centre), (18.0, 14.5))
    paint(body, 90)  # discs
    bone = np.maximum(body, np.abs(level) - 9.5)
    paint(bone, CORTEX - 150)
    paint(bone + 2.2, MARROW)
    arch = ellipsoid((x, y - centre + 24.0), (16.0, 13.0))
    paint(np.maximum(arch, np.abs(level + 2.0) - 9.0), 420)
    process = np.maximum(np.abs(x) - 3.5, np.abs(y - centre + 45.0) - 16.0)
    paint(np.maximum(process, np.abs(level + 4.0) - 8.0), 400)
    wings = np.maximum(np.abs(y - centre + 22.0 + 0.25 * np.abs(x)) - 4.5, np.abs(x) - 34.0)
    paint(np.maximum(wings, np.abs(level) - 6.0), 380)
    paint(ellipsoid((x, y - centre + 23.0), (9.5, 8.5)), 30)
