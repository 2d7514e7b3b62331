"""Scans made by code, with known truth: for tests and the demo."""

from suffice.phantoms.anatomy import Chest, Nodule, draw_chest
from suffice.phantoms.chest import chest_ct
from suffice.phantoms.phantom import Phantom
from suffice.phantoms.pose import chest_grid
from suffice.phantoms.scribbles import scribble
from suffice.phantoms.simple import ball, discs, picture_of_cells
from suffice.phantoms.solids import KINDS, Solid, draw_solid

__all__ = [
    "KINDS",
    "Chest",
    "Nodule",
    "Phantom",
    "Solid",
    "ball",
    "chest_ct",
    "chest_grid",
    "discs",
    "draw_chest",
    "draw_solid",
    "picture_of_cells",
    "scribble",
]
