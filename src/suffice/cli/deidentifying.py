"""`suffice deidentify`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from suffice.cli.console import answer, answer_json, remark, showing_progress
from suffice.cli.options import Force, Json, names_of
from suffice.cli.problems import PROBLEM, named_problems

if TYPE_CHECKING:
    from suffice.workflows.deidentifying import DeidentifyReport

MAX_LISTED = 10


@named_problems
def deidentify(
    source: Annotated[Path, typer.Argument(metavar="SRC", help="Folder or file of scans.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DST", help="Folder to make, beside SRC.")
    ],
    key: Annotated[
        Path | None,
        typer.Option(
            "--key",
            metavar="FILE",
            help="The secret that pseudonyms come from; made where it is not there, by default"
            " DST.key. Never inside SRC or DST.",
        ),
    ] = None,
    retain: Annotated[
        str,
        typer.Option(
            metavar="WORDS",
            help="Keep what DICOM's profile removes: safe-private, uids, device, institution,"
            " patient; several with commas.",
        ),
    ] = "",
    clean: Annotated[
        str,
        typer.Option(
            metavar="WORDS",
            help="Clean and keep what else is removed or refused: descriptors,"
            " structured-content, graphics, pixel-data; several with commas.",
        ),
    ] = "descriptors,pixel-data",
    dates: Annotated[
        Literal["shift", "remove", "keep"],
        typer.Option(help="Shift by as many days for all files of a subject, remove, or keep."),
    ] = "shift",
    pixels: Annotated[
        Literal["black", "refuse"],
        typer.Option(help="What becomes of a picture in which text was seen."),
    ] = "black",
    deface: Annotated[
        bool,
        typer.Option(
            "--deface",
            help="All volumes are heads: take off the faces; what is no whole head is not copied.",
        ),
    ] = False,
    name_files: Annotated[
        bool,
        typer.Option(
            "--name-files", help="Name the files not copied by their paths, which may name people."
        ),
    ] = False,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Copy scans without what says who they are of, and search the copies for what is left.

    DICOM by PS3.15 Annex E. What cannot be cleaned is not copied; DST/audit.csv says what was
    done to every file. Exit status 1 where the search finds anything of SRC in DST.

    Killed or interrupted, the same command goes on where it was.
    """
    from suffice.workflows.deidentifying import deidentify

    with showing_progress() as listener:
        report = deidentify(
            source,
            out,
            key=key,
            retain=names_of(retain),
            clean=[*names_of(clean), *(["faces"] if deface else [])],
            dates=dates,
            pixels=pixels,
            overwrite=force,
            listener=listener,
        )
    if as_json:
        answer_json(_facts(report, name_files))
    else:
        _answer_in_words(report, name_files)
    if report.leftovers:
        remark(
            f"error: {len({one.file for one in report.leftovers})} files still hold what they"
            f" should not. Do not pass '{out}' on; remove these files and report the kind of file."
        )
        raise typer.Exit(PROBLEM)


def _facts(report: DeidentifyReport, name_files: bool) -> dict[str, object]:
    return {
        "folder": report.folder,
        "audit": report.audit,
        "key": report.key,
        "n_cleaned": report.n_cleaned,
        "n_refused": report.n_refused,
        "reasons": report.reasons,
        "refused": report.refused if name_files else None,
        "leftovers": [{"file": one.file, "what": one.what} for one in report.leftovers],
        "is_clean": not report.leftovers,
    }


def _answer_in_words(report: DeidentifyReport, name_files: bool) -> None:
    answer(f"{report.folder}")
    answer(f"cleaned     {report.n_cleaned} files; {report.audit}")
    for reason, count in report.reasons.items():
        answer(f"not copied  {count}: {reason}")
    for path in report.refused if name_files else ():
        answer(f"not copied  {path}")
    for one in report.leftovers[:MAX_LISTED]:
        answer(f"left        {one.file}: {one.what}")
    if len(report.leftovers) > MAX_LISTED:
        answer(f"left        and {len(report.leftovers) - MAX_LISTED} more")
    answer(f"key         {report.key}: keep it apart from the files, and secret")
