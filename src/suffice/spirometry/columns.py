"""Names that columns of spirometry go by, and the units that stand in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from suffice.core import FileFormatError

# In the order in which they are tried: what is exact before what is only likely.
NAMES: Mapping[str, tuple[str, ...]] = {
    "subject": (
        "subject",
        "subjectid",
        "patient",
        "patientid",
        "participant",
        "participantid",
        "id",
        "seqn",
    ),
    "visit": ("visit", "session", "timepoint"),
    "date": ("date", "testdate", "dateoftest", "examdate", "measurementdate"),
    "sex": ("sex", "gender"),
    "age": ("age", "ageattest"),
    "birth": ("birthdate", "dateofbirth", "dob"),
    "height": ("height", "bodyheight", "stature", "ht"),
    "group": ("group", "ethnicity", "ethnicgroup", "race", "origin"),
    "posture": ("posture", "position", "bodyposition"),
    "fvc": ("fvc", "forcedvitalcapacity"),
    "fev1": ("fev1", "fev10", "forcedexpiratoryvolume1s"),
}
UNITS: Mapping[str, tuple[str, ...]] = {
    "fvc": ("l", "ml"),
    "fev1": ("l", "ml"),
    "height": ("cm", "m", "mm", "in"),
    "age": ("years", "months"),
}
_SAME_UNIT = {
    "liter": "l",
    "litre": "l",
    "liters": "l",
    "litres": "l",
    "lt": "l",
    "millilitres": "ml",
    "milliliters": "ml",
    "inch": "in",
    "inches": "in",
    "meter": "m",
    "metre": "m",
    "y": "years",
    "yr": "years",
    "yrs": "years",
    "year": "years",
    "month": "months",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table, what it holds and in which unit; an unnamed unit is empty."""

    name: str
    field: str
    unit: str = ""


def find_columns(names: Iterable[str], where: str) -> dict[str, Column]:
    """Tell which column holds what.

    Parameters
    ----------
    names : iterable of str
        Titles as they stand in the file.
    where : str
        The file, for errors.

    Raises
    ------
    FileFormatError
        If two columns hold the same.

    Examples
    --------
    >>> found = find_columns(["Patient ID", "FVC [mL]", "Height (cm)", "Remark"], "a.csv")
    >>> [(c.field, c.unit) for c in found.values()]
    [('subject', ''), ('fvc', 'ml'), ('height', 'cm')]
    """
    found: dict[str, Column] = {}
    for name in names:
        column = _column(name)
        if column is None:
            continue
        if column.field in found:
            raise FileFormatError(
                f"'{where}' holds '{column.field}' twice",
                got=f"'{found[column.field].name}' and '{name}'",
                cure="Take one of the columns out.",
            )
        found[column.field] = column
    return found


def _column(name: str) -> Column | None:
    words = [word for word in re.split(r"[^a-z0-9]+", name.lower()) if word]
    for field, known in NAMES.items():
        for n_words in range(len(words), 0, -1):
            rest = [_SAME_UNIT.get(word, word) for word in words[n_words:]]
            if "".join(words[:n_words]) not in known:
                continue
            if not rest:
                return Column(name, field)
            if len(rest) == 1 and rest[0] in UNITS.get(field, ()):
                return Column(name, field, rest[0])
    return None
