"""What a person may do once the report is read."""

from __future__ import annotations

import pandas as pd

from suffice.io.formats import stem_of
from suffice.report.folder import Study
from suffice.report.pick import pick_cases
from suffice.report.words import count
from suffice.study import StudyFolder


def count_segmented(study: Study) -> int:
    """Count the scans without a drawn mask that the final model segmented."""
    if study.splits is None:
        return 0
    masks = {stem_of(path) for path in StudyFolder(study.folder).predictions.glob("[!.]*.*")}
    bare = study.splits.loc[study.splits["part"] == "unlabelled", "case"]
    return len(masks & set(bare))


def next_steps(study: Study, dice: pd.DataFrame | None) -> list[str]:
    """Say what to look at, where the masks are, how to use the model and how to better it.

    Parameters
    ----------
    study : Study
    dice : DataFrame, optional
        A row a scored case, a column a structure.
    """
    steps = []
    if dice is not None and len(dice) > 1:
        steps.append(
            f"Look at the worst case, {pick_cases(dice)[-1].case}: is it a hard scan, a wrong mask"
            " or a fault of the model? Masks of more scans like the worst ones help most."
        )
    n_segmented = count_segmented(study)
    if n_segmented:
        how = "and no score speaks of them one by one."
        if study.estimates is not None:
            how = "the worst by their predicted Dice first, as in predictions/predictions.csv."
        steps.append(
            f"Look through {count(n_segmented, 'mask')} in predictions/, each over its scan: nobody"
            f" has seen them, {how}"
        )
    if any(h.is_final and h.rung == study.rung for h in study.histories):
        steps.append(
            f"For other scans of this kind: suffice predict STUDY/models/{study.rung} NEW_SCANS"
            " --out MASKS, with the folder of this report as STUDY."
        )
        steps.append(
            "If how the model learned, above, shows that it still got better at the end, more "
            "minutes help: suffice run COHORT --minutes MORE --out ANOTHER_STUDY."
        )
    return steps
