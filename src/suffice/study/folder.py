"""Where the parts of a study lie in its folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class StudyFolder:
    """The paths of a study folder; nothing is made or read.

    Examples
    --------
    >>> study = StudyFolder(Path("lungs"))
    >>> study.scores.as_posix(), study.model("unet", fold=2).as_posix()
    ('lungs/scores.csv', 'lungs/models/unet-fold-2')
    """

    root: Path

    @property
    def record(self) -> Path:
        """Settings, versions, machine and data."""
        return self.root / "study.toml"

    @property
    def splits(self) -> Path:
        """Who is learned from and who is scored."""
        return self.root / "splits.csv"

    @property
    def scores(self) -> Path:
        """Every score of every case."""
        return self.root / "scores.csv"

    @property
    def summary(self) -> Path:
        """Means with intervals."""
        return self.root / "summary.csv"

    @property
    def costs(self) -> Path:
        """Minutes and memory of each training."""
        return self.root / "costs.csv"

    @property
    def ladder(self) -> Path:
        """The kinds of models side by side, with the best one and the one that is enough."""
        return self.root / "ladder.csv"

    @property
    def ceiling(self) -> Path:
        """Each rater against the consensus of the others, where there are several."""
        return self.root / "ceiling.csv"

    @property
    def ceiling_summary(self) -> Path:
        """Means of the ceiling with intervals."""
        return self.root / "ceiling_summary.csv"

    @property
    def measures(self) -> Path:
        """Volumes and areas."""
        return self.root / "measures.csv"

    @property
    def quality(self) -> Path:
        """What the scored cases tell of how Dice can be told without a drawn mask."""
        return self.root / "quality.json"

    @property
    def quality_table(self) -> Path:
        """True beside predicted Dice of the scored cases."""
        return self.root / "quality.csv"

    @property
    def left_out(self) -> Path:
        """What was left out, with reasons."""
        return self.root / "left_out.csv"

    @property
    def cautions(self) -> Path:
        """What makes the score doubtful."""
        return self.root / "cautions.csv"

    def validation(self, rung: str) -> Path:
        """Masks of the scored cases by one kind of model."""
        return self.root / "validation" / rung

    @property
    def predictions(self) -> Path:
        """Masks of the unlabelled cases."""
        return self.root / "predictions"

    @property
    def report(self) -> Path:
        """The report, one self-contained file."""
        return self.root / "report.html"

    @property
    def track(self) -> Path:
        """Subjects over their visits, where `suffice track` put them there."""
        return self.root / "track"

    @property
    def work(self) -> Path:
        """Checkpoints and prepared scans while models are trained; gone afterwards."""
        return self.root / "work"

    @property
    def parts(self) -> tuple[Path, ...]:
        """Everything that a study writes; the record, which makes it one, comes last."""
        tables = (
            self.scores,
            self.summary,
            self.measures,
            self.left_out,
            self.ceiling,
            self.ceiling_summary,
            self.cautions,
            self.costs,
            self.ladder,
            self.quality,
            self.quality_table,
            self.report,
        )
        folders = (
            self.root / "models",
            self.work,
            self.root / "validation",
            self.predictions,
            self.track,
        )
        return (*folders, *tables, self.splits, self.record)

    def model(self, rung: str, fold: int | None = None) -> Path:
        """Folder of a rung's final model, or of the one that is scored on ``fold``."""
        return self.root / "models" / (rung if fold is None else f"{rung}-fold-{fold}")
