"""What other curves have taught: what to expect of each family, and how far to trust forecasts."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from suffice.core import FileFormatError
from suffice.forecasting.families import FAMILIES
from suffice.forecasting.fitting import Prior

SHIPPED = Path(__file__).with_name("experience.json")
VERSION = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyExperience:
    """What other curves say about one family.

    Parameters
    ----------
    weight : float
        Say that it has before a curve's own back-test.
    mean, sd : tuple of float
        Middle and scale of its numbers but the first, over curves, see `Prior`.
    """

    weight: float
    mean: tuple[float, ...]
    sd: tuple[float, ...]

    @property
    def prior(self) -> Prior:
        """What a fit takes."""
        return Prior(np.array(self.mean), np.array(self.sd))


@dataclass(frozen=True, slots=True, kw_only=True)
class Experience:
    """What a library of curves says about the next one.

    Parameters
    ----------
    families : dict of str to FamilyExperience
    noise : float
        Usual standard deviation between draws, over the error, with one case.
    between : float
        Usual standard deviation between test subjects, over the error.
    misfit : float
        Usual distance between a curve and every family, as a share of what a score lies below the
        last one, for each doubling of cases between them.
    inflation : float
        How much wider than the resamples say intervals must be to hold as often as they claim.
    source : str
        The table that it was learned from.
    n_curves, n_cohorts : int
    """

    families: Mapping[str, FamilyExperience]
    noise: float
    between: float
    misfit: float
    inflation: float
    source: str
    n_curves: int
    n_cohorts: int

    def to_json(self) -> dict[str, Any]:
        """Give what `read_experience` reads."""
        return {"version": VERSION, **asdict(self)}


def read_experience(path: Path = SHIPPED) -> Experience:
    """Read what a library of curves has taught; without a path, what suffice ships."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_number)
        version = found.pop("version")
        families = {
            name: FamilyExperience(
                weight=float(each["weight"]),
                mean=tuple(map(float, each["mean"])),
                sd=tuple(map(float, each["sd"])),
            )
            for name, each in found.pop("families").items()
        }
        # Another version says other things of curves; it is told apart below.
        experience = Experience(families=families, **found) if version == VERSION else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FileFormatError(f"'{path}' holds no experience with curves", got=error) from error
    n_each = {name: len(each.mean) for name, each in families.items()}
    known = {name: len(family.parameters) - 1 for name, family in FAMILIES.items()}
    if experience is None or n_each != known:
        raise FileFormatError(
            f"'{path}' is of another version or about other families of curves",
            got=f"version {version}, {', '.join(families)}",
            expected=f"version {VERSION}, {', '.join(FAMILIES)}",
            cure="Learn it anew with learn_experience.",
        )
    return experience


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")


@functools.cache
def shipped_experience() -> Experience:
    """Give what suffice has learned from its own library of curves."""
    return read_experience()
