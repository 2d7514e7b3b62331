"""Values that every floor shares: no input, no output, no torch."""

from suffice.core.budget import Budget
from suffice.core.cohort import DEFAULT_CHANNEL, DEFAULT_RATER, Case, Channel, Cohort
from suffice.core.errors import (
    CohortError,
    FileFormatError,
    GeometryError,
    LabelError,
    MissingDependencyError,
    ModelError,
    OutOfMemoryError,
    StorageError,
    SufficeError,
    UsageError,
    WorkerError,
)
from suffice.core.grid import Grid
from suffice.core.image import MODALITIES, UNITS, Image, LabelMap, Modality, Unit
from suffice.core.legend import Label, Legend
from suffice.core.progress import Listener, Progress, silent

__all__ = [
    "DEFAULT_CHANNEL",
    "DEFAULT_RATER",
    "MODALITIES",
    "UNITS",
    "Budget",
    "Case",
    "Channel",
    "Cohort",
    "CohortError",
    "FileFormatError",
    "GeometryError",
    "Grid",
    "Image",
    "Label",
    "LabelError",
    "LabelMap",
    "Legend",
    "Listener",
    "MissingDependencyError",
    "Modality",
    "ModelError",
    "OutOfMemoryError",
    "Progress",
    "StorageError",
    "SufficeError",
    "Unit",
    "UsageError",
    "WorkerError",
    "silent",
]
