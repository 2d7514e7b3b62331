"""Ways to learn from unlabelled scans beside the labelled ones."""

from suffice.training.pool.copy_paste import BidirectionalCopyPaste
from suffice.training.pool.cross_pseudo import CrossPseudo
from suffice.training.pool.feed import PoolFeed, Views
from suffice.training.pool.mean_teacher import (
    MeanTeacher,
    SoftTeacher,
    UncertaintyAwareTeacher,
)
from suffice.training.pool.self_training import SelfTraining
from suffice.training.pool.strategy import PoolStrategy
from suffice.training.pool.unimatch import StrongViews

__all__ = [
    "BidirectionalCopyPaste",
    "CrossPseudo",
    "MeanTeacher",
    "PoolFeed",
    "PoolStrategy",
    "SelfTraining",
    "SoftTeacher",
    "StrongViews",
    "UncertaintyAwareTeacher",
    "Views",
]
