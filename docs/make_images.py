"""Draw the README's picture from a study folder: ``python docs/make_images.py STUDY``.

The picture is published with the project: draw it from the demo's made-up scans alone.
"""

from __future__ import annotations

import base64
import io
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image as Picture

from suffice.report.folder import Study, read_study
from suffice.report.gallery import make_gallery
from suffice.report.headline import make_headline
from suffice.report.panel import Panel
from suffice.report.plots import swarm
from suffice.report.scoring import dice_by_case

PLACE = Path(__file__).parent / "images" / "report.png"
DRAWN, PREDICTED, INK, MUTED = "#56B4E9", "#FFB000", "#17212B", "#566472"


def draw(study: Study) -> Figure:
    """Put the headline, the median case and the Dice of every case on one picture."""
    headline, dice = make_headline(study), dice_by_case(study)
    if headline is None or dice is None:
        raise SystemExit(f"{study.folder} has no scores to draw")
    overlays = make_gallery(study, dice).overlays
    median = overlays[len(overlays) // 2]
    figure = Figure(figsize=(12.8, 4.2), dpi=100, facecolor="white")
    figure.text(0.012, 0.925, headline.sentence, size=18, weight="bold", color=INK)
    for i, panel in enumerate(median.panels):
        axes = figure.add_axes((0.012 + i * 0.243, 0.11, 0.237, 0.237 * 12.8 / 4.2))
        _draw_panel(axes, panel)
    caption = f"{median.pick.rank} case, Dice {median.pick.mean:.2f}"
    figure.text(0.012, 0.035, caption, size=11, color=MUTED)
    for x, words, colour, style in (
        (0.17, "drawn", DRAWN, "-"),
        (0.25, "predicted, by a model that never saw the subject", PREDICTED, "--"),
    ):
        line = figure.add_axes((x, 0.03, 0.024, 0.035), facecolor="black")
        line.plot([0.1, 0.9], [0, 0], color=colour, linestyle=style, linewidth=2)
        line.set(xticks=[], yticks=[], xlim=(0, 1))
        figure.text(x + 0.03, 0.035, words, size=11, color=MUTED)
    _draw_strip(figure.add_axes((0.775, 0.2, 0.205, 0.63)), dice)
    return figure


def _draw_panel(axes: Axes, panel: Panel) -> None:
    picture = Picture.open(io.BytesIO(base64.b64decode(panel.png)))
    box = panel.image
    extent = (box.left, box.left + box.width, box.top + box.height, box.top)
    axes.imshow(
        np.asarray(picture),
        cmap="gray",
        vmin=0,
        vmax=255,
        extent=extent,
        aspect="auto",
        interpolation="bilinear",
    )
    for path, colour, style in ((panel.drawn, DRAWN, "-"), (panel.predicted, PREDICTED, "--")):
        for stroke in path.replace("Z", "").split("M")[1:]:
            points = np.array([[float(v) for v in p.split()] for p in stroke.split("L")])
            closed = np.vstack([points, points[:1]])
            axes.plot(*closed.T, color=colour, linestyle=style, linewidth=1.6)
    view = panel.view
    axes.set(xlim=(view.left, view.left + view.width), ylim=(view.top + view.height, view.top))
    axes.set(xticks=[], yticks=[], facecolor="black")
    places = ((0.04, 0.5), (0.96, 0.5), (0.5, 0.96), (0.5, 0.04))
    for letter, (x, y) in zip(panel.letters, places, strict=False):
        axes.text(
            x, y, letter, transform=axes.transAxes, ha="center", va="center", color="white", size=12
        )


def _draw_strip(axes: Axes, dice: pd.DataFrame) -> None:
    labels = [str(label) for label in dice.columns]
    for row, label in enumerate(labels):
        values = np.sort(dice[label].dropna().to_numpy(dtype=np.float64))
        axes.scatter(
            values,
            row - 0.06 * swarm(values, 0.012),
            s=24,
            color="#D55E00",
            alpha=0.75,
            linewidths=0,
            clip_on=False,
        )
        axes.text(0.0, row - 0.36, label, transform=axes.get_yaxis_transform(), size=11, color=INK)
    axes.set(ylim=(len(labels) - 0.6, -0.6), yticks=[], xlabel="Dice of each unseen case")
    axes.set_xlim(right=1.0)
    axes.spines[["top", "left", "right"]].set_visible(False)
    axes.grid(axis="x", color="#D9E0E6")
    axes.set_axisbelow(True)


def main() -> None:
    """Draw the picture from the study folder named on the command line."""
    if len(sys.argv) != 2:
        raise SystemExit("usage: python docs/make_images.py STUDY")
    figure = draw(read_study(Path(sys.argv[1])))
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    picture = Picture.open(buffer).convert("RGB")
    PLACE.parent.mkdir(exist_ok=True)
    picture.quantize(200).save(PLACE, optimize=True)


if __name__ == "__main__":
    main()
