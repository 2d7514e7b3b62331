"""The arrays of nnU-Net v2's networks, and of MONAI's DynUNet, by the names of ours."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

_PART = {"conv": "0", "norm": "1"}
# The decoder holds the encoder a second time, and each layer its parts.
_DOUBLES = re.compile(r"^decoder\.encoder\.|\.all_modules\.")
_WRAPPED = re.compile(r"^(module\.|_orig_mod\.)+")
_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), ours)
    for pattern, ours in (
        (r"encoder\.stem\.convs\.0\.(conv|norm)\.(\w+)", "stem.{0}.{1}"),
        (r"encoder\.stages\.(\d+)\.0\.convs\.(\d+)\.(conv|norm)\.(\w+)", "encoder.{0}.{1}.{2}.{3}"),
        (
            r"encoder\.stages\.(\d+)\.blocks\.(\d+)\.conv([12])\.(conv|norm)\.(\w+)",
            "encoder.{0}.{1}.body.{2}.{3}.{4}",
        ),
        (
            r"encoder\.stages\.(\d+)\.blocks\.(\d+)\.skip\.\d+\.(conv|norm)\.(\w+)",
            "encoder.{0}.{1}.shortcut.{2}.{3}",
        ),
        (r"decoder\.stages\.(\d+)\.convs\.(\d+)\.(conv|norm)\.(\w+)", "decoder.{0}.{1}.{2}.{3}"),
        (r"decoder\.transpconvs\.(\d+)\.(\w+)", "lifts.{0}.{1}"),
        (r"decoder\.seg_layers\.(\d+)\.(\w+)", "heads.{0}.{1}"),
    )
)


def is_nnunet(arrays: Mapping[str, Tensor]) -> bool:
    """Whether names are those of nnU-Net v2."""
    return any(_WRAPPED.sub("", name).startswith("decoder.seg_layers.") for name in arrays)


def ours_of_nnunet(arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give the arrays of PlainConvUNet or ResidualEncoderUNet the names of `suffice.nets.NnUNet`.

    Biases before an instance norm, which takes them out, and the copies that their modules hold
    twice are not among them.
    """
    names = {_WRAPPED.sub("", name): array for name, array in arrays.items()}
    n_levels = 1 + max(
        (int(m[1]) for m in (re.match(r"decoder\.transpconvs\.(\d+)\.", n) for n in names) if m),
        default=0,
    )
    found: dict[str, Tensor] = {}
    for name, array in names.items():
        if _DOUBLES.search(name) or name.endswith(".conv.bias"):
            continue
        ours = _ours(name, n_levels)
        if ours is not None:
            found[ours] = array
    return found


def _ours(name: str, n_levels: int) -> str | None:
    for pattern, template in _RULES:
        match = pattern.fullmatch(name)
        if match is None:
            continue
        parts = [_PART.get(part, part) for part in match.groups()]
        if name.startswith("decoder."):
            # Theirs are counted from the coarsest.
            parts[0] = str(n_levels - 1 - int(parts[0]))
        elif ".body." in template:
            parts[2] = str(int(parts[2]) - 1)
        return template.format(*parts)
    return None
