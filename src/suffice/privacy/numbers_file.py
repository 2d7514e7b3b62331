"""Gradients of diffusion: numbers alone."""

from __future__ import annotations

import re
from pathlib import Path, PurePath

from suffice.privacy.cleaning import Done, Job
from suffice.privacy.refused import Refused

_NUMBERS = re.compile(rb"[-+0-9.eE\s]*|(?i:nan)")


def clean(source: Path, target: Path, relative: PurePath, job: Job) -> Done:
    """Copy a table of numbers; anything else in it is a reason to refuse it."""
    data = source.read_bytes()
    if not _NUMBERS.fullmatch(data):
        raise Refused("more than numbers in a table of gradients")
    target.write_bytes(data)
    return {}
