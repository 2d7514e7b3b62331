"""Ways to learn from scans alone, before any mask is looked at."""

from suffice.training.pretext.denoising import Restoration
from suffice.training.pretext.spark import SparK

__all__ = ["Restoration", "SparK"]
