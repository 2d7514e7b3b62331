"""Splits by subject, scores with intervals, and the folder that holds a study."""

from suffice.study.cautions import Caution, read_cautions, write_cautions
from suffice.study.folder import StudyFolder
from suffice.study.record import (
    StudyRecord,
    available_cores,
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
    write_scores,
)
from suffice.study.splits import Split, hold_out, k_folds, read_splits, write_splits

__all__ = [
    "MEAN",
    "Caution",
    "Split",
    "StudyFolder",
    "StudyRecord",
    "available_cores",
    "data_hash",
    "hold_out",
    "k_folds",
    "machine",
    "read_cautions",
    "read_record",
    "read_scores",
    "read_splits",
    "score_rows",
    "scores_table",
    "summarise",
    "versions",
    "write_cautions",
    "write_record",
    "write_scores",
    "write_splits",
]
