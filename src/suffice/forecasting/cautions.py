"""Curves that no family should be drawn through without a word."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from suffice.forecasting.measured import Measured

FEW_SIZES = "few sizes"
FEW_DRAWS = "one draw"
NOT_MONOTONE = "falls"
NO_SLOPE = "no slope"

_GOOD_SIZES = 3
# Of several pairs of sizes the worst is looked at: a single pair would be doubted from 2 on.
_BEYOND_NOISE = 3.0
_SLOPE_NOISE = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveCaution:
    """What is wrong with a curve.

    Parameters
    ----------
    kind : str
        `FEW_SIZES`, `FEW_DRAWS`, `NOT_MONOTONE` or `NO_SLOPE`.
    message, cure : str
    """

    kind: str
    message: str
    cure: str


def find_cautions(measured: Measured, noise: float) -> tuple[CurveCaution, ...]:
    """Name what makes a forecast of this curve doubtful.

    Parameters
    ----------
    measured : Measured
    noise : float
        Usual spread of draws, see `Measured.usual_spread`.

    Notes
    -----
    About 14 % of the learning curves of a large survey are significantly ill-behaved [1]_.

    References
    ----------
    .. [1] Yan et al., LCDB 1.1, 2025, https://arxiv.org/abs/2505.15657
    """
    found = []
    if len(measured.n_cases) < _GOOD_SIZES:
        found.append(
            CurveCaution(
                kind=FEW_SIZES,
                message=f"The curve has {len(measured.n_cases)} sizes: its bend is not seen, and "
                "is taken to be that of other curves.",
                cure="Train with a third number of cases.",
            )
        )
    if int(measured.n_draws.max()) < 2:
        found.append(
            CurveCaution(
                kind=FEW_DRAWS,
                message="Each size was trained on one choice of cases: how much that choice "
                "matters is taken from other curves.",
                cure="Give more minutes, for more draws.",
            )
        )
    return (*found, *_shape_cautions(measured, noise))


def _shape_cautions(measured: Measured, noise: float) -> list[CurveCaution]:
    found = []
    sizes, means = measured.n_cases, measured.means
    errors = measured.standard_errors(noise)
    z = (means[None, :] - means[:, None]) / np.hypot(errors[None, :], errors[:, None])
    falls = np.triu(-z, k=1)
    i, j = np.unravel_index(int(falls.argmax()), falls.shape)
    if falls[i, j] > _BEYOND_NOISE:
        found.append(
            CurveCaution(
                kind=NOT_MONOTONE,
                message=f"The score falls from {means[i]:.3f} with {sizes[i]:g} cases to "
                f"{means[j]:.3f} with {sizes[j]:g}, beyond what draws differ by; no family of "
                "curves falls.",
                cure="Look at the cases that were added, and whether larger trainings had time.",
            )
        )
    elif z[0, -1] < _SLOPE_NOISE:
        found.append(
            CurveCaution(
                kind=NO_SLOPE,
                message=f"From {sizes[0]:g} to {sizes[-1]:g} cases the score does not rise beyond "
                "what draws differ by: the curve has either not begun to rise or is at its end.",
                cure="Measure more draws or a wider range of sizes before labelling more.",
            )
        )
    return found
