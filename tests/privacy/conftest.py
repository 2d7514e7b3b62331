"""Objects of people who do not exist."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from suffice.phantoms.identified import CT, DX, MR, PET, Person, identified_slice
from suffice.privacy import Key

SOP_CLASSES = (CT, MR, PET, DX)


@pytest.fixture
def key() -> Key:
    return Key(bytes(range(32)))


@pytest.fixture
def write_study() -> Callable[[Path, int], Person]:
    """Write two visits of two slices of a person below a folder; give the person."""

    def write(folder: Path, seed: int) -> Person:
        person = Person(seed)
        for visit in range(2):
            for index in range(2):
                made = identified_slice(
                    person, visit=visit, index=index, sop_class=SOP_CLASSES[seed % 4]
                )
                name = made.planted["PatientName"]
                place = folder / f"{name}_{made.day}" / f"IM{index:04d}.dcm"
                place.parent.mkdir(parents=True, exist_ok=True)
                made.dataset.save_as(place, enforce_file_format=True)
        return person

    return write
