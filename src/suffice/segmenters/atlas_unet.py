"""The rung of a U-Net and an atlas together: each is wrong where the other is right."""

from __future__ import annotations

import io
import tempfile
import zipfile
from pathlib import Path
from typing import ClassVar

import numpy as np

from suffice.core import (
    Budget,
    Cohort,
    CohortError,
    Image,
    LabelMap,
    Listener,
    Progress,
    silent,
)
from suffice.segmenters.atlas import AtlasSegmenter
from suffice.segmenters.atlasing import LEAST_DICE
from suffice.segmenters.fitting import Fitting
from suffice.segmenters.protocol import Prediction, refuse_unlabelled
from suffice.segmenters.unet import UNetSegmenter
from suffice.training.plan import Plan

# Part of the minutes that the atlas may take; most of it goes into choosing a registration.
ATLAS_PART = 0.2
ATLAS = "atlas.zip"
# The earliest date that the format knows: equal models are equal files.
_NO_DATE = (1980, 1, 1, 0, 0, 0)


class AtlasUNetSegmenter(UNetSegmenter):
    """A U-Net and the labelled scans as atlases; their probabilities are averaged.

    With a few labelled cases the U-Net draws borders better, and the atlases, which know where
    things lie, do not lose an organ in a scan unlike the others. Where the labelled cases, each
    segmented by the others, show that the scans share no anatomy, the U-Net is alone.

    The model holds the labelled scans themselves, sampled down: whoever has the model has them.

    Parameters
    ----------
    plan, init, tuning, consistency
        As for `UNetSegmenter`.
    """

    rung: ClassVar[str] = "atlas-unet"
    own_names: ClassVar[tuple[str, ...]] = (ATLAS,)

    _atlas: AtlasSegmenter | None = None

    @classmethod
    def refusal(cls, labelled: Cohort) -> CohortError | None:
        """Refuse what atlases refuse: partly labelled masks, too."""
        return refuse_unlabelled(labelled) or AtlasSegmenter.refusal(labelled)

    def _fill(self, fitting: Fitting, plan: Plan) -> None:
        super()._fill(fitting, plan)
        place = fitting.workdir / "atlas"
        if not place.exists():
            part = Budget(minutes=ATLAS_PART * fitting.budget.minutes)
            atlas = AtlasSegmenter().fit(
                fitting.labelled,
                budget=part,
                seed=fitting.seed,
                workdir=place,
                listener=fitting.listener,
            )
            atlas.save(place)
        self._atlas = AtlasSegmenter.load(place)
        dice = self._atlas.history_[-1]["dice"]
        tried = "" if np.isnan(dice) else f": on the labelled cases its Dice is {dice:.2f}"
        account = f"an atlas has half a say{tried}"
        if dice < LEAST_DICE:
            self._atlas = None
            account = f"the atlas has no say{tried}"
        self.notes_ = (*self.notes_, account)
        fitting.listener(Progress("register", 1.0, note=account))

    def predict(
        self,
        image: Image,
        *,
        mirror: bool = False,
        keep_probabilities: bool = False,
        listener: Listener = silent,
    ) -> Prediction:
        """Segment an image on its own grid, as `UNetSegmenter.predict` does."""
        if self._atlas is None:
            return super().predict(
                image, mirror=mirror, keep_probabilities=keep_probabilities, listener=listener
            )
        found = super().predict(image, mirror=mirror, keep_probabilities=True, listener=listener)
        by_atlas = self._atlas.predict(image, keep_probabilities=True).probabilities
        shares = found.probabilities
        if shares is None or by_atlas is None:  # both were asked for
            return found
        # In place: of a large CT each of them takes gigabytes.
        np.add(shares, by_atlas, out=shares)
        np.multiply(shares, 0.5, out=shares)
        classes = shares.argmax(axis=0).astype(np.uint8)
        labels = LabelMap(self.legend_.from_classes(classes), image.grid, self.legend_)
        return Prediction(labels, shares if keep_probabilities else None)

    def _own_files(self) -> dict[str, bytes]:
        """Return the atlas's model folder as one file, empty where it has no say."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive, tempfile.TemporaryDirectory() as temporary:
            if self._atlas is not None:
                folder = Path(temporary) / "atlas"
                self._atlas.save(folder)
                for path in sorted(folder.iterdir()):
                    archive.writestr(zipfile.ZipInfo(path.name, _NO_DATE), path.read_bytes())
        return {ATLAS: buffer.getvalue()}

    def _take_own(self, files: dict[str, bytes]) -> None:
        try:
            with zipfile.ZipFile(io.BytesIO(files[ATLAS])) as archive:
                content = {name: archive.read(name) for name in archive.namelist()}
        except zipfile.BadZipFile as error:
            raise ValueError(f"no archive: {error}") from error
        if not content:
            return
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            for name, data in content.items():
                # A name may not lead out of the folder.
                (folder / Path(name).name).write_bytes(data)
            atlas = AtlasSegmenter.load(folder)
        self._atlas = atlas
