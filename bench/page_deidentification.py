"""The section of docs/benchmarks.md on de-identification."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from page_parts import machine_line, row


def deidentification_table(rows: pd.DataFrame) -> Iterator[str]:
    """Give what was planted, and what was found after cleaning."""
    first = rows.iloc[0]
    held, left = rows[rows["before"] > 0], rows[rows["after"] > 0]
    yield "\n## De-identification: what is left of what was planted\n\n"
    yield (
        f"{first['objects']} files of {first['people']} people who do not exist (DICOM of CT, MR, "
        "PET and radiographs, screen captures with written names, NIfTI, PNG), made by code with "
        f"{len(held)} kinds of identifiers, cleaned by `suffice deidentify` with its defaults. All "
        "bytes of the copies, their names and what is compressed in them are searched by other "
        "code than the command's own (`bench/deidentification.py`), but for fields whose date is "
        "another than in the original, as a moved date may fall on another that the person had; "
        "letters in pixels by how bright they are.\n\n"
    )
    yield row(["", ""])
    yield row(["---", "---"])
    yield row(["kinds of identifiers planted", len(held)])
    yield row(["of which any was found again", len(left)])
    yield row(["files cleaned", f"{first['cleaned']} of {first['objects']}"])
    yield row(["files in which the command's own search found anything", first["leftovers"]])
    yield row(["people whose interval between visits is as it was", first["intervals"]])
    yield row(["references between objects that resolve", first["references"]])
    for name in ("pydicom", "highdicom", "dcmdump"):
        yield row([f"DICOM objects that {name} reads", first[name]])
    yield row(["seconds of one core, a file", f"{first['seconds_core'] / first['objects']:.3f}"])
    if len(left):
        yield f"\nFound again: {', '.join(left['kind'])}.\n"
    yield f"\nKinds: {', '.join(sorted(map(str, held['kind'])))}.\n"
    yield f"\n- suffice {first['suffice']}; {machine_line(first)}\n"
