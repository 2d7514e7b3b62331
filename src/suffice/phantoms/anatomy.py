"""One person's chest as numbers: drawn once, then breathed and scanned as often as wanted."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from suffice.core import UsageError
from suffice.phantoms.shapes import FloatArray, blend, ellipsoid, rounded_box
from suffice.phantoms.tubes import Segment
from suffice.phantoms.vessels import grow_tree

# How far the diaphragm of an adult moves between full expiration and full inspiration.
EXCURSION_MM = 50.0

RIGHT, LEFT = 1.0, -1.0  # sign of x in RAS+


@dataclass(frozen=True, kw_only=True)
class Nodule:
    """A ball in a lung, placed at full inspiration."""

    centre_mm: tuple[float, float, float]
    radius_mm: float


@dataclass(frozen=True, kw_only=True)
class Chest:
    """A chest at one level of inspiration; lengths in mm, x to the right, y forwards, z up.

    The origin is the middle of the chest at the height of the heart's base. ``margin_mm`` and
    ``off_centre_mm`` say how much air is scanned around the body and how far from the middle of
    the picture it lies.
    """

    half_width_mm: float
    half_depth_mm: float
    apex_mm: float
    base_mm: float
    dome_mm: float
    fat_mm: float
    core_mm: float
    heart_mm: tuple[float, float, float]
    heart_radii_mm: tuple[float, float, float]
    trachea_mm: float
    carina_mm: float
    rib_pitch_mm: float
    rib_phase_mm: float
    disc_phase_mm: float
    margin_mm: float
    off_centre_mm: tuple[float, float]
    vessels: tuple[Segment, ...] = ()
    nodules: tuple[Nodule, ...] = ()

    @property
    def spine_mm(self) -> tuple[float, float]:
        """Centre of the vertebral bodies in x and y."""
        return 0.0, -0.74 * self.half_depth_mm

    def breathed(self, inspiration: float) -> Chest:
        """Return the chest at ``inspiration`` between 0 (expired) and 1 (as drawn)."""
        if not 0.0 <= inspiration <= 1.0:
            raise UsageError("Inspiration must lie between 0 and 1", got=inspiration)
        rise = EXCURSION_MM * (1.0 - inspiration)
        stretch = (self.apex_mm - self.base_mm - rise) / (self.apex_mm - self.base_mm)
        depth = 1.0 - 0.07 * (1.0 - inspiration)

        def move(point: tuple[float, float, float]) -> tuple[float, float, float]:
            return point[0], point[1] * depth, self.apex_mm - (self.apex_mm - point[2]) * stretch

        heart = self.heart_mm[0], self.heart_mm[1], self.heart_mm[2] + 0.6 * rise
        return replace(
            self,
            base_mm=self.base_mm + rise,
            half_depth_mm=self.half_depth_mm * depth,
            half_width_mm=self.half_width_mm * (1.0 - 0.02 * (1.0 - inspiration)),
            heart_mm=heart,
            vessels=tuple(
                Segment(move(s.start_mm), move(s.end_mm), s.radii_mm) for s in self.vessels
            ),
            nodules=tuple(replace(n, centre_mm=move(n.centre_mm)) for n in self.nodules),
        )

    def cavity_mm(self, x: FloatArray, y: FloatArray, z: FloatArray) -> FloatArray:
        """Signed distance to the inner chest wall."""
        height = np.clip((z - self.base_mm) / (self.apex_mm - self.base_mm), 0.0, 1.0)
        width = np.maximum(np.sqrt(1.0 - height**3.4), 0.05)
        centre = -0.2 * self.half_depth_mm * height**2
        wide, deep = self.half_width_mm * width, self.half_depth_mm * width
        # Chests are boxier than ellipses.
        return rounded_box((x, y - centre), (wide, deep))

    def heart_shape_mm(self, x: FloatArray, y: FloatArray, z: FloatArray) -> FloatArray:
        """Signed distance to the heart, its apex to the left, front and below."""
        x, y, z = (p - c for p, c in zip((x, y, z), self.heart_mm, strict=True))
        forwards, down = np.float32(0.55), np.float32(0.35)
        return ellipsoid(
            (x + forwards * y * 0.6, y - forwards * x * 0.6, z + down * x), self.heart_radii_mm
        )

    def core_shape_mm(self, x: FloatArray, y: FloatArray, z: FloatArray) -> FloatArray:
        """Signed distance to the mediastinum from spine to sternum."""
        high = np.clip((z - self.carina_mm) / (self.apex_mm - self.carina_mm), 0.0, 1.0)
        front = ellipsoid(
            (x + 4.0, y - 0.12 * self.half_depth_mm),
            (self.core_mm * (1.0 + 0.25 * high), 0.8 * self.half_depth_mm),
        )
        hilum = ellipsoid((x, y + 8.0, z - self.carina_mm + 22.0), (48.0, 22.0, 30.0))
        spine = ellipsoid((x, y - self.spine_mm[1] + 8.0), (27.0, 33.0))
        solid = blend(blend(front, hilum, 14.0), spine, 12.0)
        return blend(solid, self.heart_shape_mm(x, y, z) - 4.0, 10.0)

    def diaphragm_mm(self, x: FloatArray, y: FloatArray, z: FloatArray) -> FloatArray:
        """Signed distance to what lies below the diaphragm."""
        side = (np.abs(x) - 0.5 * self.half_width_mm) / (0.5 * self.half_width_mm)
        depth = (y - 0.15 * self.half_depth_mm) / (0.85 * self.half_depth_mm)
        dome = self.dome_mm * (1.0 + 0.12 * np.tanh(x / 30.0)) * np.exp(-(side**2 + depth**2))
        # A diaphragm slopes: its height differs from its distance by the cosine, about 0.8.
        return np.asarray((z - self.base_mm - dome) * 0.8)

    def lungs_mm(self, x: FloatArray, y: FloatArray, z: FloatArray) -> FloatArray:
        """Signed distance to both lungs, airways not yet taken out."""
        wall = np.maximum(self.cavity_mm(x, y, z), -self.diaphragm_mm(x, y, z))
        return np.asarray(
            np.maximum(np.maximum(wall, z - self.apex_mm), -self.core_shape_mm(x, y, z))
        )

    def airways(self) -> tuple[Segment, ...]:
        """Trachea, main and lobar bronchi."""
        carina = (2.0, -12.0, self.carina_mm)
        wide = self.trachea_mm
        right, left = (44.0, -16.0, self.carina_mm - 32.0), (-50.0, -18.0, self.carina_mm - 30.0)
        tubes = [
            Segment((0.0, -2.0, self.apex_mm + 80.0), carina, (wide, wide)),
            Segment(carina, right, (0.82 * wide, 0.68 * wide)),
            Segment(carina, left, (0.74 * wide, 0.62 * wide)),
        ]
        for hilum in (right, left):
            side = np.sign(hilum[0])
            for reach in ((12.0, 22.0, 22.0), (10.0, -10.0, -38.0)):
                end = (hilum[0] + side * reach[0], hilum[1] + reach[1], hilum[2] + reach[2])
                tubes.append(Segment(hilum, end, (0.6 * wide, 0.5 * wide)))
        return tuple(tubes)


def draw_chest(rng: np.random.Generator, *, n_nodules: int | None = None) -> Chest:
    """Draw a person: build, heart, airways, vessels and nodules.

    Parameters
    ----------
    rng : numpy Generator
    n_nodules : int, optional
        How many nodules of 4 to 12 mm diameter; one to four where not given.
    """
    build, slim = rng.normal(1.0, 0.06), rng.normal(1.0, 0.06)
    width, depth = 133.0 * build * slim, 90.0 * build / slim
    apex = 124.0 * build * rng.normal(1, 0.05)
    base = -122.0 * build * rng.normal(1, 0.06)
    heart, pitch = rng.uniform(0.85, 1.15), rng.uniform(24.0, 30.0)
    chest = Chest(
        half_width_mm=float(width),
        half_depth_mm=float(depth),
        apex_mm=float(apex),
        base_mm=float(base),
        dome_mm=float(rng.uniform(38, 62)),
        fat_mm=float(rng.uniform(7, 34)),
        core_mm=float(rng.uniform(20, 30)),
        heart_mm=(
            float(rng.uniform(-30, -12)),
            float(rng.uniform(0.16, 0.3) * depth),
            float(base + rng.uniform(66, 84)),
        ),
        heart_radii_mm=(56.0 * heart, 44.0 * heart, 54.0 * heart),
        trachea_mm=float(rng.uniform(7.5, 10.5)),
        carina_mm=float(apex - rng.uniform(68, 88)),
        rib_pitch_mm=float(pitch),
        rib_phase_mm=float(rng.uniform(0, pitch)),
        disc_phase_mm=float(rng.uniform(0, 25)),
        margin_mm=float(rng.uniform(12, 34)),
        off_centre_mm=(float(rng.uniform(-10, 10)), float(rng.uniform(-10, 10))),
    )
    count = int(rng.integers(1, 5)) if n_nodules is None else n_nodules
    low = np.array([-chest.half_width_mm, -chest.half_depth_mm, chest.base_mm])
    high = np.array([chest.half_width_mm, chest.half_depth_mm, chest.apex_mm])
    hila = [tube.end_mm for tube in chest.airways()[1:3]]
    right = grow_tree(rng, hila[0], low * (0, 1, 1), high, chest.lungs_mm)
    left = grow_tree(rng, hila[1], low, high * (0, 1, 1), chest.lungs_mm)
    return replace(chest, vessels=right + left, nodules=_draw_nodules(rng, chest, count))


def _draw_nodules(rng: np.random.Generator, chest: Chest, count: int) -> tuple[Nodule, ...]:
    nodules: list[Nodule] = []
    low = np.array([-chest.half_width_mm, -chest.half_depth_mm, chest.base_mm])
    high = np.array([chest.half_width_mm, chest.half_depth_mm, chest.apex_mm])
    while len(nodules) < count:
        radius = float(rng.uniform(2.0, 6.0))
        centre = rng.uniform(low, high)
        inside = float(chest.lungs_mm(*centre[:, None])[0])
        clear = all(np.linalg.norm(centre - n.centre_mm) > 20.0 for n in nodules)
        # Deep enough to stay in the lung when it is breathed out.
        if inside < -(radius + 9.0) and abs(centre[0]) > 45.0 and clear:
            x, y, z = (float(c) for c in centre)
            nodules.append(Nodule(centre_mm=(x, y, z), radius_mm=radius))
    return tuple(nodules)
