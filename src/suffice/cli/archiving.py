"""`suffice pacs`: find, fetch and store in a hospital's archive."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from suffice.cli.console import answer, answer_json, answer_table, remark, showing_progress
from suffice.cli.options import Auth, Force, Json
from suffice.cli.problems import named_problems

pacs = typer.Typer(
    name="pacs",
    help="Find, fetch and store in a hospital's archive, by DICOMweb or DICOM's own network.",
    no_args_is_help=True,
)

_Address = Annotated[
    str,
    typer.Argument(
        metavar="ADDRESS",
        help="dicomweb://HOST/PATH, dicomweb+https://HOST/PATH or dimse://AET@HOST:PORT; with"
        " /studies/UID or /studies/UID/series/UID behind it.",
    ),
]


@pacs.command()
@named_problems
def find(
    address: _Address,
    patient: Annotated[str, typer.Option(help="Identifier of the patient.")] = "",
    accession: Annotated[str, typer.Option(help="Accession number.")] = "",
    date: Annotated[
        str, typer.Option(help="Day of the study, 20240131, or a range, 20240101-20240131.")
    ] = "",
    modality: Annotated[str, typer.Option(help="DICOM's code, e.g. CT.")] = "",
    auth: Auth = None,
    as_json: Json = False,
) -> None:
    """List series by patient, accession number, date or study; no names of patients are told."""
    from suffice.workflows.archiving import find_series

    found = find_series(
        address, patient=patient, accession=accession, date=date, modality=modality, auth=auth
    )
    if as_json:
        answer_json(found)
    elif found:
        header = ["study", "series", "modality", "date", "slices", "description"]
        rows = [(s.study, s.series, s.modality, s.date, s.n_slices, s.description) for s in found]
        answer_table(header, rows)
    else:
        remark("no series matches")


@pacs.command()
@named_problems
def fetch(
    address: _Address,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Gets a folder for each series.")
    ],
    auth: Auth = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Fetch the scans of a study, or one series."""
    from suffice.workflows.archiving import fetch_series

    with showing_progress() as listener:
        fetched = fetch_series(address, out, auth=auth, overwrite=force, listener=listener)
    folders = [each.folder for each in fetched]
    if as_json:
        answer_json(folders)
    else:
        for folder in folders:
            answer(str(folder))


@pacs.command()
@named_problems
def store(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="DICOM files.")],
    to: Annotated[
        str, typer.Option("--to", metavar="ADDRESS", help="The archive, without a study.")
    ],
    auth: Auth = None,
    as_json: Json = False,
) -> None:
    """Send DICOM files to an archive."""
    from suffice.workflows.archiving import store_objects

    with showing_progress() as listener:
        store_objects(files, to, auth=auth, listener=listener)
    if as_json:
        answer_json({"stored": files})
    else:
        remark(f"{len(files)} files were stored")
