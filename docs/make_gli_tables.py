"""Lay out the GLI's reference equations: ``python docs/make_gli_tables.py GLOBAL.xlsx 2012.xlsx``.

Reads the workbooks that the Global Lung Function Initiative published with its two papers (Global
2022, https://doi.org/10.1164/rccm.202205-0963OC, and 2012,
https://doi.org/10.1183/09031936.00080312), takes the numbers of FEV1, FVC and FEV1/FVC out of
their sheets and formulas, and writes the two small tables that the package carries.
"""

from __future__ import annotations

import re
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd

PLACE = Path(__file__).parents[1] / "src" / "suffice" / "spirometry"
NAMES = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
MEASURES = {"FEV1": "fev1", "FVC": "fvc", "FEV1FVC": "ratio"}
NUMBER = r"([-+]?\d+\.?\d*)"

Cells = dict[str, str]


def main(global_2022: Path, gli_2012: Path) -> None:
    """Write ``gli_coefficients.csv`` and ``gli_splines.csv``."""
    coefficients: list[dict[str, object]] = []
    splines: list[pd.DataFrame] = []
    for reference, path in (("gli2022", global_2022), ("gli2012", gli_2012)):
        for title, cells in read_workbook(path):
            who, measure = sex_and_measure(title)
            if measure is None:
                continue
            about = {"reference": reference, "sex": who, "measure": measure}
            take = of_formulas if reference == "gli2022" else of_cells
            coefficients.append(about | take(cells))
            splines.append(splines_of(cells).assign(**about))
    table = pd.DataFrame(coefficients).fillna(0.0)
    table.to_csv(PLACE / "gli_coefficients.csv", index=False)
    whole = pd.concat(splines)
    wide = whole.pivot(
        index=["reference", "age"], columns=["sex", "measure"], values=["l", "m", "s"]
    )
    wide.columns = ["_".join((who, measure, part)) for part, who, measure in wide.columns]
    kept = wide.loc[:, (wide != 0).any()].round(7)
    kept.sort_index(axis=1).reset_index().to_csv(PLACE / "gli_splines.csv", index=False)


def read_workbook(path: Path) -> Iterator[tuple[str, Cells]]:
    """Give the title and the cells of every sheet."""
    with zipfile.ZipFile(path) as book:
        texts = [
            "".join(part.text or "" for part in item.iter(f"{NAMES}t"))
            for item in ElementTree.fromstring(book.read("xl/sharedStrings.xml"))
        ]
        sheets = ElementTree.fromstring(book.read("xl/workbook.xml")).find(f"{NAMES}sheets")
        for i, sheet in enumerate(sheets if sheets is not None else [], start=1):
            cells: Cells = {}
            for cell in ElementTree.fromstring(book.read(f"xl/worksheets/sheet{i}.xml")).iter(
                f"{NAMES}c"
            ):
                value = cell.findtext(f"{NAMES}v")
                if value is not None:
                    cells[cell.get("r", "")] = texts[int(value)] if cell.get("t") == "s" else value
            yield sheet.get("name", ""), cells


def sex_and_measure(title: str) -> tuple[str, str | None]:
    """Take a sheet's title apart, e.g. ``Male FEV1 FVC`` or ``FEV1FVC females``."""
    words = title.split()
    sex = "female" if "female" in title.lower() else "male"
    measure = "".join(word for word in words if "male" not in word.lower())
    return sex, MEASURES.get(measure)


def splines_of(cells: Cells) -> pd.DataFrame:
    """Read the look-up table of a sheet, whose columns are found by their titles."""
    titles = {
        place: text.replace(" ", "").lower()
        for place, text in cells.items()
        if re.fullmatch(r"[A-E][12]", place)
    }
    column = {text.removesuffix("spline"): place for place, text in titles.items()}
    first = int(column["age"][1]) + 1
    rows = [
        {part: float(cells[f"{column[part][0]}{i}"]) for part in ("age", "l", "m", "s")}
        for i in range(first, first + 369)
    ]
    return pd.DataFrame(rows)


def of_formulas(cells: Cells) -> dict[str, float]:
    """Read the coefficients of Global 2022 out of its formulas."""
    text = {
        part: re.sub(r"\s", "", cells[place]).replace("\N{EN DASH}", "-")
        for part, place in {"m": "G4", "s": "G5", "l": "G6"}.items()
    }
    found = {
        "a_0": re.search(rf"exp\({NUMBER}", text["m"]),
        "a_height": re.search(rf"{NUMBER}\*ln\(height\)", text["m"]),
        "a_age": re.search(rf"{NUMBER}\*ln\(age\)", text["m"]),
        "p_0": re.search(rf"exp\({NUMBER}", text["s"]),
        "p_age": re.search(rf"{NUMBER}\*ln\(age\)", text["s"]),
        "q_0": re.match(NUMBER, text["l"]),
        "q_age": re.search(rf"{NUMBER}\*ln\(age\)", text["l"]),
    }
    return {name: float(match[1]) for name, match in found.items() if match}


def of_cells(cells: Cells) -> dict[str, float]:
    """Read the coefficients of 2012 out of its cells."""
    groups = ("african_american", "north_east_asian", "south_east_asian", "other")
    places = {"a_0": "I4", "a_height": "I5", "a_age": "I6", "p_0": "L4", "p_age": "L6"}
    places |= {"q_0": "O4", "q_age": "O6"}
    places |= {f"a_{name}": f"I{i}" for i, name in enumerate(groups, start=7)}
    places |= {f"p_{name}": f"L{i}" for i, name in enumerate(groups, start=7)}
    return {name: float(cells[place]) for name, place in places.items()}


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
