"""Splits by subject, scores with intervals, and the folder that holds a study."""

from suffice.study.cautions import COPIES, Caution, read_cautions, write_cautions
from suffice.study.comparing import compare_scores, significantly_better, winner_of
from suffice.study.costs import Cost, read_costs, write_costs
from suffice.study.folder import StudyFolder
from suffice.study.ladder import Choice, choice_of, ladder_table
from suffice.study.pairing import Paired, better_values, pair_scores
from suffice.study.precision import (
    SampleSize,
    expected_width,
    subjects_for_difference,
    subjects_for_width,
)
from suffice.study.ranking import RankBy, Ranking, rank_methods
from suffice.study.record import (
    StudyRecord,
    changed_versions,
    data_hash,
    machine,
    read_record,
    versions,
    write_record,
)
from suffice.study.scores import (
    MEAN,
    read_scores,
    score_rows,
    scores_table,
    summarise,
    with_case_means,
    write_scores,
)
from suffice.study.splits import Split, hold_out, k_folds, read_splits, write_splits
from suffice.study.undefined import undefined_rows
from suffice.study.volume_intervals import (
    bounds_of,
    held_back_errors,
    read_errors,
    read_measures,
    scored_errors,
    with_intervals,
)

__all__ = [
    "COPIES",
    "MEAN",
    "Caution",
    "Choice",
    "Cost",
    "Paired",
    "RankBy",
    "Ranking",
    "SampleSize",
    "Split",
    "StudyFolder",
    "StudyRecord",
    "better_values",
    "bounds_of",
    "changed_versions",
    "choice_of",
    "compare_scores",
    "data_hash",
    "expected_width",
    "held_back_errors",
    "hold_out",
    "k_folds",
    "ladder_table",
    "machine",
    "pair_scores",
    "rank_methods",
    "read_cautions",
    "read_costs",
    "read_errors",
    "read_measures",
    "read_record",
    "read_scores",
    "read_splits",
    "score_rows",
    "scored_errors",
    "scores_table",
    "significantly_better",
    "subjects_for_difference",
    "subjects_for_width",
    "summarise",
    "undefined_rows",
    "versions",
    "winner_of",
    "with_case_means",
    "with_intervals",
    "write_cautions",
    "write_costs",
    "write_record",
    "write_scores",
    "write_splits",
]
