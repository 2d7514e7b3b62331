"""Between two labelled cases: a deformation from one to the other, part of the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from suffice.augment.lookup import Lookup, whole_shares
from suffice.augment.mixing.pair import Mix, Pair
from suffice.augment.mixing.registration import displacement, features, register
from suffice.augment.transform import Chance
from suffice.core import UsageError


@dataclass(frozen=True, kw_only=True)
class Interpolation(Mix):
    """A case that lies between two: both deformed towards each other, then averaged.

    At ``t`` the shapes are ``t`` of the way along the path from one to the other, and so are
    intensities: at 0 the patch itself, at 1 the other one.

    Parameters
    ----------
    least, most : float
        Range of ``t``.

    References
    ----------
    Zhao et al., CVPR 2019, https://doi.org/10.1109/CVPR.2019.00874, learn such deformations;
    here they come from one registration a pair, see `register`.
    """

    least: float = 0.15
    most: float = 0.85

    def __post_init__(self) -> None:
        if not 0 <= self.least <= self.most <= 1:
            raise UsageError(
                "Interpolation cannot be followed",
                got=f"{self.least} to {self.most}",
                expected="a range within 0 to 1",
            )

    def sample(self, pair: Pair, chance: Chance) -> InterpolationDraw:
        """Draw how far along the path."""
        return InterpolationDraw(self.draw_time(chance))

    def draw_time(self, chance: Chance) -> float:
        """Draw how far along the path."""
        return chance.uniform(self.least, self.most)


@dataclass(frozen=True)
class InterpolationDraw:
    """How far along the path from the patch (0) to the other one (1)."""

    t: float

    def apply(self, pair: Pair, velocity: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the image between the two and its labels.

        Parameters
        ----------
        pair : Pair
        velocity : tensor of shape (D, *coarse), optional
            Of `register`, where the pair has been registered before.
        """
        is_soft = pair.labels.ndim > len(pair.size)
        shares, other_shares = _shares(pair)
        if velocity is None:
            velocity = register(features(pair.image, shares), features(pair.other, other_shares))
        mixed, soft = between(
            (pair.image, shares),
            (pair.other, other_shares),
            places=tuple(
                _places(displacement(velocity, time), pair.size) for time in (-self.t, 1 - self.t)
            ),
            t=self.t,
        )
        return mixed, soft if is_soft else soft.argmax(0).to(pair.labels.dtype)


def between(
    first: tuple[Tensor, Tensor],
    second: tuple[Tensor, Tensor],
    *,
    places: Sequence[Tensor],
    t: float,
) -> tuple[Tensor, Tensor]:
    """Read two cases at places of their own and average them.

    Parameters
    ----------
    first, second : tuple of tensors
        Image ``(C, *size)`` and shares of classes ``(K, *size)``, each pair with its own size.
    places : two tensors of shape (D, *output)
        Where in each case every voxel of the output reads, in voxels.
    t : float
        Weight of the second case.

    Returns
    -------
    image : tensor of shape (C, *output)
    shares : tensor of shape (K, *output)
    """
    read = []
    for (image, shares), at in zip((first, second), places, strict=True):
        within = at.clone()
        for axis, n in enumerate(image.shape[1:]):
            within[axis].clamp_(0, n - 1)
        lookup = Lookup(within, image.shape[1:])
        read.append((lookup.image(image.float()), lookup.image(shares.float())))
    (one, one_shares), (other, other_shares) = read
    image = torch.lerp(one, other, t).to(first[0].dtype)
    return image, torch.lerp(one_shares, other_shares, t)


def _shares(pair: Pair) -> tuple[Tensor, Tensor]:
    if pair.labels.ndim > len(pair.size):
        return pair.labels, pair.other_labels
    n_classes = 1 + int(max(pair.labels.max(), pair.other_labels.max()))
    n_classes = max(n_classes, 2)
    return (
        whole_shares(pair.labels, n_classes, torch.float32),
        whole_shares(pair.other_labels, n_classes, torch.float32),
    )


def _places(moved: Tensor, size: Sequence[int]) -> Tensor:
    """Displacements in parts of the size to places in voxels, at full resolution."""
    mode = "bilinear" if len(size) == 2 else "trilinear"
    fine = F.interpolate(moved[None], tuple(size), mode=mode, align_corners=False)[0]
    axes = torch.meshgrid(*(torch.arange(n, device=moved.device) for n in size), indexing="ij")
    scale = torch.tensor(size, device=moved.device).reshape(-1, *(1,) * len(size))
    return torch.stack(axes) + fine * scale
