"""Layouts of images and masks that people have, one a file."""

from suffice.io.layouts.choice import LAYOUTS, choose_layout
from suffice.io.layouts.draft import Draft, DraftCase, Drawing, Layout

__all__ = ["LAYOUTS", "Draft", "DraftCase", "Drawing", "Layout", "choose_layout"]
