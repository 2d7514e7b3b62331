"""A smooth, invertible deformation from one labelled patch to another, at low resolution."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

LONGEST_SIDE = {2: 48, 3: 24}
# At a quarter, a half and all of the coarse size; the first cost next to nothing.
_N_ITERATIONS = (40, 30, 15)
_SQUARINGS = 4
_LABEL_WEIGHT = 3.0
_LARGEST_STEP = 1.5


def coarse_size(size: Sequence[int]) -> tuple[int, ...]:
    """Voxels along each axis at which deformations are sought: no more than are needed."""
    shrink = min(1.0, LONGEST_SIDE[len(size)] / max(size))
    return tuple(max(4, round(n * shrink)) for n in size)


def features(image: Tensor, shares: Tensor) -> Tensor:
    """What is matched: standardised intensities and, weighing more, the structures.

    Parameters
    ----------
    image : tensor of shape (C, *spatial)
    shares : tensor of shape (K, *spatial)

    Returns
    -------
    tensor of shape (C + K - 1, *coarse), float32
    """
    size = list(coarse_size(image.shape[1:]))
    known = F.interpolate(image.float()[None], size, mode="area")[0]
    dims = tuple(range(1, known.ndim))
    spread = known.std(dims, keepdim=True).clamp_min(1e-3)
    known = (known - known.mean(dims, keepdim=True)) / spread
    return torch.cat(
        [known, _LABEL_WEIGHT * F.interpolate(shares.float()[None], size, mode="area")[0, 1:]]
    )


def register(fixed: Tensor, moving: Tensor) -> Tensor:
    """Find the velocity that carries one patch into the other: log-domain demons.

    Parameters
    ----------
    fixed, moving : tensor of shape (F, *coarse)
        Of `features`.

    Returns
    -------
    tensor of shape (D, *coarse)
        Stationary velocity in parts of the patch's size along each axis. `displacement` of it at
        time 1 says where in ``moving`` each place of ``fixed`` lies, at time -1 the inverse.

    References
    ----------
    Vercauteren et al., MICCAI 2008, https://doi.org/10.1007/978-3-540-85988-8_90; several
    channels as in Peyrat et al. 2010, https://doi.org/10.1109/TMI.2009.2038227
    """
    size = tuple(fixed.shape[1:])
    ndim = len(size)
    velocity = torch.zeros((ndim, *size), device=fixed.device)
    sizes = [tuple(max(4, n // shrink) for n in size) for shrink in (4, 2, 1)]
    for level, n_iterations in zip(sizes, _N_ITERATIONS, strict=True):
        velocity = _resized(velocity, level)
        one, other = _resized(fixed, level), _resized(moving, level)
        slopes = _gradient(one)
        for _ in range(n_iterations):
            carried = read(other, displacement(velocity, 1.0))
            step = _demons_step(one, carried, (slopes + _gradient(carried)) / 2)
            voxels = torch.tensor(level, device=fixed.device).reshape(-1, *(1,) * ndim)
            # Smoothed steps make it a fluid, a smoothed sum makes it an elastic body.
            velocity = _smooth(velocity + _smooth(step) / voxels)
    return velocity


def displacement(velocity: Tensor, time: float) -> Tensor:
    """Follow a velocity for some time, forwards or backwards, by scaling and squaring.

    Returns
    -------
    tensor of shape (D, *coarse)
        In parts of the patch's size along each axis.

    References
    ----------
    Arsigny et al., MICCAI 2006, https://doi.org/10.1007/11866565_113
    """
    moved: Tensor = velocity * (time / 2**_SQUARINGS)
    if not time:
        return moved
    for _ in range(_SQUARINGS):
        moved = moved + read(moved, moved)
    return moved


def read(values: Tensor, moved: Tensor) -> Tensor:
    """Read ``values`` ``(F, *size)`` at displaced places; beyond the border lies the border."""
    size = values.shape[1:]
    axes = [(2 * torch.arange(n, device=values.device) + 1) / n - 1 for n in size]
    places = torch.stack(torch.meshgrid(*axes, indexing="ij")) + 2 * moved
    grid = places.flip(0).movedim(0, -1)[None].to(values.dtype)
    return F.grid_sample(values[None], grid, padding_mode="border", align_corners=False)[0]


def _demons_step(fixed: Tensor, carried: Tensor, slopes: Tensor) -> Tensor:
    """Step in voxels that lessens the squared difference of all channels together."""
    gap = (fixed - carried)[:, None]
    steepness = (slopes**2).sum((0, 1)) + (gap**2).sum((0, 1)) / (4 * _LARGEST_STEP**2)
    return (gap * slopes).sum(0) / steepness.clamp_min(1e-6)


def _gradient(values: Tensor) -> Tensor:
    """Central differences a voxel, ``(F, D, *size)``."""
    return torch.stack(torch.gradient(values, dim=tuple(range(1, values.ndim))), dim=1)


def _smooth(field: Tensor) -> Tensor:
    """Binomial smoothing along each axis."""
    kernel = field.new_tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
    out = field[:, None]
    ndim = field.ndim - 1
    conv = F.conv2d if ndim == 2 else F.conv3d
    for axis in range(ndim):
        shape = [1] * ndim
        shape[axis] = 5
        margin = [0] * (2 * ndim)
        margin[2 * (ndim - 1 - axis)] = margin[2 * (ndim - 1 - axis) + 1] = 2
        padded = F.pad(out, margin, mode="replicate")
        out = conv(padded, kernel.reshape(1, 1, *shape))
    return out[:, 0]


def _resized(values: Tensor, size: Sequence[int]) -> Tensor:
    if tuple(values.shape[1:]) == tuple(size):
        return values
    mode = "bilinear" if values.ndim == 3 else "trilinear"
    return F.interpolate(values[None], tuple(size), mode=mode, align_corners=False)[0]
