"""A contact sheet: pictures in rows, with the outlines of their masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from skimage.measure import find_contours

from suffice.core import Legend
from suffice.files import writing_file

_TILE_IN = 1.9


@dataclass(frozen=True, eq=False)
class Tile:
    """One picture of a sheet.

    Parameters
    ----------
    picture : float array of shape (rows, columns) or (rows, columns, 3)
    classes : integer array of shape (rows, columns)
        0 is the background, k the k-th structure of the legend.
    caption : str
        Below the picture.
    """

    picture: npt.NDArray[np.float32]
    classes: npt.NDArray[np.integer[Any]]
    caption: str = ""


def write_sheet(
    path: Path,
    rows: Sequence[tuple[str, Sequence[Tile]]],
    legend: Legend,
    *,
    pixel: tuple[float, float] = (1.0, 1.0),
    overwrite: bool = False,
) -> None:
    """Draw rows of tiles and write them as PNG.

    Parameters
    ----------
    path : Path
    rows : sequence of (str, sequence of Tile)
        A name and its tiles, which share the grey window of the first of them.
    legend : Legend
        Colours of the outlines.
    pixel : (float, float)
        Height and width of a pixel.
    overwrite : bool
        Whether ``path`` may be replaced.
    """
    n_columns = max(len(tiles) for _, tiles in rows)
    height, width = rows[0][1][0].classes.shape
    stretch = min(max(height * pixel[0] / (width * pixel[1]), 0.4), 2.5)
    size = (_TILE_IN * n_columns + 0.3, (_TILE_IN * stretch + 0.35) * len(rows) + 0.4)
    figure = Figure(figsize=size, dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(len(rows), n_columns, squeeze=False)
    for axes, (name, tiles) in zip(grid, rows, strict=True):
        window = _window(tiles[0].picture)
        for ax in axes:
            ax.set_axis_off()
        for ax, tile in zip(axes, tiles, strict=False):
            _draw(ax, tile, window, legend, pixel)
        axes[0].set_title(name, fontsize=7, loc="left")
    lines = [Line2D([], [], color=label.colour, label=label.name) for label in legend]
    figure.legend(handles=lines, loc="outside lower left", ncols=6, fontsize=7, frameon=False)
    with writing_file(path, overwrite=overwrite) as partial:
        figure.savefig(partial, format="png", metadata={"Software": None})


def _window(picture: npt.NDArray[np.float32]) -> tuple[float, float]:
    """Choose one window a row: what an augmentation does to brightness must show."""
    low, high = (float(v) for v in np.percentile(picture, (1, 99)))
    return (low, high) if high > low else (low, low + 1.0)


def _draw(
    axes: Axes,
    tile: Tile,
    window: tuple[float, float],
    legend: Legend,
    pixel: tuple[float, float],
) -> None:
    low, high = window
    shown = np.clip((tile.picture - low) / (high - low), 0, 1)
    aspect = pixel[0] / pixel[1]
    axes.imshow(shown, cmap="gray", vmin=0, vmax=1, interpolation="nearest", aspect=aspect)
    for value, label in enumerate(legend, start=1):
        inside = np.pad((tile.classes == value).astype(np.float32), 1)
        for line in find_contours(inside, 0.5):
            axes.plot(line[:, 1] - 1, line[:, 0] - 1, color=label.colour, linewidth=1.1)
    rows, columns = tile.classes.shape
    axes.set_xlim(-0.5, columns - 0.5)
    axes.set_ylim(rows - 0.5, -0.5)
    if tile.caption:
        axes.set_title(tile.caption, fontsize=6, loc="center")


def short(words: Sequence[str], *, width: int = 34, lines: int = 3) -> str:
    r"""Break words into a few lines of a caption.

    Examples
    --------
    >>> short(["noise", "gamma", "bias field"], width=14)
    'noise, gamma\nbias field'
    """
    out = [""]
    for word in words:
        joined = f"{out[-1]}, {word}" if out[-1] else word
        if len(joined) <= width or not out[-1]:
            out[-1] = joined
        else:
            out.append(word)
    if len(out) > lines:
        out = [*out[: lines - 1], f"... {len(words)} in all"]
    return "\n".join(out)
