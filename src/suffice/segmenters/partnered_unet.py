"""A U-Net and a model that knows where things lie: each is wrong where the other is right."""

from __future__ import annotations

import io
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

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
from suffice.segmenters.fitting import Fitting
from suffice.segmenters.protocol import Prediction
from suffice.segmenters.searched import SearchedSegmenter
from suffice.segmenters.unet import UNetSegmenter
from suffice.training.machine import Machine
from suffice.training.plan import Plan

# Part of the minutes that the partner may take; most of it goes into choosing a registration.
PARTNER_PART = 0.2
# The earliest date that the format knows: equal models are equal files.
_NO_DATE = (1980, 1, 1, 0, 0, 0)


class PartneredUNetSegmenter(UNetSegmenter):
    """A U-Net and a partner that registers scans; their probabilities are averaged.

    With a few labelled cases the U-Net draws borders better, and the partner, which knows where
    things lie, does not lose an organ in a scan unlike the others. Where the labelled cases, each
    segmented by a partner that others made, show that the scans share no anatomy, the U-Net is
    alone.

    A kind names its ``partner`` and in ``own_names`` the one file that keeps it.

    Parameters
    ----------
    plan, init, tuning, consistency
        As for `UNetSegmenter`.
    """

    partner: ClassVar[type[SearchedSegmenter[Any]]]
    # Of the labelled cases; below, the partner would cost more than it saves.
    least_dice: ClassVar[float]
    # Whether a partner that could not be tried has a say all the same.
    is_trusted: ClassVar[bool] = True

    _partner: SearchedSegmenter[Any] | None = None
    _account: str = ""

    @classmethod
    def refusal(cls, labelled: Cohort) -> CohortError | None:
        """Refuse what the partner refuses: partly labelled masks, too."""
        return cls.partner.refusal(labelled)

    def _fit(self, fitting: Fitting, machine: Machine) -> Self:
        super()._fit(fitting, machine)
        self.card_ = replace(self.card_, method=self._account)
        return self

    def _fill(self, fitting: Fitting, plan: Plan) -> None:
        super()._fill(fitting, plan)
        try:
            self._partner = self._fitted(fitting)
            self._account = self._judge(self._partner.history_[-1]["dice"])
        except CohortError as refusal:
            self._account = f"the {self.partner.rung} has no say: {refusal}"
        self.notes_ = (*self.notes_, self._account)
        fitting.listener(Progress("register", 1.0, note=self._account))

    def _fitted(self, fitting: Fitting) -> SearchedSegmenter[Any]:
        """Fit the partner, or find it as an earlier start left it."""
        place = fitting.workdir / self.partner.rung
        if not place.exists():
            part = Budget(minutes=PARTNER_PART * fitting.budget.minutes)
            found = self.partner().fit(
                fitting.labelled,
                budget=part,
                seed=fitting.seed,
                workdir=place,
                listener=fitting.listener,
            )
            found.save(place)
        return self.partner.load(place)

    def _judge(self, dice: float) -> str:
        """Let a partner go that is worth nothing, and say so."""
        name = self.partner.rung
        tried = "" if np.isnan(dice) else f": on the labelled cases its Dice is {dice:.3f}"
        if dice < self.least_dice or (np.isnan(dice) and not self.is_trusted):
            self._partner = None
            return f"the {name} has no say{tried}"
        return f"the {name} has half a say{tried}"

    def predict(
        self,
        image: Image,
        *,
        mirror: bool = False,
        keep_probabilities: bool = False,
        listener: Listener = silent,
    ) -> Prediction:
        """Segment an image on its own grid, as `UNetSegmenter.predict` does."""
        if self._partner is None:
            return super().predict(
                image, mirror=mirror, keep_probabilities=keep_probabilities, listener=listener
            )
        found = super().predict(image, mirror=mirror, keep_probabilities=True, listener=listener)
        by_partner = self._partner.predict(image, keep_probabilities=True).probabilities
        shares = found.probabilities
        if shares is None or by_partner is None:  # both were asked for
            return found
        # In place: of a large CT each of them takes gigabytes.
        np.add(shares, by_partner, out=shares)
        np.multiply(shares, 0.5, out=shares)
        classes = shares.argmax(axis=0).astype(np.uint8)
        labels = LabelMap(self.legend_.from_classes(classes), image.grid, self.legend_)
        return Prediction(labels, shares if keep_probabilities else None)

    def _own_files(self) -> dict[str, bytes]:
        """Return the partner's model folder as one file, empty where it has no say."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive, tempfile.TemporaryDirectory() as temporary:
            if self._partner is not None:
                folder = Path(temporary) / self.partner.rung
                self._partner.save(folder)
                for path in sorted(folder.iterdir()):
                    archive.writestr(zipfile.ZipInfo(path.name, _NO_DATE), path.read_bytes())
        return {self.own_names[0]: buffer.getvalue()}

    def _take_own(self, files: dict[str, bytes]) -> None:
        try:
            with zipfile.ZipFile(io.BytesIO(files[self.own_names[0]])) as archive:
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
            self._partner = self.partner.load(folder)
