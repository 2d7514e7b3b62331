"""Who drew, and what every object of ours says of the program that wrote it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

MANUFACTURER = "suffice"


@dataclass(frozen=True, slots=True)
class Maker:
    """Who drew a mask.

    Parameters
    ----------
    model : str, optional
        Kind of the model that drew it, e.g. ``unet``; nothing where a person did.
    """

    model: str | None = None

    @property
    def algorithm_type(self) -> str:
        """DICOM's word for how it was drawn."""
        return "MANUAL" if self.model is None else "AUTOMATIC"

    @property
    def algorithm(self) -> Any:
        """DICOM's account of the model, or ``None``."""
        if self.model is None:
            return None
        from highdicom import AlgorithmIdentificationSequence
        from pydicom.sr.codedict import codes

        return AlgorithmIdentificationSequence(
            name=f"suffice {self.model}",
            family=codes.cid7162.ArtificialIntelligence,
            version=version("suffice"),
            source=MANUFACTURER,
        )


def equipment() -> dict[str, Any]:
    """Give what an object says of the program, as highdicom's arguments."""
    return {
        "manufacturer": MANUFACTURER,
        "manufacturer_model_name": MANUFACTURER,
        "software_versions": version("suffice"),
        "device_serial_number": "none",
    }
